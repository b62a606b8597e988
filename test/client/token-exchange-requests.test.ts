import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ClientMessage,
  clientChannel,
  createTokenExchange,
  type ExchangeTarget,
  isTokenRequestError,
  type SubjectToken,
  type TokenExchange,
  type TokenExchangeOptions,
  TokenRequestError,
  tokenRequestReasons,
  toResourceServerError,
} from '../../src/client/index.js';
import { isResourceServerError } from '../../src/errors.js';
import type { Auth } from '../../src/index.js';
import { createClientCertificate, fakeAuth } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { json, status } from '../support/misbehaving-issuer.js';
import { isFullSize, repeats } from '../support/size.js';
import { startApi } from './support/api.js';
import { type ManualClock, manualClock } from './support/clock.js';
import { failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint } from './support/token-endpoint.js';

const PREFIX = 'urn:ietf:params:oauth:token-type:';
const ORIGIN = 'https://warehouse.example.com';

function makeExchange(options: Partial<TokenExchangeOptions>): TokenExchange {
  const exchange = createTokenExchange({
    clientId: 'inventory-service',
    clientSecret: 'canary-secret',
    scope: 'read:warehouse',
    resource: ORIGIN,
    random: () => 0,
    ...options,
  });
  onTestFinished(() => exchange.close());
  return exchange;
}

interface Scene {
  readonly exchange: TokenExchange;
  readonly clock: ManualClock;
  /** The parameters of each request so far. */
  readonly requests: readonly URLSearchParams[];
  /** What the token endpoint does from now on. */
  answer: (parameters: URLSearchParams) => Response | Promise<Response>;
}

/** A token endpoint in this process, which grants tokens for ten minutes unless a test says otherwise. */
function scene(options: Partial<TokenExchangeOptions> = {}): Scene {
  const clock = manualClock();
  const requests: URLSearchParams[] = [];
  const made: Scene = {
    exchange: makeExchange({
      tokenEndpoint: 'https://auth.example.com/token',
      clock: clock.now,
      fetch: async (_url, init) => {
        const parameters = new URLSearchParams(String(init?.body));
        requests.push(parameters);
        return made.answer(parameters);
      },
      ...options,
    }),
    clock,
    requests,
    answer: () => granted({ access_token: `token-${requests.length}` }),
  };
  return made;
}

function granted(members: object = {}): Response {
  const type = `${PREFIX}access_token`;
  const body = { access_token: 'token', token_type: 'Bearer', expires_in: 600, issued_token_type: type };
  return Response.json({ ...body, ...members });
}

function refused(error: string, members: object = {}): Response {
  return Response.json({ error, ...members }, { status: 400 });
}

const seconds = (clock: ManualClock, later: number) => clock.now() / 1000 + later;

