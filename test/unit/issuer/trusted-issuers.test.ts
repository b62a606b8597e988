import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import {
  channels,
  type IssuerResolver,
  type TrustedIssuer,
  type WarningMessage,
} from '../../../src/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { activeClaims, opaque } from '../../support/introspection.js';
import { listenTo } from '../../support/listen-to.js';
import { type ProtectedApi, protect, tokenBy } from '../../support/protected-api.js';
import { simulateWeb } from '../../support/simulated-web.js';

const FIXED = 'https://fixed.example.com';
const TENANT = 'https://sso.example.com/tenants/1';
const key = await generateSigningKey('ES256', 'key-1');
const foreign = await generateSigningKey('ES256', 'key-1');
const jwks = { keys: [key.jwk] };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
const fixed: TrustedIssuer = { issuer: FIXED, jwks };

interface OpenApi extends ProtectedApi {
  /** The issuers that the application was asked about. */
  readonly asked: readonly string[];
}

/** An API that asks `resolve` about issuers that it doesn't know. */
function open(
  resolve: (iss: string) => unknown,
  options: Partial<Parameters<typeof protect>[0]> = {},
  { realTimers = false } = {},
): OpenApi {
  const asked: string[] = [];
  const resolver = (iss: string): unknown => {
    asked.push(iss);
    return resolve(iss);
  };
  const { fetch } = simulateWeb({});
  const api = protect({ fetch, ...options, issuer: [fixed, resolver as IssuerResolver] }, { realTimers });
  return Object.assign(api, { asked });
}

const trustTenants = (iss: string): TrustedIssuer | undefined =>
  iss.startsWith('https://sso.example.com/tenants/') ? { issuer: iss, jwks } : undefined;

describe('an issuer that a function names', () => {
  it.each<[string, (iss: string) => unknown]>([
    ['at once', trustTenants],
    ['later', async (iss) => trustTenants(iss)],
  ])('is trusted: %s', { tags: ['JWT-18'] }, async (_how, resolve) => {
    const api = open(resolve);
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    expect(await api.get(tokenBy(foreign, TENANT))).toBe('401 signature_invalid');
    expect(await api.get(tokenBy(key, 'https://evil.example.com'))).toBe('401 iss_mismatch');
    expect(await api.get(tokenBy(key, FIXED))).toBe('200');
    expect(api.asked).toEqual([TENANT, 'https://evil.example.com']);
  });

  it('may be the only one', { tags: ['JWT-18'] }, async () => {
    const { server, get } = protect({ issuer: trustTenants });
    await server.ready();
    expect(await get(tokenBy(key, TENANT))).toBe('200');
    expect(await get(tokenBy(key, FIXED))).toBe('401 iss_mismatch');
  });

  it.each<unknown>([undefined, null])('is refused with %j', { tags: ['JWT-18'] }, async (answer) => {
    expect(await open(() => answer).get(tokenBy(key, TENANT))).toBe('401 iss_mismatch');
  });

  it('has rules of its own, and inherits the others', { tags: ['JWT-18'] }, async () => {
    const api = open((issuer) => ({ issuer, jwks, audience: 'urn:tenant', scopeClaim: 'scp' }));
    expect(await api.get(tokenBy(key, TENANT))).toBe('401 aud_mismatch');
    expect(await api.get(tokenBy(key, TENANT, {}, { aud: 'urn:tenant' }))).toBe('200');
    const strict = open(trustTenants, { tokenType: 'at+jwt' });
    expect(await strict.get(tokenBy(key, TENANT, { typ: 'JWT' }))).toBe('401 typ_mismatch');
  });

  it('may be asked about its JWTs, not about opaque tokens', { tags: ['INT-01'] }, async () => {
    const introspect = (tokens: readonly string[]) =>
      open((issuer) => ({
        issuer,
        jwks,
        introspection: { endpoint: () => activeClaims({ iss: issuer }), tokens },
      }));
    const api = introspect(['jwt']);
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    expect(await api.get(opaque())).toBe('401 malformed_token');
    expect(await introspect(['jwt', 'opaque']).get(tokenBy(key, TENANT))).toBe('503 issuer_unavailable');
  });

  it('may be found by discovery', { tags: ['JWT-18', 'KEY-01'] }, async () => {
    const web = simulateWeb({
      'https://sso.example.com/.well-known/oauth-authorization-server/tenants/1': {
        issuer: TENANT,
        jwks_uri: 'https://sso.example.com/keys',
      },
      'https://sso.example.com/keys': jwks,
    });
    const api = open((issuer) => (issuer === TENANT ? { issuer } : undefined), { fetch: web.fetch });
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    for (let count = 0; count < 300; count++)
      expect(await api.get(tokenBy(key, `${TENANT}${count}`))).toBe('401 iss_mismatch');
    expect(web.visited).toHaveLength(2);
  });
});

