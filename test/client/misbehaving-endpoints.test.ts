import { createServer as createRawServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ClientMessage, clientChannel, type TokenRequestError } from '../../src/client/index.js';
import { listenTo } from '../support/listen-to.js';
import {
  type Behaviour,
  body,
  drip,
  endless,
  gzipped,
  hang,
  hangInBody,
  hangUp,
  json,
  redirect,
  reset,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { startApi } from './support/api.js';
import { manualClock } from './support/clock.js';
import { failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint } from './support/token-endpoint.js';

const good = { access_token: 'abc', token_type: 'Bearer', expires_in: 600 };

interface Case {
  readonly what: string;
  readonly behaviour: Behaviour;
  readonly failure: Partial<TokenRequestError>;
  /** How many requests one call causes. */
  readonly requests: 1 | 3;
}

/** Once, since nothing would change. */
function final(what: string, behaviour: Behaviour, failure: Partial<TokenRequestError>): Case {
  return { what, behaviour, failure: { transient: false, retryAfter: undefined, ...failure }, requests: 1 };
}

/** Up to three times within the time limit. */
function passing(what: string, behaviour: Behaviour, failure: Partial<TokenRequestError>): Case {
  return { what, behaviour, failure: { transient: true, error: undefined, ...failure }, requests: 3 };
}

/** Asked once, since it wants more patience than the time limit leaves, or uses all of it up. */
function once(what: string, behaviour: Behaviour, failure: Partial<TokenRequestError>): Case {
  return { ...passing(what, behaviour, failure), requests: 1 };
}

function answer(code: number, headers: Readonly<Record<string, string | string[]>>, text = ''): Behaviour {
  return (response) => response.writeHead(code, headers).end(text);
}

function invalid(what: string, members: object, detail: string): Case {
  const failure = { reason: 'invalid_response', status: 200, error: undefined, detail } as const;
  return final(what, json({ ...good, ...members }), failure);
}

function refused(what: string, code: number, text: string | object, error: string | undefined): Case {
  const content = typeof text === 'string' ? text : JSON.stringify(text);
  return final(what, answer(code, { 'Content-Type': 'application/json' }, content), {
    reason: 'refused',
    status: code,
    error,
  });
}

const MISSING = 'access_token, token_type or scope is missing or of the wrong type';
const CHARACTERS = 'access_token has characters that no token has';
const LIFETIME = 'expires_in is not a number of seconds from 0';
const unreadable = (detail: string) => ({ reason: 'invalid_response', status: 200, detail }) as const;

const cases: readonly Case[] = [
  // RFC 6749 §5.2
  ...[
    'invalid_request',
    'invalid_client',
    'invalid_grant',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_scope',
    'invalid_target',
    'made_up.by-server1',
  ].map((error) => refused(`an error: ${error}`, 400, { error, error_description: 'canary' }, error)),
  refused('an error with 401', 401, { error: 'invalid_client' }, 'invalid_client'),
  final(
    'an error with 401 and a challenge',
    (response) => {
      response.setHeader('WWW-Authenticate', 'Basic realm="canary"');
      status(401, { error: 'invalid_client' })(response);
    },
    { reason: 'refused', status: 401, error: 'invalid_client' },
  ),
  refused('an error with 200', 200, { error: 'invalid_client' }, 'invalid_client'),
  refused('an error with 403', 403, { error: 'access_denied' }, 'access_denied'),
  refused('an error page of 400', 400, '<html>canary</html>', undefined),
  refused('an empty 404', 404, '', undefined),
  refused('an error that is no string', 400, { error: { code: 'canary' } }, undefined),
  refused('an error with line breaks', 400, { error: 'invalid\r\nX-Evil: canary' }, undefined),
  refused('an endless error code', 400, { error: 'a'.repeat(5000) }, undefined),
  refused('a list for an error', 400, [{ error: 'invalid_client' }], undefined),
  passing('server_error with 400', status(400, { error: 'server_error' }), {
    reason: 'server_error',
    status: 400,
    error: 'server_error',
  }),
  passing('temporarily_unavailable with 400', status(400, { error: 'temporarily_unavailable' }), {
    reason: 'server_error',
    status: 400,
    error: 'temporarily_unavailable',
  }),

  // What passes
  passing('500', status(500), { reason: 'server_error', status: 500, retryAfter: undefined }),
  passing('an error page of 502', answer(502, { 'Content-Type': 'text/html' }, '<html>canary</html>'), {
    reason: 'server_error',
    status: 502,
  }),
  passing('408', status(408), { reason: 'server_error', status: 408 }),
  passing('503 with Retry-After: 0', answer(503, { 'Retry-After': '0' }), {
    reason: 'server_error',
    status: 503,
    retryAfter: 0,
  }),
  passing(
    '429 with Retry-After in the past',
    answer(429, { 'Retry-After': 'Mon, 31 Dec 2029 23:59:00 GMT' }),
    {
      reason: 'rate_limited',
      status: 429,
      retryAfter: 0,
    },
  ),
  passing('429 without Retry-After', status(429), {
    reason: 'rate_limited',
    status: 429,
    retryAfter: undefined,
  }),
  passing('503 with Retry-After that is none', answer(503, { 'Retry-After': 'later' }), {
    reason: 'server_error',
    retryAfter: undefined,
  }),
  passing('503 with two Retry-After', answer(503, { 'Retry-After': ['1', '2'] }), { reason: 'server_error' }),
  once('503 with Retry-After in seconds', answer(503, { 'Retry-After': '30' }), {
    reason: 'server_error',
    status: 503,
    retryAfter: 30,
  }),
  once('429 with Retry-After as a date', answer(429, { 'Retry-After': 'Tue, 01 Jan 2030 00:01:00 GMT' }), {
    reason: 'rate_limited',
    status: 429,
    retryAfter: 60,
  }),
  once('503 with Retry-After in a year', answer(503, { 'Retry-After': '31536000' }), {
    reason: 'server_error',
    retryAfter: 300,
  }),
  passing('a connection that is reset', reset, {
    reason: 'unreachable',
    status: undefined,
    detail: 'ECONNRESET',
  }),
  passing('a connection that is closed', hangUp, { reason: 'unreachable', detail: 'UND_ERR_SOCKET' }),
  passing('a body that breaks off', truncated('{"access_token":"abc"'), {
    reason: 'unreachable',
    status: 200,
    detail: 'the body broke off',
  }),
  once('no answer', hang, { reason: 'timeout', status: undefined }),
  once('half of an answer', hangInBody('{"access_token":'), { reason: 'timeout' }),
  once('a body that drips', drip, { reason: 'timeout' }),

  // Not an answer of a token endpoint
  ...[301, 302, 303, 307, 308].map((code) =>
    final(`a redirect with ${code}`, redirect(code, 'https://evil.example/canary'), {
      reason: 'redirected',
      status: code,
    }),
  ),
  final('205', answer(205, {}), { reason: 'invalid_response', status: 205, detail: 'not JSON' }),
  final('204', answer(204, {}), { reason: 'invalid_response', status: 204, detail: 'not JSON' }),
  final('an HTML page', body('<html>canary</html>', { 'Content-Type': 'text/html' }), unreadable('not JSON')),
  final('an empty body', body(''), unreadable('not JSON')),
  final('a form', body('access_token=canary&token_type=bearer'), unreadable('not JSON')),
  final('a list', json([good]), unreadable('not a JSON object')),
  final('a string', json('canary'), unreadable('not a JSON object')),
  final('null', json(null), unreadable('not a JSON object')),
  final('half of a document', body('{"access_token":"canary"'), unreadable('not JSON')),
  final(
    'bytes that are not UTF-8',
    body(Buffer.from('{"access_token":"\xff"}', 'latin1')),
    unreadable('not UTF-8'),
  ),
  passing('a wrong content encoding', body('{}', { 'Content-Encoding': 'gzip' }), {
    reason: 'unreachable',
    detail: 'the body broke off',
  }),
  final('a megabyte', body(`{"a":"${'a'.repeat(1_000_000)}"}`), unreadable('larger than 256 KiB')),
  final('a bomb', gzipped(Buffer.alloc(50_000_000, 'a')), unreadable('larger than 256 KiB')),

  // RFC 6749 §5.1
  invalid('no access token', { access_token: undefined }, MISSING),
  invalid('an empty access token', { access_token: '' }, MISSING),
  invalid('a number for an access token', { access_token: 7 }, MISSING),
  invalid('an object for an access token', { access_token: { canary: 1 } }, MISSING),
  ...[7, ['Bearer'], { toString: 1 }].map((token_type) =>
    invalid(`${JSON.stringify(token_type)} for a token type`, { token_type }, MISSING),
  ),
  ...[['a', null], [['a']], {}, true].map((scope) =>
    invalid(`${JSON.stringify(scope)} for a scope`, { scope }, MISSING),
  ),
  invalid('an empty token type', { token_type: '' }, MISSING),
  invalid('a list of numbers for a scope', { scope: ['canary', 7] }, MISSING),
  invalid('a line break in the token', { access_token: 'abc\r\nX-Evil: canary' }, CHARACTERS),
  invalid('a trailing line break in the token', { access_token: 'abc\n' }, CHARACTERS),
  invalid('a space in the token', { access_token: 'abc canary' }, CHARACTERS),
  invalid('a control character in the token', { access_token: 'abc\u0000' }, CHARACTERS),
  invalid('a letter beyond ASCII in the token', { access_token: 'abcü' }, CHARACTERS),
  invalid('a delete character in the token', { access_token: 'abc\u007f' }, CHARACTERS),
  invalid('a negative lifetime', { expires_in: -1 }, LIFETIME),
  invalid('a lifetime in words', { expires_in: 'an hour' }, LIFETIME),
  invalid('a negative lifetime as a string', { expires_in: '-1' }, LIFETIME),
  invalid('a list for a lifetime', { expires_in: [600] }, LIFETIME),
  ...['', '.5', '3600.', '0x10', '1e3', '+5', ' 5', '5 ', '5s', 'NaN', 'Infinity', '3,6'].map((expires_in) =>
    invalid(`the text ${JSON.stringify(expires_in)} for a lifetime`, { expires_in }, LIFETIME),
  ),
  final('NaN for a lifetime', body('{"access_token":"abc","expires_in":NaN}'), unreadable('not JSON')),
  final('201 without a token', status(201, { token_type: 'Bearer' }), {
    reason: 'invalid_response',
    status: 201,
    detail: MISSING,
  }),
  final('206 with a negative lifetime', status(206, { ...good, expires_in: -1 }), {
    reason: 'invalid_response',
    status: 206,
    detail: LIFETIME,
  }),
  invalid('true for a lifetime', { expires_in: true }, LIFETIME),
  ...[
    'DPoP',
    'mac',
    'N_A',
    'Bearer Token',
    'bearer_token',
    'BearerTokens',
    'access_token',
    'JWT',
    'Bearer ',
    'constructor',
    '__proto__',
  ].map((token_type) =>
    final(`the token type ${token_type}`, json({ ...good, token_type }), {
      reason: 'unsupported_token_type',
    }),
  ),
];

describe('a token endpoint that answers with', { tags: ['CLI-08', 'CLI-09', 'CLI-15', 'CLI-16'] }, () => {
  it.each(cases.map((one) => [one.what, one] as const))('%s', async (_what, one) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(one.behaviour);
    const client = makeClient({
      tokenEndpoint: endpoint.url,
      clock: manualClock().now,
      timeoutSeconds: one.failure.reason === 'timeout' ? 0.2 : 5,
    });

    const failure = await failureOf(client.getToken());
    expect(failure).toMatchObject(one.failure);
    expect(failure.message).not.toContain('canary');
    expect(endpoint.requests).toHaveLength(one.requests);
  });

  it('an endless body, of which little is read', async () => {
    const endpoint = await startTokenEndpoint();
    const sent = new Promise<number>((resolve) => {
      endpoint.script(endless(resolve));
    });
    const client = makeClient({ tokenEndpoint: endpoint.url });
    expect(await failureOf(client.getToken())).toMatchObject(unreadable('larger than 256 KiB'));
    expect(await sent).toBeLessThan(20_000_000);
  });

  it('no HTTP', async () => {
    const server = createRawServer((socket) => socket.end('SSH-2.0-canary\r\n'));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    onTestFinished(() => {
      server.close();
    });
    const client = makeClient({ tokenEndpoint: `http://127.0.0.1:${port}/token` });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'unreachable', status: undefined });
  });

  it('nothing, since no server is there', async () => {
    const endpoint = await startTokenEndpoint();
    await endpoint.stop();
    const client = makeClient({ tokenEndpoint: endpoint.url });
    expect(await failureOf(client.getToken())).toMatchObject({
      reason: 'unreachable',
      detail: 'ECONNREFUSED',
      transient: true,
    });
  });
});

