import { describe, expect, it, vi } from 'vitest';
import type { Denied } from '../../src/decision.js';
import { createResourceServer, isResourceServer } from '../../src/resource-server.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { outcomeOf, requestWith } from '../support/outcome.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const server = createResourceServer(issuer.options);
const NO_ANSWER_TO = 'a decision at once';

describe('authenticate', () => {
  it.each([
    ['nothing', [], 401, 'missing_credentials'],
    ['another scheme', ['Basic abc'], 401, 'missing_credentials'],
    ['a malformed line', ['Bearer'], 400, 'malformed_credentials'],
    ['two lines', ['Bearer a', 'Bearer a'], 400, 'multiple_methods'],
  ])(`answers %s with ${NO_ANSWER_TO}`, { tags: ['OPS-06'] }, (_, lines, status, reason) => {
    const decision = server.authenticate(requestWith(...lines));
    expect(decision).toMatchObject({ kind: 'denied', error: { reason }, answer: { status } });
  });

  it('refuses a bearer token at once where bound ones are required, optional or not', {
    tags: ['OPS-06', 'DPP-28'],
  }, async () => {
    const strict = createResourceServer({ ...issuer.options, dpop: 'required', optional: true });
    expect(strict.authenticate(requestWith(`Bearer ${await issuer.token()}`))).toMatchObject({
      kind: 'denied',
      error: { reason: 'dpop_required' },
    });
    await expect(strict.verify(await issuer.token())).rejects.toMatchObject({ reason: 'dpop_required' });
  });

  it('lets anonymous requests through only where credentials are optional, and no bad ones', {
    tags: ['BRR-31'],
  }, async () => {
    const lenient = createResourceServer({ ...issuer.options, optional: true });
    const anonymous = { kind: 'allowed', auth: undefined, headers: undefined };
    expect(lenient.authenticate(requestWith())).toEqual(anonymous);
    expect(lenient.authenticate(requestWith('Basic abc'))).toEqual(anonymous);
    expect(lenient.authenticate(requestWith('Bearer'))).toMatchObject({ kind: 'denied' });
    expect(await outcomeOf(lenient, 'abc')).toBe('malformed_token');
    expect(await outcomeOf(lenient, await issuer.token({ exp: 1 }))).toBe('expired');
  });

  it('says that an answer to a token in the URL must stay out of shared caches', {
    tags: ['BRR-11'],
  }, async () => {
    const everywhere = createResourceServer({ ...issuer.options, bearerMethods: ['header', 'query'] });
    const token = await issuer.token();
    const inQuery = await everywhere.authenticate(
      new Request(`https://api.example.com/?access_token=${token}`),
    );
    expect(inQuery).toMatchObject({ kind: 'allowed', headers: { 'Cache-Control': 'private, no-store' } });
    const inHeader = await everywhere.authenticate(requestWith(`Bearer ${token}`));
    expect(inHeader).toMatchObject({ kind: 'allowed', headers: undefined });
  });

  it('reads views that give a header field as a string, or undefined where there is none', async () => {
    const { Authorization } = await issuer.authorization();
    const view = (line: string | undefined) => ({
      ...requestWith(),
      header: (name: string) => (name === 'authorization' ? line : undefined),
    });
    expect(await server.authenticate(view(Authorization))).toMatchObject({ kind: 'allowed' });
    expect(await server.authenticate(view(undefined))).toMatchObject({
      error: { reason: 'missing_credentials' },
    });
  });

  it('reads doubles of Node requests that have plain header fields and nothing else', async () => {
    const { Authorization } = await issuer.authorization();
    const double = {
      method: 'GET',
      url: '/',
      headers: { authorization: Authorization },
    } as unknown as Request; // as a unit test may write it
    expect(await server.authenticate(double)).toMatchObject({ kind: 'allowed' });
  });

  it('reads the requests of Fetch', async () => {
    const request = new Request('https://api.example.com/', { headers: await issuer.authorization() });
    expect(await server.authenticate(request)).toMatchObject({
      kind: 'allowed',
      auth: { clientId: 'test-client' },
    });
  });

  it('does not take a bug for a refusal', { tags: ['OPS-10'] }, async () => {
    const broken = createResourceServer({
      ...issuer.options,
      clock: () => {
        throw new RangeError('broken clock');
      },
    });
    const line = `Bearer ${await issuer.token()}`;
    expect(() => broken.authenticate(requestWith(line))).toThrow(new RangeError('broken clock'));
    await expect(broken.verify(await issuer.token())).rejects.toThrow(new RangeError('broken clock'));
    const unreadable = {
      ...requestWith(),
      header: () => {
        throw new RangeError('broken request');
      },
    };
    expect(() => server.authenticate(unreadable)).toThrow(new RangeError('broken request'));
  });

  it.each([Number.NaN, undefined, null, 'now', {}])(
    'refuses when the clock says %j',
    { tags: ['OPS-09'] },
    async (time) => {
      const clock = (() => time) as unknown as () => number; // as an application without types may write it
      const timeless = createResourceServer({ ...issuer.options, clock });
      expect(['expired', 'issued_in_future']).toContain(await outcomeOf(timeless, await issuer.token()));
    },
  );
});