describe('a request', () => {
  it('has the parameters of RFC 8693, each once', { tags: ['CLI-01'] }, async () => {
    const { exchange, requests } = scene();
    const auth = fakeAuth({ subject: 'ada', expiresAt: 4_000_000_000 });
    await exchange.for(auth).getToken();
    expect(Object.fromEntries(requests[0] ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: auth.token,
      subject_token_type: `${PREFIX}access_token`,
      scope: 'read:warehouse',
      resource: ORIGIN,
    });
    expect([...(requests[0]?.keys() ?? [])]).toHaveLength(5);
  });

  it('has what options and call say', async () => {
    const { exchange, requests } = scene({
      subjectTokenType: 'jwt',
      requestedTokenType: 'jwt',
      audience: 'warehouse',
      parameters: { tenant: 'a' },
      actorToken: () => 'the-actor',
      actorTokenType: 'urn:example:actor',
    });
    const target = { scope: ['read:bins'], resource: 'https://bins.example.com', audience: 'bins' };
    await exchange.for({ token: 'one', tokenType: 'saml2' }, target).getToken();
    await exchange.for({ token: 'two' }, {}).getToken();
    expect(requests.map((parameters) => Object.fromEntries(parameters))).toMatchObject([
      {
        subject_token: 'one',
        subject_token_type: `${PREFIX}saml2`,
        requested_token_type: `${PREFIX}jwt`,
        actor_token: 'the-actor',
        actor_token_type: 'urn:example:actor',
        scope: 'read:bins',
        resource: 'https://bins.example.com',
        audience: 'bins',
        tenant: 'a',
      },
      { subject_token: 'two', subject_token_type: `${PREFIX}jwt`, audience: 'warehouse', resource: ORIGIN },
    ]);
  });

  it('gets the token of who acts from a client, with one request for all callers', async () => {
    const endpoint = await startTokenEndpoint();
    const actorToken = makeClient({ tokenEndpoint: endpoint.url });
    const { exchange, requests } = scene({ actorToken });
    await Promise.all(['one', 'two'].map((token) => exchange.for({ token }).getToken()));
    expect(requests.map((parameters) => parameters.get('actor_token'))).toEqual(['token-1', 'token-1']);
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each<[string, () => string | Promise<string>, string, number]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function actorToken: RangeError', 503],
    ['returns nothing', () => '', 'the function actorToken: it returned no access token', 503],
    ['takes too long', () => new Promise(() => undefined), 'the function actorToken: time-out', 503],
    [
      'meets an outage',
      () => Promise.reject(new TokenRequestError('unreachable')),
      'the function actorToken: The authorization server cannot be reached',
      503,
    ],
    [
      'is refused itself',
      () => Promise.reject(new TokenRequestError('refused', { error: 'invalid_client' })),
      'the function actorToken: The authorization server refused the request for an access token (invalid_client)',
      502,
    ],
  ])(
    "isn't made if the function for the actor %s, which the caller isn't blamed for",
    {
      tags: ['OPS-01'],
    },
    async (_what, actorToken, detail, status) => {
      const { exchange, requests } = scene({ actorToken, timeoutSeconds: 0.05, clock: Date.now });
      const failure = await failureOf(exchange.for({ token: 'one' }).getToken());
      expect(failure).toMatchObject({ reason: 'credential_unavailable', detail });
      expect(inspect(failure, { showHidden: true })).not.toContain('canary');
      expect(toResourceServerError(failure)).toMatchObject({ status });
      expect(requests).toHaveLength(0);
    },
  );
});

describe('options and arguments', () => {
  it.each<[object, string]>([
    [{ subjectTokenType: 'access-token' }, 'subjectTokenType'],
    [{ requestedTokenType: 'id_token' }, 'requestedTokenType'],
    [{ requestedTokenType: `${PREFIX}refresh_token` }, 'requestedTokenType'],
    [{ actorToken: 'a-token' }, 'actorToken'],
    [{ actorToken: null }, 'actorToken'],
    [{ actorTokenType: '' }, 'actorTokenType'],
    [{ maxTokens: 0 }, 'maxTokens'],
    [{ maxTokens: 1.5 }, 'maxTokens'],
    [{ parameters: { subject_token: 'x' } }, 'parameters'],
    [{ maxToken: 5 }, 'maxTokens'],
  ])('are refused when the exchange is made: %j', (options, name) => {
    expect(() => makeExchange({ tokenEndpoint: 'https://a.example/', ...options })).toThrow(name);
    expect(() => makeExchange({ tokenEndpoint: 'https://a.example/', ...options })).toThrow(TypeError);
  });

  const copied = { ...fakeAuth({ subject: 'ada' }), token: 'a-token' };
  it.each<[string, unknown, unknown?]>([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'canary-token'],
    ['a copy of an Auth', copied],
    ['an empty object', {}],
    ['an empty token', { token: '' }],
    ['a token of another type', { token: 7 }],
    ['the whole header field', { token: 'Bearer canary-token' }],
    ['the whole header field of DPoP', { token: 'dpop canary-token' }],
    ['another type of token', { token: 'canary-token', tokenType: 'bearer' }],
    ['a time in milliseconds', { token: 'canary-token', expiresAt: Date.now() }],
    ['a time that is none', { token: 'canary-token', expiresAt: Number.NaN }],
    ['a request', { headers: { authorization: 'Bearer canary-token' } }],
    ['an unknown target', { token: 'canary-token' }, { scopes: 'read' }],
    ['a wrong scope', { token: 'canary-token' }, { scope: 'a  b' }],
    ['a wrong resource', { token: 'canary-token' }, { resource: 'warehouse' }],
    ['no target', { token: 'canary-token' }, null],
  ])('are refused at once: %s', { tags: ['OPS-01'] }, (_what, subject, target) => {
    const { exchange, requests } = scene();
    const open = () => exchange.for(subject as Auth, target as ExchangeTarget); // wrong on purpose
    expect(open).toThrow(TypeError);
    expect(open).not.toThrow('canary');
    expect(requests).toHaveLength(0);
  });

  it('say where the token may go: to the target of this call, unless there are origins', {
    tags: ['CLI-19'],
  }, () => {
    const subject = { token: 'one' };
    const target = { resource: 'https://bins.example.com/v1' };
    const { exchange } = scene();
    expect(exchange.for(subject).origins).toEqual([ORIGIN]);
    expect(exchange.for(subject, target).origins).toEqual(['https://bins.example.com']);
    expect(exchange.for(subject, { resource: 'urn:bins' }).origins).toEqual([]);
    expect(scene({ origins: [ORIGIN] }).exchange.for(subject, target).origins).toEqual([ORIGIN]);
  });
});

