import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Auth } from '../../../src/auth.js';
import type { Decision } from '../../../src/decision.js';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import { InvalidTokenError } from '../../../src/errors.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import { createResourceServer, type ResourceServer } from '../../../src/resource-server.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { listenTo } from '../../support/listen-to.js';
import { requestWith } from '../../support/outcome.js';
import { stopTimers } from '../../support/protected-api.js';

const issuer = await createTestIssuer();
const SECRET = 'jti-that-must-not-show';

/** A function as an application without types may write it. */
type Hook = (auth: Auth) => unknown;

function protect(isRevoked: Hook, options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({
    ...issuer.options,
    isRevoked: isRevoked as NonNullable<ResourceServerOptions['isRevoked']>,
    ...options,
  });
}

async function request(claims: Record<string, unknown> = {}) {
  const { Authorization } = await issuer.authorization(claims);
  return requestWith(Authorization);
}

const outcomeOf = (decision: Decision): string =>
  decision.kind === 'allowed' ? 'allowed' : `${decision.answer.status} ${decision.error.reason}`;

const ask = async (isRevoked: Hook) => outcomeOf(await protect(isRevoked).authenticate(await request()));

/** What the query builders of databases are: no promise, but something to wait for. */
const thenable = (get: () => (resolve: (value: boolean) => void) => void): object =>
  Object.defineProperty({}, String('then'), { get });

const rejecting = (error: unknown) => () => Promise.reject(error);

