import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isResourceServerError } from '../../src/errors.js';
import { readCredentials } from '../../src/request/credentials.js';
import { NodeRequestView } from '../../src/request/node-view.js';
import { parseQuery, queryText } from '../../src/request/query.js';
import { createResourceServer } from '../../src/resource-server.js';
import { parseChallenge } from '../../src/testing/contract/parse-challenge.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { parseSegment, splitToken } from '../../src/token/compact-jws.js';
import { requestWith } from '../support/outcome.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

const server = createResourceServer((await createTestIssuer()).options);

/** Text of any kind, with what means something to a parser more often than chance has it. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'Bearer bearer.=,; \t"\\-_~+/%\u0000\u00e9') }),
  fc.string({ unit: fc.constantFrom('a', '.', '=', '-', 'eyJ', ' ') }),
);
const anyLine = fc.oneof(
  anyText,
  fc
    .tuple(fc.constantFrom('Bearer', 'bearer', 'BEARER', 'Basic', 'DPoP', ''), anyText)
    .map(([a, b]) => `${a} ${b}`),
);

/** The credentials in a line; undefined also if it's refused. */
function readLine(line: string) {
  try {
    return readCredentials(requestWith(line), new Set(['header']), new Set(['Bearer', 'DPoP']));
  } catch (error) {
    if (isResourceServerError(error)) return undefined;
    throw error;
  }
}

describe('any Authorization header', () => {
  it('yields a decision, which is a refusal with a well-formed challenge', {
    tags: ['JWT-32', 'OPS-10'],
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, { maxLength: 3 }), async (lines) => {
        const decision = await server.authenticate(requestWith(...lines));
        expect(decision.kind).toBe('denied');
        if (decision.kind !== 'denied') return;
        expect([400, 401]).toContain(decision.answer.status);
        const challenges = [decision.answer.headers['WWW-Authenticate'] ?? []].flat().map(parseChallenge);
        expect(challenges.map(({ scheme, parameters }) => [scheme, parameters.realm])).toEqual([
          ['Bearer', 'api'],
          ['DPoP', 'api'],
        ]);
      }),
      { numRuns: 3000 },
    );
  });

  it('is read as a bearer token only if it is written back the same', { tags: ['BRR-03'] }, () => {
    fc.assert(
      fc.property(anyLine, (line) => {
        const read = readLine(line);
        if (read === undefined) return;
        const { length } = read.scheme;
        expect(line.slice(0, length + 1).toLowerCase()).toBe(`${read.scheme.toLowerCase()} `);
        expect(line.slice(length).replace(/^ +/, '')).toBe(read.token);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('any token', () => {
  it('is parsed, or refused with one of our errors', { tags: ['JWT-11'] }, () => {
    const dotted = fc.array(anyText, { maxLength: 5 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.oneof(anyText, dotted), (token) => {
        try {
          for (const segment of splitToken(token)) parseSegment(segment);
        } catch (error) {
          expect(isResourceServerError(error)).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('removing a query parameter', () => {
  const NAME = 'access_token';
  const rawName = fc.oneof(
    fc.constantFrom(
      NAME,
      'access%5Ftoken',
      '%61ccess_token',
      `?${NAME}`,
      `${NAME}[]`,
      'Access_Token',
      'a',
      '',
      '+',
    ),
    fc.string({ unit: fc.constantFrom(...'ab_?%5F+.[]$') }),
  );
  const rawValue = fc.string({ unit: fc.constantFrom(...'ab=?%20+$\'"1') });
  const pair = fc
    .tuple(rawName, fc.option(rawValue, { nil: undefined }))
    .map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
  const target = fc.record({
    path: fc.constantFrom('/', '/stock/42', '/a=b&c', '//x'),
    pairs: fc.array(pair, { minLength: 1, maxLength: 6 }),
    fragment: fc.constantFrom('', '#', '#?access_token=x'),
  });

  it('leaves every other parameter as it was, and path and fragment', { tags: ['BRR-11'] }, () => {
    fc.assert(
      fc.property(target, ({ path, pairs, fragment }) => {
        const url = `${path}?${pairs.join('&')}${fragment}`;
        const message = { url };
        const framework = { target: `/mount${url}` };
        new NodeRequestView(message as never, framework).removeQueryParameter(NAME); // nothing else of a request is looked at
        const others = pairs.filter((written) => !parseQuery(written).has(NAME));
        const expected = path + (others.length > 0 ? `?${others.join('&')}` : '') + fragment;
        expect([message, framework]).toEqual([{ url: expected }, { target: `/mount${expected}` }]);
        // The same by the eyes of whoever parses the whole.
        const parameters = [...parseQuery(queryText(url))].filter(([name]) => name !== NAME);
        expect([...parseQuery(queryText(message.url))]).toEqual(parameters);
      }),
      { numRuns: 3000 },
    );
  });
});
