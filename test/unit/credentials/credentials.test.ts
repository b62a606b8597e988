import { describe, expect, it } from 'vitest';
import { checkToken, readCredentials } from '../../../src/credentials/credentials.js';
import type { BearerMethod } from '../../../src/options.js';
import type { RequestView } from '../../../src/request.js';
import { reasonOf } from '../../support/outcome.js';

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
  const credentials = readCredentials(requestOf(sent), new Set(methods));
  if (credentials !== undefined) checkToken(credentials.token);
  return credentials;
}

describe('a token in the form body', () => {
  it.each(['POST', 'PUT', 'PATCH'])('BRR-08 is read from %s', (method) => {
    expect(read({ method, body: { access_token: 'abc' } }, 'body')).toEqual({ token: 'abc', method: 'body' });
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'DELETE', 'post', ''])(
    'BRR-08 is ignored with the method %j',
    (method) => {
      expect(read({ method, body: { access_token: 'abc' } }, 'body')).toBeUndefined();
    },
  );

  it.each([
    [[]],
    [['application/json']],
    [['multipart/form-data; boundary=x']],
    [['text/plain; application/x-www-form-urlencoded']],
    [['application/x-www-form-urlencoded-not']],
    [['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded']],
    [['application/x-www-form-urlencoded, text/plain']],
    [['']],
  ])('BRR-08 is ignored with the media type %j', (lines) => {
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
  ])('BRR-08 is not there in the body %j', (body) => {
    expect(read({ body }, 'body')).toBeUndefined();
  });

  it('BRR-08 is read from an object without prototype, as some parsers make them', () => {
    const body = Object.assign(Object.create(null), { access_token: 'abc' });
    expect(read({ body }, 'body')).toEqual({ token: 'abc', method: 'body' });
  });

  it.each([[['abc', 'abc']], [['abc']], [{ a: 'abc' }], [42], [true], [null], [undefined], [[]]])(
    'BRR-09 is refused when it is %j',
    (value) => {
      expect(reasonOf(() => read({ body: { access_token: value } }, 'body'))).toBe('repeated_parameter');
    },
  );

  it.each(['', ' ', 'a b', 'abc ', 'a,b', 'ä', 'a=b'])('BRR-04 is refused when it is %j', (value) => {
    expect(reasonOf(() => read({ body: { access_token: value } }, 'body'))).toBe('malformed_credentials');
  });
});

describe('a token in the query', () => {
  it.each([
    '?access_token=abc',
    '?a=1&access_token=abc',
    '?access%5Ftoken=abc',
    '?access_token=abc#fragment',
  ])('BRR-10 BRR-11 is read from %s and removed', (query) => {
    const request = requestOf({ method: 'GET', query });
    expect(readCredentials(request, new Set(['query']))).toEqual({ token: 'abc', method: 'query' });
    expect(request.removed).toEqual(['access_token']);
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
  ])('BRR-10 is not there in %j', (query) => {
    const request = requestOf({ method: 'GET', query });
    expect(readCredentials(request, new Set(['query']))).toBeUndefined();
    expect(request.removed).toEqual([]);
  });

  it.each([
    '?access_token=abc&access_token=abc',
    '?access_token=abc&access_token=',
    '?access_token&access_token',
  ])('BRR-09 is refused when it is repeated: %s', (query) => {
    expect(reasonOf(() => read({ query }, 'query'))).toBe('repeated_parameter');
  });

  it.each([
    '?access_token',
    '?access_token=',
    '?access_token=a+b',
    '?access_token=a%20b',
    '?access_token=%ff',
  ])('BRR-04 is refused when it is no token: %s', (query) => {
    expect(reasonOf(() => read({ query }, 'query'))).toBe('malformed_credentials');
  });

  it('BRR-10 is left alone where the method is off', () => {
    const request = requestOf({ query: '?access_token=abc', body: { access_token: 'abc' } });
    expect(readCredentials(request, new Set(['header']))).toBeUndefined();
    expect(request.removed).toEqual([]);
  });

  it.each([
    ['a malformed header', { authorization: ['Bearer'] }, undefined],
    ['two headers', { authorization: ['Bearer abc', 'Bearer abc'] }, undefined],
    ['a good header', { authorization: ['Bearer abc'] }, undefined],
    ['a bad body', FORM, { access_token: ['abc'] }],
    ['a good body', FORM, { access_token: 'abc' }],
  ])('BRR-11 is removed also when the request is refused for %s', (_, headers, body) => {
    const request = requestOf({ query: '?access_token=abc', headers, body });
    expect(reasonOf(() => readCredentials(request, new Set(['header', 'body', 'query'])))).toBeDefined();
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
  ])('BRR-07 are refused, even with the same token: %s', (_, sent) => {
    expect(reasonOf(() => read(sent, 'header', 'body', 'query'))).toBe('multiple_methods');
  });

  it('BRR-10 counts only methods that are on', () => {
    const sent = { headers: header, body, query };
    expect(read(sent, 'header')).toEqual({ token: 'abc', method: 'header' });
    expect(read(sent, 'body')).toEqual({ token: 'abc', method: 'body' });
    expect(read(sent, 'query')).toEqual({ token: 'abc', method: 'query' });
  });

  it('BRR-05 takes credentials of another scheme for none beside a token in the body', () => {
    const headers = { ...FORM, authorization: ['Basic abc'] };
    expect(read({ headers, body }, 'header', 'body')).toEqual({ token: 'abc', method: 'body' });
  });

  it.each([
    [['Bearer abc', 'Bearer abc'], 'multiple_methods'],
    [['Basic abc', 'Bearer abc'], 'multiple_methods'],
    [['Bearer', 'Bearer'], 'multiple_methods'],
    [['Bearer'], 'malformed_credentials'],
    [[''], 'malformed_credentials'],
  ])('BRR-06 refuses the Authorization lines %j', (authorization, reason) => {
    expect(reasonOf(() => read({ headers: { authorization } }, 'header'))).toBe(reason);
  });
});
