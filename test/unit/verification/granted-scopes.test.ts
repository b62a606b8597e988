import { describe, expect, it } from 'vitest';
import {
  type Auth,
  channels,
  requirementOfScopes,
  type ScopeClaim,
  type StandardClaims,
  type WarningMessage,
} from '../../../src/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { activeClaims, opaque } from '../../support/introspection.js';
import { listenTo } from '../../support/listen-to.js';
import { protect, tokenBy } from '../../support/protected-api.js';

const ISSUER = 'https://issuer.example.com';
const key = await generateSigningKey('ES256', 'key-1');

function serverWith(scopeClaim?: ScopeClaim) {
  const issuer = { issuer: ISSUER, jwks: { keys: [key.jwk] } };
  return protect({ issuer: scopeClaim === undefined ? issuer : { ...issuer, scopeClaim } }).server;
}

/** What a token with these claims grants. */
async function scopesOf(
  claims: Record<string, unknown>,
  scopeClaim?: ScopeClaim,
): Promise<readonly string[]> {
  return (await serverWith(scopeClaim).verify(tokenBy(key, ISSUER, {}, claims))).scopes;
}

describe('scopes of several claims', () => {
  it.each<[Record<string, unknown>, readonly string[]]>([
    [{ scp: 'read write' }, ['read', 'write']],
    [{ roles: ['Stock.Read'] }, ['Stock.Read']],
    [{ scp: 'read', roles: ['Stock.Read'] }, ['read', 'Stock.Read']],
    [{ scp: ['read'], roles: 'read admin' }, ['read', 'admin']],
    [{ scp: 42, roles: ['Stock.Read'] }, ['Stock.Read']],
    [{ roles: [{ value: 'a' }, 'b c', 'd'] }, ['a', 'd']],
    [{ scope: 'read' }, []],
    [{}, []],
  ])('%j grants %j', { tags: ['SCP-08'] }, async (claims, scopes) => {
    expect(await scopesOf(claims, ['scp', 'roles'])).toEqual(scopes);
  });

  it('may be nested', { tags: ['SCP-08'] }, async () => {
    const claims = { scope: 'openid', realm_access: { roles: ['admin'] } };
    expect(await scopesOf(claims, ['scope', 'realm_access.roles'])).toEqual(['openid', 'admin']);
  });

  it("aren't mixed up between tokens", { tags: ['SCP-08'] }, async () => {
    const server = serverWith(['scp', 'roles']);
    const verify = (claims: Record<string, unknown>) => server.verify(tokenBy(key, ISSUER, {}, claims));
    expect((await verify({ scp: 'read', roles: 'write' })).scopes).toEqual(['read', 'write']);
    expect((await verify({ scp: 'read' })).scopes).toEqual(['read']);
    expect((await verify({ roles: 'read' })).scopes).toEqual(['read']);
  });

  it('are named by a 403', { tags: ['SCP-08'] }, async () => {
    const server = serverWith(['scp', 'roles']);
    const auth = await server.verify(tokenBy(key, ISSUER, {}, { roles: ['Stock.Read'] }));
    const decision = server.authorize(auth, requirementOfScopes(['Stock.Read', 'Stock.Write']));
    expect(decision).toMatchObject({
      kind: 'denied',
      answer: {
        status: 403,
        headers: {
          'WWW-Authenticate':
            'Bearer realm="api", error="insufficient_scope", ' +
            'error_description="The access token lacks a required scope", scope="Stock.Read Stock.Write"',
        },
      },
    });
  });

  it('are read in what an issuer says of an opaque token', { tags: ['SCP-08'] }, async () => {
    const endpoint = () => activeClaims({ roles: ['a'], scp: 'b', scope: 'c' });
    const introspection = { endpoint, scopeClaim: ['scp', 'roles'] };
    const { server } = protect({ issuer: { issuer: ISSUER, introspection } });
    const { scopes, claims } = await server.verify(opaque());
    expect(scopes).toEqual(['b', 'a']);
    expect(claims).toMatchObject({ roles: ['a'], scp: 'b' });
  });
});