describe('the application is asked', () => {
  it.each<[string, string]>([
    ['no JWT', opaque()],
    ['two segments', 'e30.e30'],
    ['an unknown algorithm', tokenBy(key, TENANT, { alg: 'none' })],
    ['a critical extension', tokenBy(key, TENANT, { crit: ['x'] })],
    ['another type', tokenBy(key, TENANT, { typ: 'dpop+jwt' })],
    ['an expired token', tokenBy(key, TENANT, {}, { exp: 1 })],
    ['a token without end', tokenBy(key, TENANT, {}, { exp: undefined })],
    ['a claim of a wrong type', tokenBy(key, TENANT, {}, { exp: 'never' })],
    ['no issuer', tokenBy(key, TENANT, {}, { iss: undefined })],
    ['an empty issuer', tokenBy(key, '')],
    ['a list of issuers', tokenBy(key, TENANT, {}, { iss: [TENANT] })],
    ['a line break', tokenBy(key, `${TENANT}\n`)],
    ['a name without end', tokenBy(key, `https://${'a'.repeat(1000)}.example.com`)],
    ['a configured issuer', tokenBy(key, FIXED)],
  ])('not about %s', { tags: ['JWT-18', 'OPS-06'] }, async (_what, token) => {
    const api = open(trustTenants);
    await api.get(token);
    expect(api.asked).toEqual([]);
  });

  it('once for all who wait', { tags: ['JWT-18'] }, async () => {
    let answer: (issuer: TrustedIssuer) => void = () => undefined;
    const api = open(
      () =>
        new Promise<TrustedIssuer>((resolve) => {
          answer = resolve;
        }),
    );
    const outcomes = Promise.all(
      Array.from({ length: 50 }, (_, count) => api.get(tokenBy(key, TENANT, {}, { sub: `${count}` }))),
    );
    await new Promise(setImmediate);
    expect(api.asked).toEqual([TENANT]);
    answer({ issuer: TENANT, jwks });
    expect(new Set(await outcomes)).toEqual(new Set(['200']));
  });

  it('again after a while, about those that it named and those that it did not', {
    tags: ['JWT-18'],
  }, async () => {
    const api = open(trustTenants);
    const ask = () => Promise.all([api.get(tokenBy(key, TENANT)), api.get(tokenBy(key, 'urn:evil'))]);
    await ask();
    await ask();
    expect(api.asked).toHaveLength(2);
    api.step(31);
    await ask();
    expect(api.asked.slice(2)).toEqual(['urn:evil']);
    api.step(600);
    await ask();
    expect(api.asked.slice(3)).toEqual([TENANT, 'urn:evil']);
    expect(await ask()).toEqual(['200', '401 iss_mismatch']);
  });

  it('about at most a hundred at once', { tags: ['OPS-07'] }, async () => {
    const answers: (() => void)[] = [];
    const api = open(() => new Promise<void>((resolve) => answers.push(resolve)));
    const outcomes = Promise.all(
      Array.from({ length: 150 }, (_, count) => api.get(tokenBy(key, `urn:${count}`))),
    );
    await new Promise(setImmediate);
    expect(answers).toHaveLength(100);
    while (answers.length > 0) {
      answers.pop()?.();
      await new Promise(setImmediate);
    }
    expect(new Set(await outcomes)).toEqual(new Set(['401 iss_mismatch']));
    expect(api.asked).toHaveLength(150);
  });
});