describe('the tokens of callers', () => {
  it('are shared by those requests alone that are for the same in all', { tags: ['CLI-14'] }, async () => {
    const { exchange, requests } = scene();
    const get = (subject: SubjectToken | Auth, target?: ExchangeTarget) =>
      exchange.for(subject, target).getToken();
    const different: [SubjectToken, ExchangeTarget?][] = [
      [{ token: 'one' }],
      [{ token: 'two' }],
      [{ token: 'one', tokenType: 'jwt' }],
      [{ token: 'one' }, { scope: 'a b' }],
      [{ token: 'one' }, { scope: 'a' }],
      [{ token: 'one' }, { audience: 'a' }],
      [{ token: 'one' }, { resource: 'urn:a' }],
      [{ token: 'one' }, { resource: 'urn:a', audience: 'a' }],
      [{ token: 'one', tokenType: 'jwt' }, { audience: 'a' }],
      [{ token: 'one&audience=a' }],
      [{ token: 'one"],["' }],
    ];
    const first: string[] = [];
    for (const [subject, target] of different) first.push((await get(subject, target)).accessToken);
    expect(new Set(first).size).toBe(different.length);
    expect(requests).toHaveLength(different.length);
    for (const [index, [subject, target]] of different.entries())
      expect((await get(subject, target)).accessToken).toBe(first[index]);
    expect((await get({ token: 'one' }, { scope: ['b', 'a', 'a'] })).accessToken).toBe(first[3]);
    const auth = fakeAuth({ token: 'one', expiresAt: 4_000_000_000 });
    expect((await get(auth)).accessToken).toBe(first[0]);
    expect(requests).toHaveLength(different.length);
  });

  it('are one flight for all who wait for the same one', { tags: ['CLI-14'] }, async () => {
    const { exchange, requests } = scene();
    const CALLERS = repeats(1000);
    const calls = Array.from({ length: CALLERS }, () => exchange.for({ token: 'one' }).getToken());
    expect(new Set(await Promise.all(calls)).size).toBe(1);
    expect(requests).toHaveLength(1);
    const others = Array.from({ length: CALLERS }, (_, n) => exchange.for({ token: `${n}` }).getToken());
    expect(new Set(await Promise.all(others)).size).toBe(CALLERS);
    expect(requests).toHaveLength(CALLERS + 1);
  });

  it("are the last ones if their server ends them a little before the caller's own", {
    tags: ['CLI-13'],
  }, async () => {
    const test = scene();
    const subject = { token: 'one', expiresAt: seconds(test.clock, 60) };
    test.answer = () => granted({ access_token: `token-${test.requests.length}`, expires_in: 58 });
    for (let second = 0; second < 58; second += 1) {
      await test.exchange.for(subject).getToken();
      test.clock.step(1);
    }
    expect(test.requests).toHaveLength(1);
  });

  it("aren't used for longer than the caller's own, by the clock of this machine", {
    tags: ['CLI-13'],
  }, async () => {
    const { exchange, clock, requests } = scene();
    const expiresAt = seconds(clock, 100);
    const api = exchange.for({ token: 'one', expiresAt });
    expect((await api.getToken()).expiresAt).toBe(expiresAt);
    clock.step(99.9);
    expect((await api.getToken()).expiresAt).toBe(expiresAt);
    expect(requests).toHaveLength(1); // another one wouldn't live longer
    clock.step(0.1);
    expect((await failureOf(api.getToken())).reason).toBe('subject_expired');
    expect((await failureOf(api.fetch(`${ORIGIN}/`))).reason).toBe('subject_expired');
    expect(requests).toHaveLength(1);
    // Who doesn't know when the caller's token ends asks the server.
    await exchange.for({ token: 'one' }).getToken();
    expect(requests).toHaveLength(2);
  });

  it('are renewed early until the last one that the caller can have', { tags: ['CLI-13'] }, async () => {
    const { exchange, clock, requests } = scene();
    const api = exchange.for({ token: 'one', expiresAt: seconds(clock, 1500) });
    for (let second = 0; second < 1500; second += 1) {
      await api.getToken();
      clock.step(1);
    }
    expect(requests).toHaveLength(3);
    expect((await failureOf(api.getToken())).reason).toBe('subject_expired');
  });

  it("aren't given out if the caller's own ended while they were fetched", async () => {
    const made = scene();
    made.answer = () => {
      made.clock.step(2);
      return refused('invalid_request');
    };
    const expiresAt = seconds(made.clock, 1);
    const failure = await failureOf(made.exchange.for({ token: 'one', expiresAt }).getToken());
    expect(failure.reason).toBe('subject_expired');
    const later = scene();
    later.answer = () => {
      later.clock.step(2);
      return granted();
    };
    const late = later.exchange.for({ token: 'one', expiresAt: seconds(later.clock, 1) });
    expect((await failureOf(late.getToken())).reason).toBe('subject_expired');
  });

  it.each<[string, (pem: { cert: string; key: string }) => NonNullable<TokenExchangeOptions['certificate']>]>(
    [
      ['text', (pem) => pem],
      ['Buffers', ({ cert, key }) => ({ cert: Buffer.from(cert), key: Buffer.from(key) })],
      [
        'Buffers from a function',
        ({ cert, key }) =>
          async () => ({ cert: Buffer.from(cert), key: Buffer.from(key) }),
      ],
      ['an object with a method', (pem) => () => ({ ...pem, renew: () => pem })],
    ],
  )(
    'are kept while the certificate is the same one, given as %s',
    { tags: ['CLI-13'] },
    async (_what, give) => {
      const endpoint = await startTokenEndpoint();
      const clock = manualClock();
      const { certificate: cert, privateKey: key } = await createClientCertificate();
      const exchange = createTokenExchange({
        tokenEndpoint: endpoint.url,
        clientId: 'inventory-service',
        certificate: give({ cert, key }),
        resource: ORIGIN,
        clock: clock.now,
      });
      onTestFinished(() => exchange.close());
      for (let round = 0; round < 10; round += 1) {
        for (const token of ['one', 'two']) {
          await exchange.for({ token }).getToken();
          // What begins in the background: a request is counted when it arrives.
          for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
          clock.step(2);
        }
      }
      expect(endpoint.requests).toHaveLength(2);
    },
  );

  it('make room for those of later callers', { tags: ['OPS-06'] }, async () => {
    const { exchange, requests } = scene({ maxTokens: 2 });
    const get = (token: string) => exchange.for({ token }).getToken();
    for (const token of ['one', 'two', 'one', 'three', 'one', 'two']) await get(token);
    expect(requests.map((parameters) => parameters.get('subject_token'))).toEqual([
      'one',
      'two',
      'three',
      'two',
    ]);
  });

  it('are as many as there is room for, however many callers come', {
    tags: ['OPS-06'],
    timeout: 300_000,
  }, async () => {
    const [CALLERS, ROOM] = isFullSize ? [100_000, 1000] : [500, 100];
    const { exchange, requests } = scene({ maxTokens: ROOM });
    const get = (caller: number) => exchange.for({ token: `${caller}` }).getToken();
    for (let caller = 0; caller < CALLERS; caller += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => get(caller + n)));
    expect(requests).toHaveLength(CALLERS);
    await Promise.all(Array.from({ length: ROOM }, (_, n) => get(CALLERS - 1 - n)));
    expect(requests).toHaveLength(CALLERS);
    await get(CALLERS - 1 - ROOM);
    expect(requests).toHaveLength(CALLERS + 1);
  });

  it('are replaced one by one', { tags: ['CLI-18'] }, async () => {
    const { exchange, requests } = scene();
    const [one, two] = [exchange.for({ token: 'one' }), exchange.for({ token: 'two' })];
    const refusedToken = (await one.getToken()).accessToken;
    const other = (await two.getToken()).accessToken;
    expect(exchange.for({ token: 'one' }).dropToken(refusedToken)).toBe(true);
    expect((await two.getToken()).accessToken).toBe(other);
    expect((await one.getToken()).accessToken).not.toBe(refusedToken);
    expect(requests).toHaveLength(3);
  });
});