describe('isRevoked', () => {
  it.each([
    ['false', () => false],
    ['a promise of it', async () => false],
    ['a thenable', () => thenable(() => (resolve) => resolve(false))],
  ])('accepts the token on %s', { tags: ['STP-10'] }, async (_name, isRevoked) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    expect(await ask(isRevoked)).toBe('allowed');
    expect(warnings).toEqual([]);
  });

  it.each([
    ['true', () => true],
    ['a promise of it', async () => true],
    ['a thenable', () => thenable(() => (resolve) => resolve(true))],
  ])('refuses the token on %s', { tags: ['STP-10'] }, async (_name, isRevoked) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    expect(await ask(isRevoked)).toBe('401 revoked');
    expect(warnings).toEqual([]);
  });

  it.each<[string, Hook, string]>([
    ['undefined', () => undefined, 'undefined'],
    ['null', () => null, 'null'],
    ['0', () => 0, 'number'],
    ['an empty string', () => '', 'string'],
    ['an object', () => ({}), 'object'],
    ['an empty list', () => [], 'object'],
    ['an object whose then is no function', () => JSON.parse('{"then":true}'), 'object'],
    ['a promise of undefined', async () => undefined, 'undefined'],
    ['a promise of null', async () => null, 'null'],
    ['a promise of 1', async () => 1, 'number'],
  ])('answers 503 on %s', { tags: ['STP-10', 'STP-14'] }, async (_name, isRevoked, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    expect(await ask(isRevoked)).toBe('503 revocation_unavailable');
    expect(warnings).toEqual([{ source: 'isRevoked', detail }]);
  });

  it.each<[string, Hook, string]>([
    [
      'throws',
      () => {
        throw new RangeError(SECRET);
      },
      'RangeError',
    ],
    [
      'throws a string',
      () => {
        throw SECRET;
      },
      'string',
    ],
    [
      'throws our own error',
      () => {
        throw new InvalidTokenError('revoked');
      },
      'InvalidTokenError',
    ],
    ['rejects', rejecting(new TypeError(SECRET)), 'TypeError'],
    ['rejects with nothing', rejecting(undefined), 'undefined'],
    ['rejects with our own error', rejecting(new InvalidTokenError('revoked')), 'InvalidTokenError'],
    [
      'returns a thenable that throws',
      () =>
        thenable(() => {
          throw new SyntaxError(SECRET);
        }),
      'SyntaxError',
    ],
  ])(
    'answers 503 if it %s, without its text',
    { tags: ['STP-10', 'STP-14'] },
    async (_name, isRevoked, detail) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const decision = await protect(isRevoked).authenticate(await request({ jti: SECRET }));
      expect(outcomeOf(decision)).toBe('503 revocation_unavailable');
      expect(warnings).toEqual([{ source: 'isRevoked', detail }]);
      const { error, answer } = decision.kind === 'denied' ? decision : {};
      expect(JSON.stringify([warnings, answer]) + String(error?.stack) + String(error?.cause)).not.toContain(
        SECRET,
      );
    },
  );

  it('answers with Retry-After and without a challenge if it fails', { tags: ['STP-14'] }, async () => {
    const decision = await protect(() => undefined).authenticate(await request());
    const { headers = {} } = decision.kind === 'denied' ? decision.answer : {};
    expect(Number(headers['Retry-After'])).toBeGreaterThanOrEqual(1);
    expect(headers['WWW-Authenticate']).toBeUndefined();
  });

  it('is given the Auth of the request', { tags: ['STP-10'] }, async () => {
    const asked: Auth[] = [];
    const server = protect((auth) => asked.push(auth) < 0);
    await server.authenticate(await request({ jti: 'a', sid: 's' }));
    expect(asked).toMatchObject([{ issuer: issuer.identifier, claims: { jti: 'a', sid: 's' } }]);
    expect(asked[0]?.token.split('.')).toHaveLength(3);
  });

  it('is asked for each request, even for a remembered token', {
    tags: ['STP-10'],
  }, async () => {
    let revoked = false;
    const isRevoked = vi.fn(() => revoked);
    const server = protect(isRevoked);
    const sent = await request();
    expect(outcomeOf(await server.authenticate(sent))).toBe('allowed');
    expect(await server.authenticate(sent)).toMatchObject({ kind: 'allowed' });
    revoked = true;
    expect(await server.authenticate(sent)).toMatchObject({ error: { reason: 'revoked' } });
    revoked = false;
    expect(await server.authenticate(sent)).toMatchObject({ kind: 'allowed' });
    expect(isRevoked).toHaveBeenCalledTimes(4);
  });

  it('needs no timer if it answers at once', { tags: ['STP-10', 'STP-14'] }, async () => {
    const server = protect(() => false);
    const slow = protect(async () => false);
    const sent = await request();
    for (const each of [server, slow]) await each.authenticate(sent);
    const timer = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timer.mockRestore());
    expect(await server.authenticate(sent)).toMatchObject({ kind: 'allowed' });
    expect(timer).not.toHaveBeenCalled();
    expect(await slow.authenticate(sent)).toMatchObject({ kind: 'allowed' });
    expect(timer).toHaveBeenCalledOnce();
  });

  it('is asked by each of the requests that come at once', { tags: ['STP-10'] }, async () => {
    const isRevoked = vi.fn(async () => false);
    const server = protect(isRevoked);
    const sent = await request();
    await Promise.all([1, 2, 3].map(() => server.authenticate(sent)));
    expect(isRevoked).toHaveBeenCalledTimes(3);
  });

  it('is asked only about valid tokens', {
    tags: ['STP-10'],
  }, async () => {
    const isRevoked = vi.fn(() => false);
    const server = protect(isRevoked, { optional: true });
    for (const claims of [{ exp: 1 }, { aud: 'other' }, { cnf: { 'x5t#S256': 'x' } }])
      expect(await server.authenticate(await request(claims))).toMatchObject({ kind: 'denied' });
    expect(await server.authenticate(requestWith())).toMatchObject({ kind: 'allowed', auth: undefined });
    expect(isRevoked).not.toHaveBeenCalled();
  });

  it('is asked about introspected tokens too', { tags: ['STP-10'] }, async () => {
    const token = issuer.opaqueToken({ jti: 'opaque' });
    const server = protect(({ claims }) => claims.jti === 'opaque', issuer.introspectionOptions);
    expect(outcomeOf(await server.authenticate(requestWith(`Bearer ${token}`)))).toBe('401 revoked');
  });

  it('is asked by verify too', { tags: ['STP-10'] }, async () => {
    const token = await issuer.token();
    await expect(protect(() => true).verify(token)).rejects.toMatchObject({ reason: 'revoked', status: 401 });
    await expect(protect(rejecting(new Error('down'))).verify(token)).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      status: 503,
    });
    await expect(protect(async () => false).verify(token)).resolves.toMatchObject({
      clientId: 'test-client',
    });
  });

  it('may look at the claim status, which is ignored otherwise', { tags: ['STP-12'] }, async () => {
    const claims = { status: { status_list: { idx: 7, uri: 'https://issuer.example.com/statuslists/1' } } };
    const sent = await request(claims);
    expect(await createResourceServer(issuer.options).authenticate(sent)).toMatchObject({ kind: 'allowed' });
    const isRevoked: Hook = (auth) => JSON.stringify(auth.claims.status).includes('"idx":7');
    expect(outcomeOf(await protect(isRevoked).authenticate(sent))).toBe('401 revoked');
  });

  it("doesn't change what the answer must carry", { tags: ['STP-10'] }, async () => {
    const server = protect(async () => false, { bearerMethods: ['query'] });
    const decision = await server.authenticate(
      new Request(`https://api.example.com/?access_token=${await issuer.token()}`),
    );
    expect(decision).toMatchObject({ headers: { 'Cache-Control': 'private, no-store' } });
  });
});