describe('an issuer that is named no more', () => {
  it('is refused at the next question, remembered tokens included', {
    tags: ['JWT-18', 'OPS-07'],
  }, async () => {
    let tenants = [TENANT];
    const api = open((issuer) => (tenants.includes(issuer) ? { issuer, jwks } : undefined));
    const token = tokenBy(key, TENANT);
    expect(await api.get(token)).toBe('200');
    tenants = [];
    api.step(599);
    expect(await api.get(token)).toBe('200');
    api.step(2);
    expect(await api.get(token)).toBe('401 iss_mismatch');
    tenants = [TENANT];
    api.step(31);
    expect(await api.get(token)).toBe('200');
  });

  it('goes by its new rules, with the keys that it had', { tags: ['JWT-18'] }, async () => {
    let audience = 'https://api.example.com';
    let loads = 0;
    const load = () => {
      loads += 1;
      return jwks;
    };
    const api = open((issuer) => ({ issuer, jwks: load, audience, isAccessToken: () => true }), {
      keys: { maxAgeSeconds: 60 },
    });
    const token = tokenBy(key, TENANT);
    expect(await api.get(token)).toBe('200');
    expect(loads).toBe(1);
    api.step(30);
    audience = 'urn:other';
    expect(await api.get(token)).toBe('200');
    api.step(25);
    expect(await api.get(token)).toBe('200'); // keys are renewed in the background from here on
    api.step(6);
    expect(await api.get(token)).toBe('401 aud_mismatch');
    expect(loads).toBe(2);
  });

  it.each<[string, () => object]>([
    ['a new function for the secret', () => ({ clientId: 'api', clientSecret: async () => 'secret' })],
    ['the same key in PEM', () => ({ clientId: 'api', privateKey: pem })],
    ['another secret', () => ({ clientId: 'api', clientSecret: randomUUID() })],
  ])(
    'keeps its metadata and keys during an outage if it is named again with %s',
    {
      tags: ['KEY-15', 'JWT-18'],
    },
    async (_what, credential) => {
      let isDown = false;
      const unless = (document: object) => () =>
        isDown ? new Response(null, { status: 503 }) : Response.json(document);
      const endpoint = 'https://sso.example.com/introspect';
      const { fetch } = simulateWeb({
        'https://sso.example.com/.well-known/oauth-authorization-server/tenants/1': unless({
          issuer: TENANT,
          jwks_uri: 'https://sso.example.com/keys',
          introspection_endpoint: endpoint,
        }),
        'https://sso.example.com/keys': unless(jwks),
        [endpoint]: activeClaims({ iss: TENANT }),
      });
      const name = (issuer: string) => ({ issuer, introspection: { tokens: ['jwt'], ...credential() } });
      const api = open(name, { fetch });
      expect(await api.get(tokenBy(key, TENANT))).toBe('200');
      isDown = true;
      api.step(601);
      expect(await api.get(tokenBy(key, TENANT, {}, { jti: '2' }))).toBe('200');
      expect(await api.get(tokenBy(foreign, TENANT))).toBe('401 signature_invalid');
    },
  );

  it('keeps no keys from an address that is named no more', { tags: ['KEY-16', 'JWT-18'] }, async () => {
    const address = 'https://sso.example.com/keys';
    const { fetch } = simulateWeb({ [address]: jwks });
    let source: object = { jwksUri: address };
    const api = open((issuer) => ({ issuer, ...source }), { fetch });
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    source = { jwks: () => Promise.reject(new Error('down')) };
    api.step(601);
    expect(await api.get(tokenBy(key, TENANT))).toBe('503 jwks_unavailable');
  });

  it('keeps its keys while a new function for them fails', { tags: ['KEY-15', 'JWT-18'] }, async () => {
    let load = async () => jwks;
    const api = open((issuer) => ({ issuer, jwks: () => load() }));
    const [token, newToken] = [tokenBy(key, TENANT), tokenBy(foreign, TENANT)];
    expect(await api.get(token)).toBe('200');
    load = () => Promise.reject(new Error('down'));
    api.step(601);
    expect(await api.get(token)).toBe('200');
    load = async () => ({ keys: [foreign.jwk] });
    api.step(601);
    expect(await api.get(newToken)).toBe('200');
    expect(await api.get(token)).toBe('401 signature_invalid');
  });

  it('keeps its verified tokens if it is named with the same words again', { tags: ['JWT-18'] }, async () => {
    let loads = 0;
    const load = () => {
      loads += 1;
      return jwks;
    };
    const api = open((issuer) => ({ issuer, jwks: load, scopeClaim: ['scp', 'roles'] }));
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    for (let count = 0; count < 5; count++) {
      api.step(601);
      expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    }
    expect(api.asked).toHaveLength(6);
    expect(loads).toBe(6);
  });
});