describe('authorize', () => {
  const auth = fakeAuth({ scopes: ['read'] });

  it('decides at once', { tags: ['SCP-06'] }, () => {
    expect(server.authorize(auth, { allScopes: ['read'] })).toEqual({
      kind: 'allowed',
      auth,
      headers: undefined,
    });
    expect(server.authorize(auth, { allScopes: ['write'] })).toMatchObject({
      kind: 'denied',
      error: { reason: 'insufficient_scope' },
      answer: { status: 403 },
    });
  });

  it('asks an anonymous caller for credentials and names the scopes', { tags: ['BRR-13'] }, () => {
    const decision = server.authorize(undefined, { allScopes: ['read'], anyScope: ['a', 'b'] });
    expect(decision).toMatchObject({
      kind: 'denied',
      error: { reason: 'missing_credentials' },
      answer: {
        status: 401,
        headers: { 'WWW-Authenticate': plainChallenges('read a b') },
        body: undefined,
      },
    });
  });

  it('never names what was granted', { tags: ['SCP-11'] }, () => {
    const rich = fakeAuth({ scopes: ['granted:one', 'granted:two'] });
    const decision = server.authorize(rich, { allScopes: ['needed'] }) as Denied; // the scope is missing
    expect(JSON.stringify(decision)).not.toContain('granted');
    expect(decision.answer.headers['WWW-Authenticate']).toContain('scope="needed"');
  });

  it.each([{}, { allScopes: [] }, { scopes: ['read'] }, undefined, null, ['read']])(
    'does not decide about the requirement %j',
    { tags: ['SCP-12', 'OPS-09'] },
    (requirement) => {
      expect(() => server.authorize(auth, requirement as never)).toThrow(TypeError); // as a caller without types
      expect(() => server.authorize(undefined, requirement as never)).toThrow(TypeError);
    },
  );

  it.each([null, {}, { scopes: 'read' }, { auth: true }])(
    'does not let %j through for an Auth',
    { tags: ['OPS-09', 'OPS-12'] },
    (value) => {
      const impostor = value as never; // as a caller without types
      const decide = () => server.authorize(impostor, { allScopes: ['admin'] }).kind;
      expect(outcome(decide)).not.toBe('allowed');
    },
  );
});

/** What a call returns, or the name of what it throws. */
function outcome(call: () => string): string {
  try {
    return call();
  } catch (error) {
    return error instanceof Error ? error.name : typeof error;
  }
}

describe('verify', () => {
  it('gives the Auth of a token that holds', async () => {
    const token = await issuer.token({ scope: 'read' });
    expect(await server.verify(token)).toMatchObject({ clientId: 'test-client', scopes: ['read'], token });
  });

  it.each([undefined, null, 42, {}, ['a.b.c'], Buffer.from('a.b.c'), '', ' ', 'Bearer abc'])(
    'refuses %j as a token',
    { tags: ['JWT-32', 'OPS-10'] },
    async (value) => {
      await expect(server.verify(value as never)).rejects.toMatchObject({
        reason: 'malformed_token',
        status: 401,
      });
    },
  );

  it('refuses a token that is bound to a key', { tags: ['DPP-17', 'MTL-05'] }, async () => {
    const token = await issuer.token({ cnf: { jkt: 'x' } });
    await expect(server.verify(token)).rejects.toMatchObject({ reason: 'unsupported_confirmation' });
  });

  it('says when the keys are out of reach', { tags: ['KEY-24'] }, async () => {
    const down = await createTestIssuer();
    down.goDown();
    const unreachable = createResourceServer(down.options);
    await expect(unreachable.verify(await down.token())).rejects.toMatchObject({
      reason: 'jwks_unavailable',
      status: 503,
    });
    await expect(unreachable.ready()).rejects.toMatchObject({ reason: 'jwks_unavailable' });
  });
});

describe('a resource server', () => {
  it('loads the keys of every issuer when it gets ready', async () => {
    const [one, two] = await Promise.all([
      createTestIssuer({ issuer: 'https://one.example.com' }),
      createTestIssuer({ issuer: 'https://two.example.com' }),
    ]);
    const loads = [one, two].map(({ options }) => vi.fn(options.issuer.jwks as () => never)); // the kit gives a function
    const both = createResourceServer({
      issuer: [one, two].map((each, index) => ({
        ...each.options.issuer,
        jwks: loads[index] ?? (() => ({ keys: [] })),
      })),
      audience: one.options.audience,
    });
    await both.ready();
    await both.ready();
    expect(loads.map((load) => load.mock.calls.length)).toEqual([1, 1]);
    expect(await outcomeOf(both, await two.token())).toBe('allowed');
    both.close();
    both.close();
    expect(await outcomeOf(both, await one.token())).toBe('allowed');
  });

  it('says what an adapter needs to know of its options', () => {
    const other = createResourceServer({
      ...issuer.options,
      errors: 'next',
      bearerMethods: ['body', 'header'],
    });
    expect([server.errors, server.bearerMethods]).toEqual(['respond', ['header']]);
    expect([other.errors, other.bearerMethods]).toEqual(['next', ['body', 'header']]);
    expect(Object.isFrozen(other.bearerMethods)).toBe(true);
  });

  it('is known by its make', () => {
    expect(isResourceServer(server)).toBe(true);
    for (const value of [undefined, null, issuer.options, { ...server }, {}, 'server']) {
      expect(isResourceServer(value)).toBe(false);
    }
  });
});