describe('closing', () => {
  it('of one client ends that one, and costs the caller no other token', async () => {
    const { exchange, requests } = scene();
    const [one, another] = [exchange.for({ token: 'one' }), exchange.for({ token: 'one' })];
    const waiting = another.getToken();
    const own = failureOf(one.getToken());
    one.close();
    expect((await own).reason).toBe('closed');
    expect(await waiting).toBe(await another.getToken());
    expect((await failureOf(one.fetch(`${ORIGIN}/`))).reason).toBe('closed');
    expect(requests).toHaveLength(1);
  });

  it('of all forgets everything, and refuses who waits', async () => {
    const made = scene({ maxTokens: 2 });
    const known = made.exchange.for({ token: 'known' });
    await known.getToken();
    let answerAll = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answerAll = resolve;
    });
    made.answer = () => answered.then(() => granted());
    const wait = (token: string) => failureOf(made.exchange.for({ token }).getToken());
    const all = [wait('one'), wait('two'), wait('three')]; // one of them is displaced
    made.exchange.close();
    for (const failure of await Promise.all(all)) expect(failure.reason).toBe('closed');
    answerAll();
    expect((await failureOf(known.getToken())).reason).toBe('closed');
    expect((await wait('new')).reason).toBe('closed');
    expect(made.requests.length).toBeLessThanOrEqual(4);
  });
});

