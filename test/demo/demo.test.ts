import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StartAuthorizationServer } from '../../examples/demo/authorization-servers/authorization-server.js';
import { startDevIssuer } from '../../examples/demo/authorization-servers/dev-issuer.js';
import { startOidcProvider } from '../../examples/demo/authorization-servers/oidc-provider.js';
import { type DemoOptions, type DemoResult, runDemo } from '../../examples/demo/demo.js';
import type { PairRow } from '../../examples/demo/system/chapter.js';
import { readPage } from '../docs/markdown.js';
import { type BuiltProgram, buildProgram } from './support/build-program.js';

const FRAMEWORKS = ['Express 5', 'Express 4', 'Fastify 5', 'NestJS on Express', 'NestJS on Fastify'];

let program: BuiltProgram;

beforeAll(async () => {
  program = await buildProgram();
}, 120_000);

afterAll(() => program.remove());

describe.each<[string, StartAuthorizationServer, DemoOptions]>([
  ['dev-issuer', () => startDevIssuer(program.path), {}],
  ['oidc-provider', startOidcProvider, { verbose: true }],
])('the demo with %s', (name, startAuthorizationServer, options) => {
  let result: DemoResult;
  const told: string[] = [];

  beforeAll(async () => {
    result = await runDemo(startAuthorizationServer, (paragraph) => told.push(paragraph), options);
  }, 120_000);

  const rowsOf = (title: RegExp): readonly PairRow[] => {
    const chapters = result.chapters.filter((chapter) => title.test(chapter.title));
    expect(chapters).toHaveLength(1);
    const rows = chapters.flatMap((chapter) => chapter.rows);
    expect(rows.map(({ framework }) => framework)).toEqual(FRAMEWORKS);
    return rows;
  };

  it('gets the expected answer to every request, on every framework', () => {
    expect(result.rows.filter((row) => !row.passed)).toEqual([]);
    expect(result.rows).toHaveLength(55);
  });

  it('covers each status that a protected API answers with, on every framework', () => {
    for (const framework of FRAMEWORKS) {
      const own = result.rows.filter((row) => row.framework === framework);
      expect(new Set(own.map((row) => row.outcome.status))).toEqual(new Set([200, 201, 401, 403, 503]));
    }
  });

  it('finds everything as it must be', () => {
    const wrong = [...result.chapters, result.onBehalf].flatMap(({ findings }) =>
      findings.filter(({ holds }) => !holds),
    );
    expect(wrong).toEqual([]);
    expect(result.unexpected).toBe(0);
  });

  it('makes many calls with one access token', { tags: ['CLI-14'] }, () => {
    for (const row of rowsOf(/^Orders come in$/)) {
      expect(row.placed).toBeGreaterThanOrEqual(8);
      expect(row).toMatchObject({ failures: [], tokens: 1, unanswered: 0, refused: 0 });
    }
  });

  it('renews access tokens before they expire', { tags: ['CLI-13'] }, () => {
    for (const row of rowsOf(/^Access tokens grow old/))
      expect(row).toMatchObject({ failures: [], tokens: 1, unanswered: 0, refused: 0 });
  });

  it('loses no order when the authorization server is killed and started again', {
    tags: ['CLI-16', 'KEY-15'],
  }, () => {
    for (const row of rowsOf(/due for renewal, and started again$/)) {
      expect(row.placed).toBeGreaterThanOrEqual(24);
      expect(row).toMatchObject({ failures: [], tokens: 1, refused: 0 });
      expect(row.unanswered).toBeGreaterThan(0);
    }
  });

  it('answers 503 only when there is no access token left, and recovers at once', {
    tags: ['STP-14'],
  }, () => {
    for (const row of rowsOf(/longer than access tokens live$/)) {
      expect(row.failures).toEqual([expect.stringMatching(/^503, Retry-After: [1-9]/)]);
      expect(row).toMatchObject({ placed: 1, tokens: 1, lost: 0 });
    }
  });

  it('loses no order when the authorization server comes back with another key', {
    tags: ['CLI-18', 'KEY-16'],
  }, () => {
    for (const row of rowsOf(/another key$/)) {
      expect(row.placed).toBeGreaterThanOrEqual(16);
      expect(row).toMatchObject({ failures: [], tokens: 1, refused: 1 });
    }
  });

  it('says how it ended, and counts the orders right', () => {
    const pairs = result.chapters.flatMap(({ rows }) => rows);
    const orders = pairs.reduce((total, { placed, failures }) => total + placed + failures.length, 0);
    const [first, second, third, fourth] = told.at(-1)?.split('\n') ?? [];
    expect(first).toBe(
      `authorization server killed 5 times; ${orders.toLocaleString('en')} orders; 0 lost while a token was valid`,
    );
    expect(second).toMatch(/^5 orders got 503 and Retry-After: /);
    expect(third).toMatch(
      /^inventory and warehouse killed too: \d+ orders on behalf of the caller; \d+ got 503 meanwhile; 0 lost$/,
    );
    expect(fourth).toMatch(/^80 of 80 checks passed in [\d.]+ seconds: tokens last 10 minutes, /);
  });

  it('ends as the README says', async () => {
    const { text } = await readPage('README.md');
    const shape = (lines: string | undefined) => lines?.replaceAll(/[\d,]*\d(\.\d)?/g, 'N');
    expect(shape(text)).toContain(`\n${shape(told.at(-1))}\n`);
  });

  it.runIf(options.verbose)('tells all that happened', () => {
    const text = told.join('\n');
    expect(told[0]).toContain(`The authorization server is ${name} at http://127.0.0.1:`);
    for (const framework of FRAMEWORKS) expect(text).toContain(framework);
    for (const { title } of [...result.chapters, result.onBehalf]) expect(text).toContain(title);
    expect(text).toContain('web-shop ──▶ order-service ──▶ inventory-service ──▶ warehouse-service');
    expect(text.match(/ {4}ok {2}\d/g)).toHaveLength(55);
  });

  it.skipIf(options.verbose)('convinces in 25 lines, with a column for each framework', () => {
    const lines = told.join('\n\n').split('\n');
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(lines.filter((line) => line.length > 110)).toEqual([]);
    expect(lines[0]).toContain(`The authorization server is ${name} at http://127.0.0.1:`);
    expect(told[1]).toMatch(/NestJS on +NestJS on\n +Express 5 +Express 4 +Fastify 5 +Express +Fastify\n/);
    expect(told[1]).toMatch(/^token for another API +401 +401 +401 +401 +401$/m);
    expect(told[2]).toMatch(/^lost while a token was valid +0 +0 +0 +0 +0$/m);
    const column = told[1]?.split('\n').at(-1)?.indexOf('401');
    expect(told[2]?.search(/\d/)).toBe(column); // both tables stand under the same headings
  });
});
