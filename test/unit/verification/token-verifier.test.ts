import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createResourceServer, type Decision, type ResourceServerOptions } from '../../../src/index.js';
import { Credentials } from '../../../src/request/credentials.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { JwtVerifier } from '../../../src/verification/jwt.js';
import { outcomeOf, requestWith } from '../../support/outcome.js';

/** An issuer and a resource server that live by a clock which stands until it is moved. */
async function setUp(options: Partial<ResourceServerOptions> = {}) {
  let now = 1_800_000_000_000;
  const clock = () => now;
  const issuer = await createTestIssuer({ clock, lifetimeSeconds: 3600 });
  const server = createResourceServer({ ...issuer.options, ...options });
  const decide = (token: string) => server.authenticate(requestWith(`Bearer ${token}`));
  const step = (seconds: number) => {
    now += seconds * 1000;
  };
  return { issuer, server, decide, step };
}

/** Counts how often a token was taken apart and its signature looked at. */
function spyOnVerifications(): () => number {
  const { mock } = vi.spyOn(JwtVerifier.prototype, 'verify');
  return () => mock.calls.length;
}

/** A decision, and whether it was made from memory: without a look at the signature. */
async function fromMemory(
  decide: () => Decision | Promise<Decision>,
): Promise<{ readonly decision: Decision; readonly isRemembered: boolean }> {
  const verify = spyOnVerifications();
  const before = verify();
  const decision = await decide();
  return { decision, isRemembered: verify() === before };
}

/** The decision about a token that is known. */
async function remembered(decide: () => Decision | Promise<Decision>): Promise<Decision> {
  const { decision, isRemembered } = await fromMemory(decide);
  if (!isRemembered) throw new Error('the signature was verified anew');
  return decision;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a token that cannot be one', () => {
  it('costs no digest, while one that could be does', async () => {
    const digest = vi.spyOn(Credentials.prototype, 'digest', 'get');
    const { issuer, server, decide } = await setUp();
    expect(await outcomeOf(server, 'x'.repeat(400))).toBe('malformed_token');
    expect(await outcomeOf(server, `${'x'.repeat(16_384)}.x.x`)).toBe('token_too_large');
    expect(digest).not.toHaveBeenCalled();
    expect((await decide(await issuer.token())).kind).toBe('allowed');
    expect(digest).toHaveBeenCalled();
  });
});