describe('a refusal', () => {
  it('is for one caller alone, however often it comes', { tags: ['CLI-14', 'CLI-16'] }, async () => {
    const made = scene();
    made.answer = (parameters) =>
      parameters.get('subject_token') === 'bad' ? refused('invalid_grant') : granted();
    const bad = () => failureOf(made.exchange.for({ token: 'bad' }).getToken());
    for (let times = 0; times < 50; times += 1) {
      expect((await bad()).reason).toBe('subject_refused');
      await made.exchange.for({ token: `good-${times}` }).getToken();
    }
    const requests = made.requests.filter((parameters) => parameters.get('subject_token') === 'bad');
    expect(requests).toHaveLength(2); // the second one begins a pause, for this caller
    made.clock.step(31);
    expect((await bad()).retryAfter).toBeUndefined();
  });

  it('is for one caller alone if the server answers 500 to a strange token', {
    tags: ['CLI-16'],
  }, async () => {
    const made = scene();
    made.answer = (parameters) =>
      parameters.get('subject_token') === 'bad' ? new Response('oops', { status: 500 }) : granted();
    for (let times = 0; times < 5; times += 1) {
      made.clock.step(31);
      expect((await failureOf(made.exchange.for({ token: 'bad' }).getToken())).reason).toBe('server_error');
    }
    expect(made.requests).toHaveLength(15);
    await made.exchange.for({ token: 'good' }).getToken();
  });

  it.each<[string, object, string, number]>([
    ['invalid_grant', {}, 'subject_refused', 401],
    ['invalid_request', {}, 'subject_refused', 401],
    ['invalid_request', { error_description: 'Invalid token' }, 'subject_refused', 401],
    ['invalid_scope', {}, 'delegation_refused', 403],
    ['invalid_target', {}, 'delegation_refused', 403],
    ['access_denied', {}, 'delegation_refused', 403],
    ['consent_required', {}, 'delegation_refused', 403],
    ['interaction_required', {}, 'delegation_refused', 403],
    ['invalid_client', {}, 'refused', 502],
    ['unauthorized_client', {}, 'refused', 502],
    ['unsupported_grant_type', {}, 'refused', 502],
    ['invalid_token', {}, 'subject_refused', 401],
    [
      'invalid_request',
      { error_description: 'Standard token exchange is not enabled for the requested client' },
      'refused',
      502,
    ],
    ['invalid_request', { error_description: 'the actor_token is expired' }, 'refused', 502],
    ['invalid_request', { error_description: 'unsupported requested_token_type' }, 'refused', 502],
    ['constructor', {}, 'refused', 502],
    ['server_error', {}, 'server_error', 503],
    ['temporarily_unavailable', {}, 'server_error', 503],
  ])('%s %j is %s, and answered with %i', { tags: ['CLI-15'] }, async (code, members, reason, expected) => {
    const made = scene();
    made.answer = () => refused(code, members);
    const failure = await failureOf(made.exchange.for({ token: 'one' }).getToken());
    expect(failure).toMatchObject({ reason, error: code });
    expect(toResourceServerError(failure)).toMatchObject({ status: expected });
  });
});