describe('when the function fails', () => {
  it.each<[string, (iss: string) => unknown, string]>([
    [
      'throws',
      () => {
        throw new RangeError('secret');
      },
      'RangeError',
    ],
    ['rejects', () => Promise.reject(new Error('secret')), 'Error'],
    ['rejects with undefined', () => Promise.reject(undefined), 'undefined'],
    [
      'returns true',
      () => true,
      'option "issuer[1]" takes an issuer identifier, a trusted issuer, a function, or a list of them, got boolean',
    ],
    [
      'returns a wrong option',
      (issuer) => ({ issuer, algorithms: ['none'] }),
      'option "issuer[1].algorithms" takes a list of at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, got "none"',
    ],
    [
      'returns an unknown option',
      (issuer) => ({ issuer, jwks, audiences: 'a' }),
      expect.stringContaining('unknown option "audiences" in issuer[1]; did you mean audience? Known are'),
    ],
    [
      'returns a private key',
      (issuer) => ({ issuer, jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }),
      expect.any(String),
    ],
  ])('%s: 503', { tags: ['OPS-10', 'JWT-18'] }, async (_what, resolve, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const api = open(resolve);
    expect(await api.get(tokenBy(key, TENANT))).toBe('503 issuer_unavailable');
    expect(warnings).toEqual([{ source: 'issuer', detail }]);
    expect(JSON.stringify(warnings)).not.toContain('secret');
    expect(await api.get(tokenBy(key, FIXED))).toBe('200');
    expect(await api.get(tokenBy(key, TENANT))).toBe('503 issuer_unavailable');
    expect(api.asked).toHaveLength(2);
  });

  it('hangs: 503, and nobody else waits', { tags: ['OPS-10', 'JWT-18'] }, async () => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const api = open(
      () => new Promise(() => undefined),
      { keys: { timeoutSeconds: 0.05 } },
      { realTimers: true },
    );
    const hanging = api.get(tokenBy(key, TENANT));
    expect(await api.get(tokenBy(key, FIXED))).toBe('200');
    expect(await hanging).toBe('503 issuer_unavailable');
    expect(warnings).toEqual([{ source: 'issuer', detail: 'time-out' }]);
  });

  it('names another issuer: refused', { tags: ['JWT-18'] }, async () => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const api = open(() => ({ issuer: TENANT, jwks }));
    expect(await api.get(tokenBy(key, `${TENANT}/`))).toBe('401 iss_mismatch');
    expect(warnings).toEqual([
      { source: 'issuer', detail: 'another issuer than the one that was asked about' },
    ]);
  });

  it('still trusts those that it named before, for a day', { tags: ['KEY-13', 'JWT-18'] }, async () => {
    let isDown = false;
    const api = open((iss) => {
      if (isDown) throw new Error('down');
      return trustTenants(iss);
    });
    const token = tokenBy(key, TENANT);
    expect(await api.get(token)).toBe('200');
    isDown = true;
    api.step(601);
    expect(await api.get(token)).toBe('200');
    expect(await api.get(token)).toBe('200');
    expect(api.asked).toHaveLength(2);
    expect(await api.get(tokenBy(key, `${TENANT}0`))).toBe('503 issuer_unavailable');
    api.step(86_400);
    expect(await api.get(token)).toBe('503 issuer_unavailable');
    isDown = false;
    expect(await api.get(token)).toBe('200');
  });

  it("doesn't delay tokens of issuers that it named before, except at first", {
    tags: ['KEY-13', 'JWT-18'],
  }, async () => {
    let name: (iss: string) => unknown = trustTenants;
    const api = open((iss) => name(iss));
    const token = tokenBy(key, TENANT);
    expect(await api.get(token)).toBe('200');
    name = () => Promise.reject(new Error('down'));
    api.step(601);
    expect(await api.get(token)).toBe('200');
    name = () => new Promise(() => undefined);
    api.step(31);
    const first = api.get(token);
    await vi.advanceTimersByTimeAsync(500);
    expect([await first, await api.get(token)]).toEqual(['200', '200']);
    expect(api.asked).toHaveLength(3);
    name = () => new Promise((resolve) => void setTimeout(() => resolve(undefined), 100));
    await vi.advanceTimersByTimeAsync(4500);
    api.step(31);
    const last = api.get(token);
    await vi.advanceTimersByTimeAsync(100);
    expect(await last).toBe('401 iss_mismatch');
  });

  it('still trusts those that it named before if the clock is set back', {
    tags: ['KEY-13', 'JWT-18'],
  }, async () => {
    let name: (iss: string) => unknown = trustTenants;
    const api = open((iss) => name(iss));
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    name = () => Promise.reject(new Error('down'));
    api.step(-3600);
    expect(await api.get(tokenBy(key, TENANT, {}, { iat: undefined }))).toBe('200');
  });
});

