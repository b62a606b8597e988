import { describe, expect, it } from 'vitest';
import { checkToken, intendedScheme, readCredentials } from '../../../src/request/credentials.js';
import type { RequestView } from '../../../src/request/view.js';
import type { BearerMethod, Scheme } from '../../../src/terms.js';
import { reasonOf } from '../../support/outcome.js';

const BEARER = new Set(['Bearer'] as const);
const FORM = { 'content-type': ['application/x-www-form-urlencoded'] };

interface Sent {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly body?: unknown;
}

function requestOf({ method = 'POST', query = '', headers = FORM, body }: Sent): RequestView & {
  readonly removed: readonly string[];
} {
  const removed: string[] = [];
  return {
    method,
    url: `https://api.example.com/stock${query}`,
    header: (name) => headers[name] ?? [],
    body,
    removeQueryParameter: (name) => {
      removed.push(name);
    },
    removed,
  };
}

/** As the resource server does it with a token that it does not know. */
function read(sent: Sent, ...methods: readonly BearerMethod[]) {
  const credentials = readCredentials(
    requestOf(sent),
    new Set(methods),
    methods.includes('header') ? BEARER : new Set(),
  );
  if (credentials !== undefined) checkToken(credentials);
  return credentials;
}

describe('a token in the form body', () => {
  it.each(['POST', 'PUT', 'PATCH'])('is read from %s', { tags: ['BRR-08'] }, (method) => {
    expect(read({ method, body: { access_token: 'abc' } }, 'body')).toMatchObject({
      token: 'abc',
      method: 'body',
      scheme: 'Bearer',
    });
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'DELETE', 'post', ''])(
    'is ignored with the method %j',
    { tags: ['BRR-08'] },
    (method) => {
      expect(read({ method, body: { access_token: 'abc' } }, 'body')).toBeUndefined();
    },
  );

  it.each([
    'application/x-www-form-urlencoded; charset=utf-8',
    ' Application/X-WWW-Form-Urlencoded ;charset=utf-8',
  ])('is read with the media type %j', { tags: ['BRR-08'] }, (line) => {
    const headers = { 'content-type': [line] };
    expect(read({ headers, body: { access_token: 'abc' } }, 'body')?.token).toBe('abc');
  });

  it.each([
    [[]],
    [['application/json']],
    [['multipart/form-data; boundary=x']],
    [['text/plain; application/x-www-form-urlencoded']],
    [['application/x-www-form-urlencoded-not']],
    [['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded']],
    [['application/x-www-form-urlencoded, text/plain']],
    [['']],
  ])('is ignored with the media type %j', { tags: ['BRR-08'] }, (lines) => {
    expect(
      read({ headers: { 'content-type': lines }, body: { access_token: 'abc' } }, 'body'),
    ).toBeUndefined();
  });

  it.each([
    undefined,
    null,
    'access_token=abc',
    42,
    [],
    {},
    { other: 'abc' },
    Object.create({ access_token: 'abc' }),
  ])('is not there in the body %j', { tags: ['BRR-08'] }, (body) => {
    expect(read({ body }, 'body')).toBeUndefined();
  });

  it('is read from an object without prototype, as some parsers make them', { tags: ['BRR-08'] }, () => {
    const body = Object.assign(Object.create(null), { access_token: 'abc' });
    expect(read({ body }, 'body')).toMatchObject({ token: 'abc', method: 'body', scheme: 'Bearer' });
  });

  it.each([[['abc', 'abc']], [['abc']], [{ a: 'abc' }], [42], [true], [null], [undefined], [[]]])(
    'is refused when it is %j',
    { tags: ['BRR-09'] },
    (value) => {
      expect(reasonOf(() => read({ body: { access_token: value } }, 'body'))).toBe('repeated_parameter');
    },
  );

  it.each(['', ' ', 'a b', 'abc ', 'a,b', 'ä', 'a=b'])(
    'is refused when it is %j',
    { tags: ['BRR-04'] },
    (value) => {
      expect(reasonOf(() => read({ body: { access_token: value } }, 'body'))).toBe('malformed_credentials');
    },
  );
});