describe('an outage', () => {
  const down = () => Promise.reject(new TypeError('fetch failed'));

  it("is noticed by all callers together: the endpoint isn't asked by each of them", {
    tags: ['CLI-16'],
  }, async () => {
    const made = scene({ timeoutSeconds: 0.9 });
    made.answer = down;
    const call = (name: string) => failureOf(made.exchange.for({ token: name }).getToken());
    const failures = await Promise.all(Array.from({ length: 1000 }, (_, n) => call(`at-once-${n}`)));
    // A time-out is of those who waited too long on a busy machine.
    for (const { reason } of failures) expect(['unreachable', 'timeout']).toContain(reason);
    expect(made.requests.length).toBeLessThanOrEqual(100);
    const before = made.requests.length;
    for (let n = 0; n < 1000; n += 1) {
      const failure = await call(`one-by-one-${n}`);
      expect([failure.transient, failure.retryAfter]).toEqual([true, 1]);
    }
    expect(made.requests).toHaveLength(before);
    for (let second = 0; second < 60; second += 1) {
      made.clock.step(1);
      await Promise.all(Array.from({ length: 5 }, (_, n) => call(`${second}-${n}`)));
    }
    expect(made.requests.length - before).toBeLessThan(10); // after 1, 2, 4, 8, 16 and 30 seconds
    made.answer = () => granted();
    made.clock.step(30);
    await made.exchange.for({ token: 'one' }).getToken();
    await made.exchange.for({ token: 'two' }).getToken();
  });

  it('is over when the server refuses a token: then it works', { tags: ['CLI-16'] }, async () => {
    const made = scene({ timeoutSeconds: 0.9, random: () => 0 });
    made.answer = down;
    const call = (name: string) => failureOf(made.exchange.for({ token: name }).getToken());
    for (let n = 0; n < 3; n += 1) await call(`down-${n}`);
    expect(made.requests).toHaveLength(5); // of nine attempts
    made.answer = () => refused('invalid_grant');
    made.clock.step(1);
    expect((await call('one')).reason).toBe('subject_refused');
    let answerLate: (response: Response) => void = () => undefined;
    const late = new Promise<Response>((resolve) => {
      answerLate = resolve;
    });
    made.answer = () => (made.requests.length === 7 ? late : granted());
    const waiting = made.exchange.for({ token: 'two' }).getToken();
    await made.exchange.for({ token: 'three' }).getToken(); // without waiting for what another one finds out
    answerLate(granted());
    await waiting;
    expect(made.requests).toHaveLength(8);
  });

  it("isn't noticed by those who have a token", { tags: ['CLI-16'] }, async () => {
    const made = scene();
    const known = made.exchange.for({ token: 'known' });
    const token = await known.getToken();
    made.answer = () => new Response(null, { status: 503, headers: { 'Retry-After': '120' } });
    made.clock.step(535);
    const failure = await failureOf(made.exchange.for({ token: 'new' }).getToken());
    expect(failure).toMatchObject({ reason: 'server_error', retryAfter: 120 });
    expect(toResourceServerError(failure)).toMatchObject({ status: 503, retryAfterSeconds: 120 });
    for (let second = 0; second < 60; second += 1) {
      expect(await known.getToken()).toBe(token);
      made.clock.step(1);
    }
    expect(made.requests.length).toBeLessThanOrEqual(5);
  });

  it.each([
    ['120', 120],
    ['1000', 300],
  ])(
    'lasts as long as Retry-After: %s says, for all callers',
    { tags: ['CLI-16'] },
    async (field, seconds) => {
      const made = scene();
      made.answer = () => new Response(null, { status: 503, headers: { 'Retry-After': field } });
      const call = (token: string) => failureOf(made.exchange.for({ token }).getToken());
      expect(await call('first')).toMatchObject({ reason: 'server_error', retryAfter: seconds });
      made.clock.step(seconds - 10);
      expect(await call('second')).toMatchObject({ reason: 'server_error', retryAfter: 10 });
      expect(made.requests).toHaveLength(1);
      made.clock.step(10);
      made.answer = () => granted();
      await made.exchange.for({ token: 'third' }).getToken();
    },
  );

  it('is reported once per request that was made', { tags: ['OPS-01'] }, async () => {
    const messages = listenTo<ClientMessage>(clientChannel);
    const made = scene({ timeoutSeconds: 0.5 });
    made.answer = down;
    const calls = Array.from({ length: 300 }, (_, n) => made.exchange.for({ token: `${n}` }).getToken());
    await Promise.allSettled(calls);
    const count = (event: string) => messages.filter((message) => message.event === event).length;
    expect(count('requested')).toBe(made.requests.length);
    expect(count('failed')).toBe(made.requests.length);
  });
});