it.each([
  ['Salesforce', '00Dxx0000001gPL!AR8AQJXg5oj8jXSgxJfA0lBog'],
  ['servers with a separator', '12|Zk3x_RtY'],
  ['any that keeps to RFC 6749 A.12', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
])('takes tokens of %s, and sends them as they are', { tags: ['CLI-08'] }, async (_what, access_token) => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(json({ ...good, access_token }));
  const api = await startApi();
  const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] });
  expect((await client.fetch(api.origin)).status).toBe(200);
  expect(api.calls[0]?.headers.authorization).toBe(`Bearer ${access_token}`);
});

describe('a failure that passes', { tags: ['CLI-16'] }, () => {
  it.each<[string, Behaviour]>([
    ['503', status(503)],
    ['a reset', reset],
    ['429 with Retry-After: 0', answer(429, { 'Retry-After': '0' })],
  ])('is not noticed by the caller: %s', async (_what, behaviour) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(behaviour, behaviour, grants());
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('token-1');
    expect(endpoint.requests).toHaveLength(3);
  });

  it.each<[string, Record<string, string>]>([
    ['no Retry-After', {}],
    ['Retry-After: 0', { 'Retry-After': '0' }],
    ['Retry-After in the past', { 'Retry-After': 'Mon, 31 Dec 2029 23:59:00 GMT' }],
  ])('and goes on is not asked for by each call: %s', async (_what, headers) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(answer(503, headers));
    const clock = manualClock();
    const client = makeClient({ tokenEndpoint: endpoint.url, clock: clock.now, random: () => 0 });
    for (let call = 0; call < 50; call += 1) await failureOf(client.getToken());
    expect(endpoint.requests).toHaveLength(3);
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'server_error', retryAfter: 1 });
    clock.step(1);
    endpoint.script(grants());
    expect((await client.getToken()).accessToken).toBe('token-1');
  });

  it('does not hide one that does not', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503), status(400, { error: 'invalid_scope' }));
    const failure = await failureOf(makeClient({ tokenEndpoint: endpoint.url }).getToken());
    expect(failure).toMatchObject({ reason: 'refused', error: 'invalid_scope' });
    expect(endpoint.requests).toHaveLength(2);
  });
});