describe('a token in the query', () => {
  it.each([
    '?access_token=abc',
    '?a=1&access_token=abc',
    '?access%5Ftoken=abc',
    '?access_token=abc#fragment',
  ])('is read from %s and removed', { tags: ['BRR-10', 'BRR-11'] }, (query) => {
    const request = requestOf({ method: 'GET', query });
    expect(readCredentials(request, new Set(['query']), BEARER)).toMatchObject({
      token: 'abc',
      method: 'query',
      scheme: 'Bearer',
    });
    expect(request.removed).toEqual(['access_token']);
  });

  it('is read from a view that can remove nothing', { tags: ['BRR-10'] }, () => {
    const { removeQueryParameter: _, ...request } = requestOf({ query: '?access_token=abc' });
    expect(readCredentials(request, new Set(['query']), BEARER)?.token).toBe('abc');
  });

  it.each([
    '',
    '?',
    '?a=1',
    '?Access_Token=abc',
    '?access_token[]=abc',
    '?xaccess_token=abc',
    '??access_token=abc',
    '?a=1&?access_token=abc',
    '#?access_token',
  ])('is not there in %j', { tags: ['BRR-10'] }, (query) => {
    const request = requestOf({ method: 'GET', query });
    expect(readCredentials(request, new Set(['query']), BEARER)).toBeUndefined();
    expect(request.removed).toEqual([]);
  });

  it.each([
    '?access_token=abc&access_token=abc',
    '?access_token=abc&access_token=',
    '?access_token&access_token',
  ])('is refused when it is repeated: %s', { tags: ['BRR-09'] }, (query) => {
    expect(reasonOf(() => read({ query }, 'query'))).toBe('repeated_parameter');
  });

  it.each([
    '?access_token',
    '?access_token=',
    '?access_token=a+b',
    '?access_token=a%20b',
    '?access_token=%ff',
  ])("is refused if it isn't a token: %s", { tags: ['BRR-04'] }, (query) => {
    expect(reasonOf(() => read({ query }, 'query'))).toBe('malformed_credentials');
  });

  it('is left alone if the method is off', { tags: ['BRR-10'] }, () => {
    const request = requestOf({ query: '?access_token=abc', body: { access_token: 'abc' } });
    expect(readCredentials(request, new Set(['header']), BEARER)).toBeUndefined();
    expect(request.removed).toEqual([]);
  });

  it.each([
    ['a malformed header', { authorization: ['Bearer'] }, undefined],
    ['two headers', { authorization: ['Bearer abc', 'Bearer abc'] }, undefined],
    ['a good header', { authorization: ['Bearer abc'] }, undefined],
    ['a bad body', FORM, { access_token: ['abc'] }],
    ['a good body', FORM, { access_token: 'abc' }],
  ])('is removed also when the request is refused for %s', { tags: ['BRR-11'] }, (_, headers, body) => {
    const request = requestOf({ query: '?access_token=abc', headers, body });
    expect(
      reasonOf(() => readCredentials(request, new Set(['header', 'body', 'query']), BEARER)),
    ).toBeDefined();
    expect(request.removed).toEqual(['access_token']);
  });
});

describe('several methods', () => {
  const header = { ...FORM, authorization: ['Bearer abc'] };
  const body = { access_token: 'abc' };
  const query = '?access_token=abc';

  it.each([
    ['header and body', { headers: header, body }],
    ['header and query', { headers: header, query }],
    ['body and query', { body, query }],
    ['all three', { headers: header, body, query }],
  ])('are refused, even with the same token: %s', { tags: ['BRR-07'] }, (_, sent) => {
    expect(reasonOf(() => read(sent, 'header', 'body', 'query'))).toBe('multiple_methods');
  });

  it('counts only methods that are on', { tags: ['BRR-10'] }, () => {
    const sent = { headers: header, body, query };
    expect(read(sent, 'header')).toMatchObject({ token: 'abc', method: 'header', scheme: 'Bearer' });
    expect(read(sent, 'body')).toMatchObject({ token: 'abc', method: 'body', scheme: 'Bearer' });
    expect(read(sent, 'query')).toMatchObject({ token: 'abc', method: 'query', scheme: 'Bearer' });
  });

  it('takes credentials of another scheme for none beside a token in the body', { tags: ['BRR-05'] }, () => {
    const headers = { ...FORM, authorization: ['Basic abc'] };
    expect(read({ headers, body }, 'header', 'body')).toMatchObject({
      token: 'abc',
      method: 'body',
      scheme: 'Bearer',
    });
  });

  it.each([
    [['Bearer abc', 'Bearer abc'], 'multiple_methods'],
    [['Basic abc', 'Bearer abc'], 'multiple_methods'],
    [['Bearer', 'Bearer'], 'multiple_methods'],
    [['Bearer'], 'malformed_credentials'],
    [[''], 'malformed_credentials'],
  ])('refuses the Authorization lines %j', { tags: ['BRR-06'] }, (authorization, reason) => {
    expect(reasonOf(() => read({ headers: { authorization } }, 'header'))).toBe(reason);
  });
});