describe('an answer', () => {
  it.each<[string, object]>([
    ['without issued_token_type, as of some servers', { issued_token_type: undefined }],
    ['with null in its place', { issued_token_type: null }],
    ['that is a JWT', { issued_token_type: `${PREFIX}jwt` }],
    ['with a refresh token, which is dropped', { refresh_token: 'canary' }],
  ])('is used %s', async (_what, members) => {
    const made = scene();
    made.answer = () => granted(members);
    expect(await made.exchange.for({ token: 'one' }).getToken()).toMatchObject({ accessToken: 'token' });
  });

  it.each<[string, object, string]>([
    ['of the type N_A', { token_type: 'N_A' }, 'unsupported_token_type'],
    ['that is an ID token', { issued_token_type: `${PREFIX}id_token` }, 'unsupported_token_type'],
    ['that is a refresh token', { issued_token_type: `${PREFIX}refresh_token` }, 'unsupported_token_type'],
    ['of no known type', { issued_token_type: 7 }, 'unsupported_token_type'],
    ['bound to a key that nobody asked for', { token_type: 'DPoP' }, 'unsupported_token_type'],
    ['without token', { access_token: '' }, 'invalid_response'],
    ["with the caller's own token in an odd place", { access_token: { canary: 1 } }, 'invalid_response'],
  ])("isn't used %s, and nobody blames the caller", { tags: ['CLI-09'] }, async (_what, members, reason) => {
    const made = scene();
    made.answer = () => granted(members);
    const failure = await failureOf(made.exchange.for({ token: 'one' }).fetch(`${ORIGIN}/`));
    expect(failure.reason).toBe(reason);
    expect(toResourceServerError(failure)).toMatchObject({ status: 502, reason: 'exchange_failed' });
  });

  it("isn't used if it gives back the caller's own token", { tags: ['CLI-19'] }, async () => {
    const made = scene();
    made.answer = (parameters) => granted({ access_token: parameters.get('subject_token') });
    const failure = await failureOf(made.exchange.for({ token: 'canary' }).fetch(`${ORIGIN}/`));
    expect(failure).toMatchObject({ reason: 'invalid_response' });
  });
});