describe('the time limit of isRevoked', () => {
  /**
   * A request whose token was verified before, and a question to which the test gives the answer. From here
   * on timers stand still.
   */
  async function slowly(options: Partial<ResourceServerOptions> = {}) {
    interface Answer {
      readonly resolve: (revoked: boolean) => void;
      readonly reject: (error: Error) => void;
    }
    let ask: (answer: Answer) => void = () => undefined;
    const asked = new Promise<Answer>((resolve) => {
      ask = resolve;
    });
    let isKnown = true;
    const server = protect(
      () => (isKnown ? false : new Promise<boolean>((resolve, reject) => ask({ resolve, reject }))),
      options,
    );
    const sent = await request();
    await server.authenticate(sent);
    isKnown = false;
    const warnings = listenTo<WarningMessage>(channels.warning);
    stopTimers();
    const decision = Promise.resolve(server.authenticate(sent)).then(outcomeOf);
    return { decision, answer: await asked, warnings };
  }

  it.each([
    [undefined, 2],
    [0.5, 0.5],
    [60, 60],
  ])('turns the option %s into %s seconds', { tags: ['STP-10', 'STP-14'] }, async (option, seconds) => {
    const { decision, warnings } = await slowly(
      option === undefined ? {} : { revocationTimeoutSeconds: option },
    );
    vi.advanceTimersByTime(seconds * 1000 - 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(await decision).toBe('503 revocation_unavailable');
    expect(warnings).toEqual([{ source: 'isRevoked', detail: 'time-out' }]);
  });

  it('ends with an answer', { tags: ['STP-10'] }, async () => {
    const { decision, answer } = await slowly();
    expect(vi.getTimerCount()).toBe(1);
    answer.resolve(false);
    expect(await decision).toBe('allowed');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['resolve', 'reject'] as const)('ignores a late answer: %s', { tags: ['STP-10'] }, async (how) => {
    const { decision, answer, warnings } = await slowly();
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => {
      process.off('unhandledRejection', unhandled);
    });
    vi.advanceTimersByTime(2000);
    expect(await decision).toBe('503 revocation_unavailable');
    if (how === 'resolve') answer.resolve(false);
    else answer.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve)); // Node looks for unhandled rejections after each turn
    expect(warnings).toHaveLength(1);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each([0, -1, 61, Number.NaN, Number.POSITIVE_INFINITY, '2', null])('refuses %s', (seconds) => {
    const options = { revocationTimeoutSeconds: seconds } as Partial<ResourceServerOptions>;
    expect(() => protect(() => false, options)).toThrow(TypeError);
  });

  it.each([true, {}, 'jti', null, []])('refuses %j for the function', (isRevoked) => {
    expect(() => protect(isRevoked as unknown as Hook)).toThrow('option "isRevoked" takes a function');
  });
});