describe('a token that was verified before', () => {
  it('is decided upon from memory, and only the first use pays for the signature', async () => {
    const verify = vi.spyOn(JwtVerifier.prototype, 'verify');
    const { issuer, decide } = await setUp();
    const token = await issuer.token({ scope: 'read:inventory' });
    const first = await decide(token);
    const again = await remembered(() => decide(token));
    expect(again).toEqual(first);
    expect(again).toMatchObject({ kind: 'allowed', auth: { scopes: ['read:inventory'] } });
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('is accepted from all who use it first at the same time, and remembered', async () => {
    const { issuer, decide } = await setUp();
    const token = await issuer.token();
    const decisions = await Promise.all(Array.from({ length: 50 }, () => decide(token)));
    expect(new Set(decisions.map(({ kind }) => kind))).toEqual(new Set(['allowed']));
    expect((await remembered(() => decide(token))).kind).toBe('allowed');
  });

  it('is refused as soon as it expires', { tags: ['OPS-19', 'ATP-05'] }, async () => {
    const { issuer, server, decide, step } = await setUp({ clockToleranceSeconds: 0 });
    const token = await issuer.token();
    await decide(token);
    step(3599);
    expect(await outcomeOf(server, token)).toBe('allowed');
    step(1);
    expect(await outcomeOf(server, token)).toBe('expired');
  });

  it('is refused when the clock is set back to before its start', { tags: ['ATP-09'] }, async () => {
    const { issuer, server, decide, step } = await setUp();
    const token = await issuer.token({ nbf: 1_800_000_000, iat: 1_800_000_000 });
    await decide(token);
    step(-6);
    expect(await outcomeOf(server, token)).toBe('not_yet_valid');
  });

  it('is refused when its key is withdrawn', { tags: ['KEY-16'] }, async () => {
    const { issuer, server, decide } = await setUp();
    const token = await issuer.token();
    await decide(token);
    await issuer.rotateKeys();
    expect(await outcomeOf(server, await issuer.token())).toBe('allowed'); // loads the keys anew
    expect(await outcomeOf(server, token)).toBe('no_matching_key');
  });

  it('is refused when another key gets the same kid', { tags: ['KEY-16'] }, async () => {
    const [before, after] = await Promise.all([createTestIssuer(), createTestIssuer()]);
    let keys = await publishedBy(before);
    const jwks = () => keys;
    const options = { issuer: { issuer: before.identifier, jwks, keys: { maxAgeSeconds: 60 } } };
    let now = Date.now();
    const server = createResourceServer({ ...before.options, ...options, clock: () => now });
    const token = await before.token();
    expect(await outcomeOf(server, token)).toBe('allowed');
    keys = await publishedBy(after);
    now += 61_000;
    expect(await outcomeOf(server, token)).toBe('signature_invalid');
  });

  it('stays verified when the keys are reloaded with its key among them', async () => {
    const { issuer, decide } = await setUp();
    const token = await issuer.token();
    await decide(token);
    await issuer.rotateKeys({ keepPrevious: true });
    await decide(await issuer.token());
    expect((await remembered(() => decide(token))).kind).toBe('allowed');
  });

  it('keeps the keys of its issuer in use, so that they are renewed before they are stale', async () => {
    const jwks = vi.fn<() => Promise<{ keys: [] }>>();
    const source = await createTestIssuer();
    jwks.mockImplementation(() => publishedBy(source) as never);
    let now = Date.now();
    const server = createResourceServer({
      ...source.options,
      issuer: { issuer: source.identifier, jwks },
      clock: () => now,
    });
    const token = await source.token({ exp: Math.floor(now / 1000) + 3600 });
    await server.authenticate(requestWith(`Bearer ${token}`));
    now += 500_000; // of 600 s
    // The renewal never ends: nobody waits for it.
    jwks.mockImplementation(() => new Promise(() => undefined));
    const again = await remembered(() => server.authenticate(requestWith(`Bearer ${token}`)));
    expect(again.kind).toBe('allowed');
    expect(jwks).toHaveBeenCalledTimes(2);
    server.close();
  });

  it('stays accepted while the issuer is down, without waiting for it', { tags: ['KEY-15'] }, async () => {
    const source = await createTestIssuer();
    const jwks = vi.fn(() => publishedBy(source));
    let now = Date.now();
    const server = createResourceServer({
      ...source.options,
      issuer: { issuer: source.identifier, jwks },
      clock: () => now,
    });
    const token = await source.token({ exp: Math.floor(now / 1000) + 3600 });
    const decide = () => server.authenticate(requestWith(`Bearer ${token}`));
    await decide();
    jwks.mockImplementation(() => Promise.reject(new Error('down')));
    now += 1_000_000;
    expect((await decide()).kind).toBe('allowed'); // finds the issuer down
    now += 1000;
    jwks.mockImplementation(() => new Promise(() => undefined));
    expect((await remembered(decide)).kind).toBe('allowed');
    expect(jwks).toHaveBeenCalledTimes(3);
    server.close();
  });

  it('is answered with 503 when the issuer has been down for too long', {
    tags: ['KEY-15'],
  }, async () => {
    const { issuer, server, decide, step } = await setUp({ keys: { staleIfErrorSeconds: 60 } });
    const token = await issuer.token();
    await decide(token);
    issuer.goDown();
    step(661);
    expect(await outcomeOf(server, token)).toBe('jwks_unavailable');
  });

  it('carries its own token, and shares all else with other requests', async () => {
    const { issuer, decide } = await setUp();
    const token = await issuer.token();
    const [one, two] = [await decide(token), await remembered(() => decide(token))];
    if (one.kind === 'denied' || two.kind === 'denied') throw new Error('refused');
    expect(one.auth).not.toBe(two.auth);
    expect(one.auth?.claims).toBe(two.auth?.claims);
    expect(two.auth?.token).toBe(token);
  });
});

describe('what is remembered', () => {
  it('belongs to exactly this token: another signature or claim is verified again', {
    tags: ['OPS-08', 'JWT-10'],
  }, async () => {
    const { issuer, server, decide } = await setUp();
    const token = await issuer.token();
    await decide(token);
    const [header = '', claims = '', signature = ''] = token.split('.');
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    expect(await outcomeOf(server, `${header}.${claims}.${flipped}`)).toBe('signature_invalid');
    expect(await outcomeOf(server, `${header}.${claims}.`)).toBe('signature_invalid');
    expect(await outcomeOf(server, `${header}.${claims}.${signature}=`)).toBe('malformed_token');
  });

  it('is not shared with a resource server of other options', { tags: ['OPS-08'] }, async () => {
    const { issuer, decide } = await setUp();
    const token = await issuer.token();
    await decide(token);
    const other = createResourceServer({ ...issuer.options, audience: 'https://other.example.com' });
    expect(await outcomeOf(other, token)).toBe('aud_mismatch');
  });

  it('is bounded, and drops the least recently used first', { tags: ['OPS-07'] }, async () => {
    const { issuer, decide } = await setUp({ cache: { maxTokens: 2 } });
    const [one, two, three] = await Promise.all(
      [1, 2, 3].map((jti) => issuer.token({ jti: `token-${jti}` })),
    );
    for (const token of [one, two, one, three, three]) await decide(token ?? '');
    expect((await remembered(() => decide(one ?? ''))).kind).toBe('allowed');
    expect((await remembered(() => decide(three ?? ''))).kind).toBe('allowed');
    const forgotten = await fromMemory(() => decide(two ?? ''));
    expect(forgotten).toMatchObject({ isRemembered: false, decision: { kind: 'allowed' } });
  });

  it('is displaced by no token that is used once only', { tags: ['OPS-07'] }, async () => {
    const { issuer, decide } = await setUp({ cache: { maxTokens: 2 } });
    const tokens = await Promise.all(
      Array.from({ length: 50 }, (_, index) => issuer.token({ jti: `token-${index}` })),
    );
    const [first = '', second = '', third = ''] = tokens;
    for (const token of tokens) expect((await decide(token)).kind).toBe('allowed');
    for (const token of [first, second]) await remembered(() => decide(token));
    expect(await fromMemory(() => decide(third))).toMatchObject({ isRemembered: false });
    await decide(third); // another of the fifty may have made it forget that it saw this one
    expect(await fromMemory(() => decide(third))).toMatchObject({ isRemembered: true });
    expect(await fromMemory(() => decide(first))).toMatchObject({ isRemembered: false });
  });

  it('is bounded in memory too: a token of thousands of claims takes the place of many', {
    tags: ['OPS-07'],
  }, async () => {
    const { issuer, decide } = await setUp({ cache: { maxTokens: 1000 } });
    const large = { x: Array.from({ length: 2000 }, () => ({})) };
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => issuer.token({ ...large, jti: `token-${index}` })),
    );
    for (const token of tokens.flatMap((token) => [token, token])) await decide(token);
    // The latest first: what is verified anew displaces the one that was used least lately.
    let known = 0;
    for (const token of tokens.toReversed()) {
      if (!(await fromMemory(() => decide(token))).isRemembered) break;
      known += 1;
    }
    expect(known).toBeGreaterThan(0);
    expect(known).toBeLessThan(10);
  });

  it('counts the scopes of a token, unless it shares them with others', { tags: ['OPS-07'] }, async () => {
    const scopes = Array.from({ length: 60 }, (_, index) => `scope-${index}:read`);
    const rotated = (by: number) => [...scopes.slice(by), ...scopes.slice(0, by)].join(' ');
    const rememberedOf = async (scopeOf: (index: number) => string) => {
      const { issuer, decide } = await setUp({ cache: { maxTokens: 100 } });
      const tokens = await Promise.all(
        Array.from({ length: 60 }, (_, index) => issuer.token({ scope: scopeOf(index), jti: `${index}` })),
      );
      for (const token of tokens) await decide(token);
      let known = 0;
      for (const token of tokens.toReversed())
        if ((await fromMemory(() => decide(token))).isRemembered) known += 1;
        else break;
      return known;
    };
    expect(await rememberedOf(() => rotated(0))).toBe(60);
    expect(await rememberedOf(rotated)).toBeLessThan(40);
  });

  it("isn't a refusal: bad tokens evict no good one, and are checked each time", {
    tags: ['OPS-07'],
  }, async () => {
    const { issuer, server, decide } = await setUp({ cache: { maxTokens: 1 } });
    const token = await issuer.token();
    await decide(token);
    for (const forgery of await issuer.forgeries({ scope: 'read:inventory' })) {
      // Those are good tokens, with too little scope or without the proof of possession.
      const { reason, status } = forgery;
      if (status === 403 || reason === 'unsupported_confirmation' || reason === 'dpop_downgrade') continue;
      const { authorization, Authorization = authorization } = forgery.headers;
      await server.authenticate(requestWith(...(Authorization === undefined ? [] : [Authorization])));
    }
    expect((await remembered(() => decide(token))).kind).toBe('allowed');
  });

  it('is not the outage of an issuer', async () => {
    const { issuer, server } = await setUp();
    const token = await issuer.token();
    issuer.goDown();
    expect(await outcomeOf(server, token)).toBe('jwks_unavailable');
    issuer.comeBack();
    expect(await outcomeOf(server, token)).toBe('allowed');
  });

  it('shares what is equal between tokens, and nothing that differs', { tags: ['OPS-07'] }, async () => {
    const { issuer, decide } = await setUp();
    const authOf = async (claims: Record<string, unknown>) => {
      const decision = await decide(await issuer.token(claims));
      if (decision.kind === 'denied' || decision.auth === undefined) throw new Error('refused');
      return decision.auth;
    };
    const [one, two, other] = [
      await authOf({ scope: 'read write', sub: 'one' }),
      await authOf({ scope: 'read write', sub: 'two' }),
      await authOf({ scope: 'read', sub: 'one' }),
    ];
    expect(two.scopes).toBe(one.scopes);
    expect(two.header).toBe(one.header);
    expect([one.subject, two.subject]).toEqual(['one', 'two']);
    expect([one.claims.sub, two.claims.sub]).toEqual(['one', 'two']);
    expect(other.scopes).toEqual(['read']);
    for (const part of [one.scopes, one.header, one.audience]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('is not the token', { tags: ['OPS-01'] }, async () => {
    const { issuer, server, decide } = await setUp();
    const token = await issuer.token();
    await decide(token);
    expect(inspect(server, { showHidden: true, depth: Number.POSITIVE_INFINITY })).not.toContain(token);
  });

  it('is nothing with cache: false', async () => {
    const { issuer, server, decide } = await setUp({ cache: false });
    await server.ready();
    const verifications = spyOnVerifications();
    const token = await issuer.token();
    for (let use = 0; use < 3; use += 1) expect((await decide(token)).kind).toBe('allowed');
    expect(verifications()).toBe(3);
  });

  it('never replaces the checks of confirmation and requirements', async () => {
    const { issuer, server, decide } = await setUp();
    const bound = await issuer.token({ cnf: { jkt: 'x' } });
    for (let use = 0; use < 2; use += 1) expect(await outcomeOf(server, bound)).toBe('dpop_downgrade');
    const token = await issuer.token({ scope: 'read' });
    await decide(token);
    const decision = await remembered(() => decide(token));
    if (decision.kind === 'denied') throw new Error('refused');
    expect(server.authorize(decision.auth, { allScopes: ['read'] }).kind).toBe('allowed');
    expect(server.authorize(decision.auth, { allScopes: ['write'] }).kind).toBe('denied');
  });
});

async function publishedBy(issuer: Awaited<ReturnType<typeof createTestIssuer>>) {
  const { jwks } = issuer.options.issuer;
  if (typeof jwks !== 'function') throw new Error('the test issuer publishes by a function');
  return structuredClone(await jwks());
}
