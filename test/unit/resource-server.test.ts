import { X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { Denied } from '../../src/decision.js';
import { channels } from '../../src/diagnostics.js';
import { InsufficientScopeError, InvalidTokenError, UnavailableError } from '../../src/errors.js';
import type { ResourceServerOptions } from '../../src/options/options.js';
import { createMemoryReplayStore } from '../../src/proof/replay-store.js';
import type { RequestView } from '../../src/request/view.js';
import type { Requirement } from '../../src/requirement/requirement.js';
import { createResourceServer, isResourceServer } from '../../src/resource-server.js';
import { signedJws } from '../../src/testing/forged-jws.js';
import {
  createClientCertificate,
  createDpopKey,
  createTestIssuer,
  fakeAuth,
} from '../../src/testing/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import { outcomeOf, requestWith } from '../support/outcome.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const server = createResourceServer(issuer.options);

/** A resource server of that issuer, and how often it has asked for keys. */
function countingServer(options: Partial<ResourceServerOptions> = {}) {
  const jwks = vi.fn(issuer.options.issuer.jwks as () => never); // the kit gives a function
  const trusted = { ...issuer.options.issuer, jwks };
  return { server: createResourceServer({ ...issuer.options, issuer: trusted, ...options }), jwks };
}

describe('authenticate', () => {
  it.each([
    ['nothing', [], 401, 'missing_credentials'],
    ['another scheme', ['Basic abc'], 401, 'missing_credentials'],
    ['a malformed line', ['Bearer'], 400, 'malformed_credentials'],
    ['two lines', ['Bearer a', 'Bearer a'], 400, 'multiple_methods'],
    ['what is no JWT', ['Bearer abc'], 401, 'malformed_token'],
  ])('answers %s without a look at keys', { tags: ['OPS-06'] }, async (_, lines, status, reason) => {
    const { server: untouched, jwks } = countingServer();
    const decision = await untouched.authenticate(requestWith(...lines));
    expect(decision).toMatchObject({ kind: 'denied', error: { reason }, answer: { status } });
    expect(jwks).not.toHaveBeenCalled();
  });

  it('refuses a bearer token if bound ones are required, optional or not, known or not', {
    tags: ['DPP-17', 'DPP-28'],
  }, async () => {
    const { server: strict } = countingServer({ dpop: 'required', optional: true });
    const bound = await issuer.token({ cnf: { jkt: 'x' } });
    const unbound = await issuer.token();
    for (const _use of ['first', 'second']) {
      for (const [token, reason] of [
        [unbound, 'dpop_required'],
        [bound, 'dpop_downgrade'],
      ])
        expect(await strict.authenticate(requestWith(`Bearer ${token}`))).toMatchObject({
          kind: 'denied',
          error: { reason },
        });
    }
    await expect(strict.verify(await issuer.token())).rejects.toMatchObject({ reason: 'dpop_required' });
  });

  it('allows anonymous requests only if credentials are optional, and never bad ones', {
    tags: ['BRR-31'],
  }, async () => {
    const lenient = createResourceServer({ ...issuer.options, optional: true });
    const anonymous = { kind: 'allowed', auth: undefined, headers: undefined };
    expect(await lenient.authenticate(requestWith())).toEqual(anonymous);
    expect(await lenient.authenticate(requestWith('Basic abc'))).toEqual(anonymous);
    expect(await lenient.authenticate(requestWith('Bearer'))).toMatchObject({ kind: 'denied' });
    expect(await outcomeOf(lenient, 'abc')).toBe('malformed_token');
    expect(await outcomeOf(lenient, await issuer.token({ exp: 1 }))).toBe('expired');
  });

  describe('of a token that was accepted before', () => {
    it('decides at once', async () => {
      const known = createResourceServer(issuer.options);
      const request = requestWith(`Bearer ${await issuer.token()}`);
      expect(known.authenticate(request)).toBeInstanceOf(Promise);
      await known.authenticate(request);
      expect(known.authenticate(request)).toMatchObject({ kind: 'allowed', headers: undefined });
    });

    it('asks anew for the certificate that it is bound to', { tags: ['MTL-01'] }, async () => {
      const { certificate, thumbprint } = await createClientCertificate();
      const bound = createResourceServer({ ...issuer.options, mtls: true });
      const token = await issuer.token({ cnf: { 'x5t#S256': thumbprint } });
      const without = requestWith(`Bearer ${token}`);
      const withIt = { ...without, clientCertificate: () => new X509Certificate(certificate).raw };
      expect(await bound.authenticate(withIt)).toMatchObject({ kind: 'allowed' });
      expect(await bound.authenticate(without)).toMatchObject({
        kind: 'denied',
        error: { reason: 'certificate_missing' },
      });
    });

    it('asks anew for a proof of the key that it is bound to', { tags: ['DPP-28'] }, async () => {
      const key = await createDpopKey();
      const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
      const known = createResourceServer(issuer.options);
      const proof = await key.headers({ method: 'GET', url: 'https://api.example.com/stock/42', token });
      const proven = {
        ...requestWith(),
        header: (name: string) => Object.entries(proof).find(([field]) => field.toLowerCase() === name)?.[1],
      };
      expect(await known.authenticate(proven)).toMatchObject({ kind: 'allowed' });
      expect(await known.authenticate(requestWith(`Bearer ${token}`))).toMatchObject({
        kind: 'denied',
        error: { reason: 'dpop_downgrade' },
      });
    });

    it('asks anew whether it was revoked', async () => {
      const isRevoked = vi.fn().mockReturnValueOnce(false).mockReturnValueOnce(true);
      const asking = createResourceServer({ ...issuer.options, isRevoked });
      const request = requestWith(`Bearer ${await issuer.token()}`);
      expect(await asking.authenticate(request)).toMatchObject({ kind: 'allowed' });
      expect(await asking.authenticate(request)).toMatchObject({ error: { reason: 'revoked' } });
    });
  });

  describe('over a connection that brought an accepted token', () => {
    /** Requests over one connection. */
    const connected = (): ((...lines: readonly string[]) => RequestView) => {
      const connection = {};
      return (...lines) => ({ ...requestWith(...lines), connection });
    };

    it('checks what it checks of any known token', { tags: ['ATP-05'] }, async () => {
      let now = Date.now();
      const known = createResourceServer({ ...issuer.options, clock: () => now });
      const request = connected()(`Bearer ${await issuer.token({ exp: Math.floor(now / 1000) + 60 })}`);
      await known.authenticate(request);
      for (const _use of ['noted', 'found'])
        expect(known.authenticate(request)).toMatchObject({ kind: 'allowed' });
      now += 90_000;
      expect(await known.authenticate(request)).toMatchObject({ error: { reason: 'expired' } });
      now -= 90_000;
      expect(await known.authenticate(request)).toMatchObject({ kind: 'allowed' });
    });

    it('decides about each request by its own field lines', { tags: ['BRR-03', 'BRR-04'] }, async () => {
      const request = connected();
      const [one, another] = [await issuer.token({ sub: 'a' }), await issuer.token({ sub: 'b' })];
      const ask = async (...lines: readonly string[]) => {
        const decision = await server.authenticate(request(...lines));
        return decision.kind === 'allowed' ? decision.auth?.subject : decision.error.reason;
      };
      for (const _use of ['first', 'noted', 'found']) {
        expect(await ask(`Bearer ${one}`)).toBe('a');
        expect(await ask(`Bearer ${one}`)).toBe('a');
        expect(await ask(`Bearer ${one}`, `Bearer ${one}`)).toBe('multiple_methods');
        expect(await ask(`Bearer ${one}`, `Bearer ${another}`)).toBe('multiple_methods');
        expect(await ask(`bearer  ${one}`)).toBe('a');
        expect(await ask(`Bearer ${one}x`)).toBe('malformed_token');
        expect(await ask(`Bearer ${one} `)).toBe('malformed_credentials');
        expect(await ask(`DPoP ${one}`)).toBe('token_not_bound');
        expect(await ask()).toBe('missing_credentials');
        expect(await ask(`Bearer ${another}`)).toBe('b');
      }
    });

    it('takes doubles of Node requests that have no socket, or null', async () => {
      const headers = { authorization: `Bearer ${await issuer.token()}` };
      for (const double of [{ headers }, { headers, socket: null }] as unknown as IncomingMessage[])
        for (const _use of ['first', 'known'])
          expect(await server.authenticate(double)).toMatchObject({ kind: 'allowed' });
    });

    it('keeps nothing without a cache, and nothing that was refused', async () => {
      const forgetful = createResourceServer({ ...issuer.options, cache: false });
      const made = vi.spyOn(WeakMap.prototype, 'set');
      try {
        const request = connected();
        const token = await issuer.token();
        for (const _use of ['first', 'second']) await forgetful.authenticate(request(`Bearer ${token}`));
        for (const _use of ['first', 'second']) await server.authenticate(request(`Bearer ${token}x`));
        const { connection } = request();
        const kept = () => made.mock.calls.filter(([key]) => key === connection).length;
        expect(kept()).toBe(0);
        for (const _use of ['first', 'known', 'known']) await server.authenticate(request(`Bearer ${token}`));
        expect(kept()).toBe(1);
      } finally {
        made.mockRestore();
      }
    });
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

  it('reads views whose headers are strings or undefined', async () => {
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

  it("doesn't turn a bug into a refusal", { tags: ['OPS-10'] }, async () => {
    const broken = createResourceServer({
      ...issuer.options,
      clock: () => {
        throw new RangeError('broken clock');
      },
    });
    const line = `Bearer ${await issuer.token()}`;
    await expect(async () => broken.authenticate(requestWith(line))).rejects.toThrow(
      new RangeError('broken clock'),
    );
    await expect(broken.verify(await issuer.token())).rejects.toThrow(new RangeError('broken clock'));
    const unreadable = {
      ...requestWith(),
      header: () => {
        throw new RangeError('broken request');
      },
    };
    await expect(async () => server.authenticate(unreadable)).rejects.toThrow(
      new RangeError('broken request'),
    );
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

describe('a token that expires meanwhile', async () => {
  const EXPIRES = 1_893_456_000;
  /** A clock that stands a second before the token expires, until `pass` sets it to that moment. */
  function almostOver() {
    let now = (EXPIRES - 1) * 1000;
    const pass = () => {
      now = EXPIRES * 1000;
    };
    return { clock: () => now, clockToleranceSeconds: 0, pass };
  }
  const load = issuer.options.issuer.jwks as () => Promise<{ keys: [] }>; // the kit gives a function
  const token = await issuer.token({ exp: EXPIRES, iat: EXPIRES - 60 });

  it("is still accepted if it doesn't, whatever is waited for", async () => {
    const { pass: _, ...time } = almostOver();
    const jwks = async () => load();
    const inTime = createResourceServer({
      ...issuer.options,
      ...time,
      issuer: { issuer: issuer.identifier, jwks },
      isRevoked: async () => false,
    });
    expect(await outcomeOf(inTime, token)).toBe('allowed');
    inTime.close();
  });

  it('is refused if its keys had to be loaded', { tags: ['ATP-05'] }, async () => {
    const { pass, ...time } = almostOver();
    const jwks = async () => {
      pass();
      return load();
    };
    const late = createResourceServer({
      ...issuer.options,
      ...time,
      issuer: { issuer: issuer.identifier, jwks },
    });
    expect(await outcomeOf(late, token)).toBe('expired');
    await expect(late.verify(token)).rejects.toMatchObject({ reason: 'expired' });
    late.close();
  });

  it('is refused if isRevoked took its time, even if the token is remembered', {
    tags: ['ATP-05', 'STP-10'],
  }, async () => {
    const { pass, ...time } = almostOver();
    let isLate = false;
    const isRevoked = async () => {
      if (isLate) pass();
      return false;
    };
    const { server: late } = countingServer({ ...time, isRevoked });
    expect(await outcomeOf(late, token)).toBe('allowed');
    isLate = true;
    expect(await outcomeOf(late, token)).toBe('expired');
  });

  it('is refused if its issuer took its time to answer', { tags: ['ATP-05', 'INT-08'] }, async () => {
    const { pass, ...time } = almostOver();
    const endpoint = async () => {
      pass();
      return { active: true, aud: issuer.options.audience, client_id: 'a', exp: EXPIRES };
    };
    const trusted = { ...issuer.options.issuer, introspection: { endpoint } };
    const late = createResourceServer({ ...issuer.options, ...time, issuer: trusted });
    expect(await outcomeOf(late, 'opaque')).toBe('expired');
  });

  it('is refused if the store of used proofs took its time', { tags: ['ATP-05', 'DPP-18'] }, async () => {
    const { pass, ...time } = almostOver();
    const dpopKey = await createDpopKey({ clock: time.clock });
    const bound = await issuer.token({
      exp: EXPIRES,
      iat: EXPIRES - 60,
      cnf: { jkt: dpopKey.thumbprint },
    });
    const url = 'https://api.example.com/stock/42';
    const outcome = async (isLate: boolean) => {
      const replayStore = {
        remember: async () => {
          if (isLate) pass();
          return true;
        },
      };
      const { server: late } = countingServer({ ...time, dpop: { replayStore } });
      const headers = { Authorization: `DPoP ${bound}`, DPoP: await dpopKey.proof({ url, token: bound }) };
      const decision = await late.authenticate(new Request(url, { headers }));
      return decision.kind === 'allowed' ? 'allowed' : decision.error.reason;
    };
    expect(await outcome(false)).toBe('allowed');
    expect(await outcome(true)).toBe('expired');
  });
});

describe('deny', () => {
  it('makes the answer to what the application refuses, with the scopes that the route requires', {
    tags: ['SCP-06'],
  }, async () => {
    const server = createResourceServer({ ...issuer.options, realm: 'stock' });
    const auth = await server.verify(await issuer.token());
    const error = new InsufficientScopeError('claims_not_met');
    const denied = server.deny(error, auth, [{ allScopes: ['read'] }, { claims: () => false }]);
    expect(denied).toMatchObject({ kind: 'denied', error, answer: { status: 403 } });
    expect(denied.answer.headers['WWW-Authenticate']).toBe(
      'Bearer realm="stock", error="insufficient_scope", ' +
        'error_description="The access token does not grant access to this resource", scope="read"',
    );
  });

  it('makes a Response of any denial, a new one each time, beside its plain members', {
    tags: ['BRR-26'],
  }, async () => {
    const request = new Request('https://api.example.com/', { headers: { Authorization: 'Bearer abc' } });
    const denials = [
      await server.authenticate(request),
      await server.authenticate(new Request(request.url)),
      server.authorize(fakeAuth({ scopes: ['a'] }), { allScopes: ['b'] }),
      server.deny(new UnavailableError('revocation_unavailable', 3)),
    ];
    for (const denied of denials) {
      if (denied.kind === 'allowed') throw new Error('let in');
      const { error, answer } = denied;
      expect(denied).toEqual({ kind: 'denied', error, answer });
      expect(denied.toResponse()).not.toBe(denied.toResponse());
      const response = denied.toResponse();
      expect(response.status).toBe(answer.status);
      const fields = Object.entries(answer.headers).map(([name, value]) => [
        name.toLowerCase(),
        [value].flat().join(', '),
      ]);
      expect(Object.fromEntries(response.headers)).toEqual(Object.fromEntries(fields));
      expect(await response.text()).toBe(answer.body ?? '');
    }
  });

  it('answers as a request without credentials is answered, and like an outage', () => {
    const resource = { resource: 'https://api.example.com', scopes: ['read'] };
    const server = createResourceServer({ ...issuer.options, resource });
    const [bearer] = [
      server.deny(new InvalidTokenError('missing_credentials')).answer.headers['WWW-Authenticate'],
    ].flat();
    expect(bearer).toMatch(/^Bearer realm="api", scope="read", resource_metadata=/);
    const { status, headers } = server.deny(new UnavailableError('revocation_unavailable', 3)).answer;
    expect([status, headers['Retry-After'], headers['WWW-Authenticate']]).toEqual([503, '3', undefined]);
  });

  it('takes errors of ours only', { tags: ['OPS-09'] }, () => {
    const server = createResourceServer(issuer.options);
    for (const error of [new Error('bug'), undefined, {}])
      expect(() => server.deny(error as never)).toThrow(TypeError); // a caller without types
  });
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
    "doesn't accept %j as an Auth",
    { tags: ['OPS-09', 'OPS-12'] },
    (value) => {
      const impostor = value as never; // as a caller without types
      const decide = () => server.authorize(impostor, { allScopes: ['admin'] }).kind;
      expect(outcome(decide)).not.toBe('allowed');
    },
  );
});

describe('meets', () => {
  const auth = fakeAuth({ scopes: ['read', 'admin'], claims: { tenant: 'acme' } });

  it('says what authorize decides, and reports nothing', { tags: ['SCP-06', 'SCP-07'] }, () => {
    const reported: unknown[] = [];
    const note = (message: unknown): void => void reported.push(message);
    subscribe(channels.decision, note);
    const own = createResourceServer({ ...issuer.options, impliedScopes: { admin: ['write'] } });
    expect(own.meets(auth, { allScopes: ['read', 'write'] })).toBe(true);
    expect(own.meets(auth, [{ allScopes: ['read'] }, { anyScope: ['other', 'write'] }])).toBe(true);
    expect(own.meets(auth, [{ allScopes: ['read'] }, { allScopes: ['other'] }])).toBe(false);
    expect(own.meets(auth, { claims: (claims) => claims.tenant === 'other' })).toBe(false);
    expect(own.meets(auth, [])).toBe(true);
    unsubscribe(channels.decision, note);
    expect(reported).toEqual([]);
  });

  it('says no to nobody, whatever is asked', { tags: ['SCP-12'] }, () => {
    expect(server.meets(undefined, [])).toBe(false);
    expect(server.meets(undefined, { claims: () => true })).toBe(false);
  });

  it.each([{}, { allScopes: [] }, { scopes: ['read'] }, undefined, null, ['read']])(
    'does not decide about the requirement %j',
    { tags: ['SCP-12', 'OPS-09'] },
    (requirement) => {
      expect(() => server.meets(auth, requirement as never)).toThrow(TypeError); // as a caller without types
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
  it('returns the Auth of a valid token', async () => {
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

  it('reports that the keys are out of reach', { tags: ['KEY-24'] }, async () => {
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

describe('a token of which a connection goes on', () => {
  const END = 1_893_456_000;
  async function accepted(options: Partial<ResourceServerOptions> = {}) {
    let now = (END - 60) * 1000;
    const key = await createDpopKey({ clock: () => now });
    const clocked = createResourceServer({ ...issuer.options, clock: () => now, ...options });
    const token = await issuer.token({ exp: END, iat: END - 300, cnf: { jkt: key.thumbprint } });
    const url = 'https://api.example.com/';
    const request = new Request(url, { headers: await key.headers({ url, token }) });
    const decision = await clocked.authenticate(request);
    if (decision.kind !== 'allowed' || decision.auth === undefined) throw new Error('refused');
    const step = (seconds: number) => {
      now += seconds * 1000;
    };
    return { server: clocked, auth: decision.auth, step };
  }

  it('has so many seconds left, with the tolerance', { tags: ['ATP-05'] }, async () => {
    const { server, auth, step } = await accepted();
    expect(server.secondsLeft(auth)).toBe(65);
    step(70);
    expect(server.secondsLeft(auth)).toBe(-5);
  });

  it('is verified anew without another proof', { tags: ['ATP-05'] }, async () => {
    const { server, auth, step } = await accepted();
    expect(await server.recheck(auth)).toEqual(auth);
    step(65);
    await expect(server.recheck(auth)).rejects.toMatchObject({ reason: 'expired', status: 401 });
  });

  it('is refused once it was revoked, or if nobody can tell', async () => {
    let isRevoked = async () => false;
    const { server, auth } = await accepted({ isRevoked: () => isRevoked() });
    isRevoked = async () => true;
    await expect(server.recheck(auth)).rejects.toMatchObject({ reason: 'revoked' });
    isRevoked = () => Promise.reject(new Error('down'));
    await expect(server.recheck(auth)).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      status: 503,
    });
  });

  it('is refused by a clock that is none', async () => {
    const { auth } = await accepted();
    const timeless = createResourceServer({ ...issuer.options, clock: () => Number.NaN });
    await expect(timeless.recheck(auth)).rejects.toMatchObject({ reason: 'expired' });
  });

  it('is not asked about again once it has expired', async () => {
    let now = (END - 60) * 1000;
    const clocked = await createTestIssuer({ clock: () => now });
    const endpoint = vi.fn(clocked.introspectionOptions.issuer.introspection.endpoint);
    const trusted = { ...clocked.introspectionOptions.issuer, introspection: { endpoint } };
    const asking = createResourceServer({ ...clocked.introspectionOptions, issuer: trusted });
    const auth = await asking.verify(clocked.opaqueToken({ exp: END }));
    now += 65_000;
    await expect(asking.recheck(auth)).rejects.toMatchObject({ reason: 'expired' });
    expect(endpoint).toHaveBeenCalledTimes(1);
  });

  it('ends when a JWT says so, if its issuer names no end', async () => {
    const { introspectionOptions: asked } = issuer;
    const introspection = {
      tokens: ['jwt', 'opaque'] as const,
      mayBeAbsent: ['exp'] as const,
      endpoint: () => ({ active: true, aud: asked.audience, client_id: 'test-client' }),
    };
    const asking = createResourceServer({ ...asked, issuer: { ...asked.issuer, introspection } });
    const opaque = await asking.verify('opaque');
    expect(opaque.expiresAt).toBeLessThan(Date.now() / 1000 + 300);
    expect(asking.secondsLeft(opaque)).toBe(Number.POSITIVE_INFINITY);
    const exp = Math.ceil(Date.now() / 1000) + 600;
    const left = asking.secondsLeft(await asking.verify(await issuer.token({ exp })));
    expect(left).toBeGreaterThan(600);
    expect(left).toBeLessThan(607);
  });
});

describe('a resource server', () => {
  it('loads the keys of every issuer in ready()', async () => {
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

  it('tells an adapter the options it needs', () => {
    const other = createResourceServer({
      ...issuer.options,
      errors: 'next',
      bearerMethods: ['body', 'header'],
    });
    expect([server.errors, server.bearerMethods]).toEqual(['respond', ['header']]);
    expect([other.errors, other.bearerMethods]).toEqual(['next', ['body', 'header']]);
    expect(Object.isFrozen(other.bearerMethods)).toBe(true);
  });

  it('is recognized as a resource server', () => {
    expect(isResourceServer(server)).toBe(true);
    for (const value of [undefined, null, issuer.options, { ...server }, {}, 'server']) {
      expect(isResourceServer(value)).toBe(false);
    }
  });
});

describe('a proof of possession', () => {
  it('opens once at each instance, unless they share a store', { tags: ['DPP-19'] }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const url = 'https://api.example.com/stock/42';
    const outcomes = async (options: Partial<ResourceServerOptions>): Promise<string[]> => {
      const headers = { ...(await key.headers({ url, token })) };
      const instances = [1, 2].map(() => createResourceServer({ ...issuer.options, ...options }));
      const kinds: string[] = [];
      for (const instance of [...instances, ...instances])
        kinds.push((await instance.authenticate(new Request(url, { headers }))).kind);
      return kinds;
    };
    expect(await outcomes({})).toEqual(['allowed', 'allowed', 'denied', 'denied']);
    const shared = { replayStore: createMemoryReplayStore() };
    expect(await outcomes({ dpop: shared })).toEqual(['allowed', 'denied', 'denied', 'denied']);
  });
});

describe('the order of checks', () => {
  const NOW = 1_900_000_000;
  /** Everything that can be wrong about a request. */
  const WORST = {
    lines: 2,
    end: '!',
    padding: 'x'.repeat(16_384),
    hasHeader: false,
    header: { alg: 'none', crit: ['x'], typ: 'dpop+jwt', kid: 'unknown' },
    hasClaims: false,
    claims: {
      iss: 'https://evil.example.com',
      client_id: 42,
      exp: NOW - 300,
      nbf: NOW + 300,
      iat: NOW + 300,
      aud: 'urn:other',
      sub: 'alice',
      token_type: 'refresh',
      cnf: { unknown: true },
      revoked: true,
    },
    isSigned: false,
  };
  /** What is found first, and how it's put right. */
  const STEPS: readonly (readonly [reason: string, ...change: [path: string, value?: unknown]])[] = [
    ['multiple_methods', 'lines', 1],
    ['malformed_credentials', 'end', '='],
    ['token_too_large', 'padding', ''],
    ['malformed_token', 'end', ''],
    ['malformed_token', 'hasHeader', true],
    ['alg_not_allowed', 'header.alg', 'ES384'],
    ['crit_unsupported', 'header.crit'],
    ['typ_mismatch', 'header.typ', 'JWT'],
    ['malformed_token', 'hasClaims', true],
    ['iss_mismatch', 'claims.iss', 'https://issuer.example.com'],
    ['alg_not_allowed', 'header.alg', 'ES256'],
    ['typ_mismatch', 'header.typ', 'at+jwt'],
    ['invalid_claim', 'claims.client_id', 'web'],
    ['expired', 'claims.exp', NOW + 300],
    ['not_yet_valid', 'claims.nbf', NOW],
    ['issued_in_future', 'claims.iat', NOW],
    ['not_an_access_token', 'claims.token_type', 'Bearer'],
    ['aud_mismatch', 'claims.aud', 'urn:api'],
    ['missing_claim', 'claims.jti', '1'],
    ['no_matching_key', 'header.kid', 'key'],
    ['signature_invalid', 'isSigned', true],
    ['not_an_access_token', 'claims.kind', 'access'],
    ['unsupported_confirmation', 'claims.cnf'],
    ['revoked', 'claims.revoked'],
    ['acr_not_met', 'claims.acr', 'gold'],
    ['insufficient_scope', 'claims.scope', 'read'],
    ['claims_not_met', 'claims.tenant', 'acme'],
    ['authorization_details_not_met', 'claims.authorization_details', [{ type: 'payment' }]],
    ['allowed', 'lines', 1],
  ];

  it('is that of docs/security.md: of all that is wrong, the first counts', {
    tags: ['JWT-32', 'OPS-06'],
  }, async () => {
    const key = await generateSigningKey('ES256', 'key');
    const foreign = await generateSigningKey('ES256', 'key');
    const strict = createResourceServer({
      issuer: [
        'https://other.example.com',
        {
          issuer: 'https://issuer.example.com',
          jwks: { keys: [key.jwk] },
          algorithms: ['ES256'],
          tokenType: 'at+jwt',
          isAccessToken: (_header, { kind }) => kind === 'access',
        },
      ],
      audience: 'urn:api',
      clock: () => NOW * 1000,
      isRevoked: ({ claims }) => claims.revoked === true,
    });
    const requirement: Requirement = {
      authentication: { acrValues: ['gold'] },
      allScopes: ['read'],
      claims: ({ tenant }) => tenant === 'acme',
      authorizationDetails: () => true,
    };
    const attempt = structuredClone(WORST);
    for (const [reason, path, value] of STEPS) {
      const { lines, end, padding, hasHeader, header, hasClaims, claims, isSigned } = attempt;
      const token = signedJws(hasHeader ? header : '[]', hasClaims ? claims : '[]', isSigned ? key : foreign);
      const line = `Bearer ${token}${padding}${end}`;
      const decision = await strict.authenticate(requestWith(...Array.from({ length: lines }, () => line)));
      const final = decision.kind === 'denied' ? decision : strict.authorize(decision.auth, requirement);
      expect(final.kind === 'denied' ? final.error.reason : 'allowed').toBe(reason);
      const [member, owner = ''] = path.split('.').reverse();
      Reflect.set(owner === '' ? attempt : Reflect.get(attempt, owner), member ?? '', value);
    }
  });
});