describe('scopes by a function', () => {
  const permissions = ({ permissions }: StandardClaims & { permissions?: unknown }): string[] =>
    Array.isArray(permissions) ? permissions.map((one) => String(one).replace(/^stock:/, '')) : [];

  it('are what it returns', { tags: ['SCP-08'] }, async () => {
    expect(await scopesOf({ permissions: ['stock:read', 'stock:write'] }, permissions)).toEqual([
      'read',
      'write',
    ]);
    expect(await scopesOf({ scope: 'read' }, permissions)).toEqual([]);
  });

  it('lose what is no scope', { tags: ['SCP-08'] }, async () => {
    const odd = (): string[] => JSON.parse('["a b", "", 42, null, "ü", "ok", "ok"]');
    expect(await scopesOf({}, odd)).toEqual(['ok']);
  });

  it('see claims that nobody can change', { tags: ['SCP-08'] }, async () => {
    const change = (claims: StandardClaims): string[] => {
      Object.assign(claims, { sub: 'somebody else' });
      return ['admin'];
    };
    expect(await scopesOf({}, change)).toEqual([]);
    const { server } = protect({
      issuer: { issuer: ISSUER, introspection: { endpoint: () => activeClaims({}), scopeClaim: change } },
    });
    expect((await server.verify(opaque())).scopes).toEqual([]);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => assertFails(), 'RangeError'],
    ['returns a promise', async () => ['admin'], 'promise'],
    ['returns a promise that rejects', () => Promise.reject(new Error('down')), 'promise'],
    ['returns a string', () => 'admin', 'string'],
    ['returns nothing', () => undefined, 'undefined'],
    ['returns an object', () => ({ length: 1, 0: 'admin' }), 'object'],
  ])('are none if it %s', { tags: ['OPS-10', 'SCP-08'] }, async (_what, act, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    expect(await scopesOf({ scope: 'admin' }, act as () => string[])).toEqual([]);
    expect(warnings).toEqual([{ source: 'scopeClaim', detail }]);
  });
});

function assertFails(): never {
  throw new RangeError('quotes a claim');
}

describe('a configured claim that grants nothing', () => {
  it.each<[ScopeClaim, Record<string, unknown>, string]>([
    [
      'realm_access',
      { realm_access: { roles: ['a'] } },
      '"realm_access" of https://issuer.example.com is a value of the type object without a scope',
    ],
    ['roles', { roles: [] }, '"roles" of https://issuer.example.com is an array without a scope'],
    [
      'roles',
      { roles: [{ name: 'a' }] },
      '"roles" of https://issuer.example.com is an array without a scope',
    ],
    [
      'roles',
      { roles: 42 },
      '"roles" of https://issuer.example.com is a value of the type number without a scope',
    ],
    [
      ['scp', 'a.b'],
      { a: { b: '' } },
      '"a.b" of https://issuer.example.com is a value of the type string without a scope',
    ],
  ])('is reported once: %j', { tags: ['SCP-08'] }, async (scopeClaim, claims, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const server = serverWith(scopeClaim);
    for (const sub of ['a', 'b', 'c']) {
      const auth: Auth = await server.verify(tokenBy(key, ISSUER, {}, { ...claims, sub }));
      expect(auth.scopes).toEqual([]);
    }
    expect(warnings).toEqual([{ source: 'scopeClaim', detail }]);
  });

  it.each<[ScopeClaim | undefined, Record<string, unknown>]>([
    [undefined, { scope: ['a'] }],
    ['roles', {}],
    ['roles', { roles: null }],
    [['scp', 'roles'], { scp: 'a', roles: [] }],
  ])("isn't reported: %j in %j", { tags: ['SCP-08'] }, async (scopeClaim, claims) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    await scopesOf(claims, scopeClaim);
    expect(warnings).toEqual([]);
  });
});