describe('a fetch of the application', () => {
  const tokenEndpoint = 'https://auth.example.com/token';

  it.each<[string, unknown, string]>([
    ['an error with a code', Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [
      'an error with a cause',
      new TypeError('x', { cause: Object.assign(new Error(), { code: 'EPIPE' }) }),
      'EPIPE',
    ],
    ['an error with text for a code', Object.assign(new Error(), { code: 'see canary' }), 'network error'],
    [
      'an error that carries the request',
      Object.assign(new Error('x'), { config: 'canary' }),
      'network error',
    ],
    ['something else', 'canary', 'network error'],
    ['nothing', undefined, 'network error'],
  ])('may fail with %s', { tags: ['CLI-16'] }, async (_what, thrown, detail) => {
    const client = makeClient({
      tokenEndpoint,
      fetch: async () => {
        throw thrown;
      },
    });
    const failure = await failureOf(client.getToken());
    expect(failure).toMatchObject({ reason: 'unreachable', detail });
    expect(failure.cause).toBeUndefined();
  });

  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'undefined'],
    ['a promise of nothing', async () => undefined, 'undefined'],
    ['null', () => null, 'null'],
    ['a text', async () => 'canary', 'string'],
    ['only what its author needs', async () => ({ ok: true, json: async () => good }), 'object'],
    ['fields of another kind', async () => ({ status: 200, headers: {}, json: async () => good }), 'object'],
  ])('may return %s, which is no response', { tags: ['CLI-16'] }, async (_what, answer, type) => {
    const messages = listenTo<ClientMessage>(clientChannel);
    const detail = `fetch returned ${type}, not a Response`;
    const failing = { fetch: answer as typeof fetch }; // a fetch that breaks its own contract
    const failure = await failureOf(makeClient({ tokenEndpoint, ...failing }).getToken());
    expect(failure).toMatchObject({ reason: 'invalid_response', detail, transient: false });
    expect(messages.map(({ event }) => event)).toEqual(['requested', 'failed']);
    const discovering = makeClient({ issuer: 'https://auth.example.com', ...failing });
    expect(await failureOf(discovering.getToken())).toMatchObject({
      reason: 'metadata_invalid',
      issuer: 'https://auth.example.com',
      detail,
    });
  });

  it('may not follow redirects behind our back', async () => {
    const elsewhere = Response.json(good);
    Object.defineProperty(elsewhere, 'redirected', { value: true });
    const client = makeClient({ tokenEndpoint, fetch: async () => elsewhere });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'redirected' });
  });

  it('may ignore its signal: the call still ends at the time limit', async () => {
    const client = makeClient({
      tokenEndpoint,
      timeoutSeconds: 0.05,
      fetch: () => new Promise(() => undefined),
    });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'timeout', issuer: tokenEndpoint });
  });
});