/** A token that nobody signed, for floods: signing takes longer than everything else. */
const [junkHeader, , junkSignature] = tokenBy(key, TENANT).split('.');
const junk = (iss: string): string => {
  const claims = JSON.stringify({ iss, aud: 'https://api.example.com', client_id: 'c', exp: 4_102_444_800 });
  return `${junkHeader}.${Buffer.from(claims).toString('base64url')}.${junkSignature}`;
};

describe('a flood of invented issuers', { timeout: 60_000 }, () => {
  it('displaces none that is in use', { tags: ['OPS-07'] }, async () => {
    const api = open((issuer) => ({ issuer, jwks }));
    expect(await api.get(tokenBy(key, TENANT))).toBe('200');
    for (let count = 0; count < 1100; count++)
      expect(await api.get(junk(`urn:${count}`))).toBe('401 signature_invalid');
    const before = api.asked.length;
    expect(await api.get(tokenBy(key, TENANT, {}, { sub: 'new' }))).toBe('200');
    expect(api.asked).toHaveLength(before);
  });

  it('displaces no refusal of the same moment, and is forgotten in the end', {
    tags: ['OPS-07'],
  }, async () => {
    const api = open(() => undefined);
    for (let count = 0; count < 500; count++)
      expect(await api.get(junk(`urn:${count}`))).toBe('401 iss_mismatch');
    expect(await api.get(junk('urn:0'))).toBe('401 iss_mismatch');
    expect(api.asked).toHaveLength(500);
  });
});