it('returns what was read before of the same field line, so that its digest is made once', () => {
  const lines = (...all: readonly string[]): RequestView => ({ method: 'GET', url: '/', header: () => all });
  const [methods, schemes] = [new Set<BearerMethod>(['header']), new Set<Scheme>(['Bearer', 'DPoP'])];
  const last = readCredentials(lines('Bearer abc'), methods, schemes);
  expect(readCredentials(lines('Bearer abc'), methods, schemes, last)).toBe(last);
  for (const line of ['Bearer abd', 'bearer abc', 'Bearer  abc', 'DPoP abc', 'Bearer ab', 'Bearer abcd'])
    expect(readCredentials(lines(line), methods, schemes, last)).not.toBe(last);
  const read = () => readCredentials(lines('Bearer abc', 'Bearer abc'), methods, schemes, last);
  expect(reasonOf(read)).toBe('multiple_methods');
});

describe('a token under the scheme DPoP', () => {
  const BOTH: ReadonlySet<Scheme> = new Set(['Bearer', 'DPoP']);
  const ONLY_DPOP: ReadonlySet<Scheme> = new Set(['DPoP']);
  const sent = (line: string, more: Sent = {}): RequestView =>
    requestOf({ ...more, headers: { ...FORM, authorization: [line] } });

  it('is read from the header', { tags: ['DPP-01'] }, () => {
    for (const schemes of [BOTH, ONLY_DPOP]) {
      for (const methods of [new Set(['header'] as const), new Set(['body'] as const)]) {
        expect(readCredentials(sent('dPoP  abc'), methods, schemes)).toMatchObject({
          token: 'abc',
          method: 'header',
          scheme: 'DPoP',
        });
      }
    }
  });

  it("doesn't count as credentials if DPoP is off, however malformed", { tags: ['DPP-01'] }, () => {
    for (const line of ['DPoP abc', 'DPoP', 'DPoP\tabc'])
      expect(readCredentials(sent(line), new Set(['header']), BEARER)).toBeUndefined();
  });

  it('leaves a bearer token in the header alone if those belong in the body', {
    tags: ['BRR-10', 'DPP-01'],
  }, () => {
    for (const line of ['Bearer abc', 'Bearer'])
      expect(readCredentials(sent(line), new Set(['body']), ONLY_DPOP)).toBeUndefined();
  });

  it('is refused beside another one, for which scheme is not clear', { tags: ['BRR-07', 'DPP-27'] }, () => {
    const request = sent('DPoP abc', { body: { access_token: 'abc' } });
    const read = () => readCredentials(request, new Set(['header', 'body']), BOTH);
    expect(reasonOf(read)).toBe('multiple_methods');
    expect(intendedScheme(request, thrownBy(read))).toBeUndefined();
  });

  it.each([
    ['DPoP', 'DPoP'],
    ['bearer', 'Bearer'],
    ['', undefined],
  ])('is meant where %j is malformed, or not', { tags: ['DPP-27'] }, (line, scheme) => {
    const request = sent(line);
    const fault = thrownBy(() => readCredentials(request, new Set(['header']), BOTH));
    expect(intendedScheme(request, fault)).toBe(scheme);
  });

  it('is not meant by a parameter', { tags: ['DPP-27'] }, () => {
    const request = requestOf({ body: { access_token: 42 } });
    const fault = thrownBy(() => readCredentials(request, new Set(['body']), BOTH));
    expect(intendedScheme(request, fault)).toBe('Bearer');
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