describe('secrets', () => {
  it.each<
    [string, (text: string) => Parameters<Awaited<ReturnType<typeof startTokenEndpoint>>['script']>[0]]
  >([
    ['a success', () => grants({ expires_in: 600 })],
    ['a refusal', (text) => status(400, { error: 'invalid_request', error_description: text })],
    ['a code', () => status(400, { error: 'canary-subject' })],
    ['an outage', (text) => status(503, { error: text })],
    ['a broken answer', (text) => json({ access_token: { [text]: text }, token_type: 'Bearer' })],
  ])(
    'are in no error, message, warning or inspection after %s',
    {
      tags: ['OPS-01', 'OPS-02'],
    },
    async (_what, script) => {
      const endpoint = await startTokenEndpoint();
      endpoint.script(script('bad <canary-subject> <canary-actor> <canary-secret>'));
      const api = await startApi((_call, response) => {
        response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
      });
      const messages = listenTo<ClientMessage>(clientChannel);
      const exchange = makeExchange({
        tokenEndpoint: endpoint.url,
        origins: [api.origin],
        actorToken: () => 'canary-actor',
      });
      const client = exchange.for({ token: 'canary-subject' });
      const outcome = await client.fetch(api.origin).catch((error: unknown) => error);
      const shown = [outcome, exchange, client, messages, toResourceServerError(outcome)];
      if (isTokenRequestError(outcome)) shown.push(outcome.description, outcome.stack);
      for (const options of [{}, { showHidden: true }, { customInspect: false, showHidden: true }])
        expect(inspect(shown, { depth: Infinity, ...options })).not.toContain('canary');
      expect(JSON.stringify(shown)).not.toContain('canary');
      expect(JSON.stringify(api.calls)).not.toContain('canary');
      expect(endpoint.requests[0]?.parameters.get('subject_token')).toBe('canary-subject');
    },
  );

  it('leave what identifies the exchange to be seen', () => {
    const { exchange } = scene();
    const text = inspect(exchange);
    expect(text).toMatch(/^TokenExchange \{/);
    expect(text).toContain('inventory-service');
    expect(inspect(exchange.for({ token: 'canary' }))).toBe(text);
  });
});

describe('toResourceServerError', () => {
  it('has an answer to every reason, and to nothing else', () => {
    const statuses: Record<string, number | undefined> = {};
    for (const reason of tokenRequestReasons) {
      const error = toResourceServerError(new TokenRequestError(reason));
      expect(isResourceServerError(error)).toBe(true);
      statuses[reason] = error?.status;
    }
    expect(statuses).toEqual({
      refused: 502,
      subject_expired: 401,
      subject_refused: 401,
      delegation_refused: 403,
      server_error: 503,
      rate_limited: 503,
      unreachable: 503,
      timeout: 503,
      redirected: 502,
      invalid_response: 502,
      unsupported_token_type: 502,
      token_not_bound: 502,
      scope_narrowed: 502,
      assertion_failed: 502,
      credential_unavailable: 503,
      metadata_unavailable: 503,
      metadata_invalid: 502,
      issuer_mismatch: 502,
      closed: 503,
    });
    for (const other of [undefined, null, new Error('x'), new TypeError('y'), { reason: 'refused' }])
      expect(toResourceServerError(other)).toBeUndefined();
  });

  it("never blames the caller for what a client of one's own has done", async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(400, { error: 'invalid_grant' }));
    const failure = await failureOf(makeClient({ tokenEndpoint: endpoint.url }).getToken());
    expect(toResourceServerError(failure)).toMatchObject({ status: 502 });
  });
});
