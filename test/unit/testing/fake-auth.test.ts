import { describe, expect, expectTypeOf, it } from 'vitest';
import { type Auth, isAuth } from '../../../src/auth.js';
import { requirementOfScopes } from '../../../src/requirement/requirement.js';
import { createTestIssuer, fakeAuth } from '../../../src/testing/index.js';
import { trusting } from './decide.js';

describe('fakeAuth', () => {
  it('needs nothing to be a whole Auth', () => {
    const auth = fakeAuth();
    expect(isAuth(auth)).toBe(true);
    expect(auth).toMatchObject({
      header: { alg: 'ES256', typ: 'at+jwt' },
      issuer: 'https://issuer.example.com',
      subject: 'test-client',
      clientId: 'test-client',
      audience: ['https://api.example.com'],
      scopes: [],
      expiresAt: auth.claims.exp,
    });
    expect(auth.token).toBe('fake-access-token');
    expect(auth.expiresAt).toBeGreaterThan(Date.now() / 1000);
  });

  it('has the members of the Auth that a real token gives', async () => {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    const real = await server.verify(await issuer.token({ scope: 'read:inventory' }));
    const fake = fakeAuth({ scopes: ['read:inventory'], expiresAt: real.expiresAt });
    expect(Object.keys(fake)).toEqual(Object.keys(real));
    const { iat: _, jti: __, ...claims } = real.claims;
    expect({ ...fake }).toEqual({ ...real, claims });
  });

  it('has the actor of a real token', { tags: ['ATP-13'] }, async () => {
    const issuer = await createTestIssuer();
    const act = { sub: 'orders', client_id: 'order-service', act: { sub: 'shop' } };
    const { actor } = await trusting(issuer).verify(await issuer.token({ act }));
    expect(actor).toEqual({ subject: 'orders', issuer: undefined, clientId: 'order-service' });
    expect(fakeAuth({ claims: { act } })).toMatchObject({ actor, claims: { act } });
    const fake = fakeAuth({ actor: { subject: 'orders', clientId: 'order-service' }, claims: { act: {} } });
    expect(fake).toMatchObject({ actor, claims: { act: { sub: 'orders', client_id: 'order-service' } } });
    expect([fakeAuth().actor, fakeAuth({ claims: { act: null } }).actor]).toEqual([undefined, undefined]);
  });

  it('carries every member into the claims', () => {
    const auth = fakeAuth({
      scopes: ['read:inventory', 'write:orders'],
      clientId: 'order-service',
      subject: 'alice',
      issuer: 'https://auth.example.com',
      audience: ['https://one.example.com', 'https://two.example.com'],
      expiresAt: 4_102_444_800,
      token: 'some-token',
    });
    expect(auth.claims).toEqual({
      iss: 'https://auth.example.com',
      aud: ['https://one.example.com', 'https://two.example.com'],
      sub: 'alice',
      client_id: 'order-service',
      scope: 'read:inventory write:orders',
      exp: 4_102_444_800,
    });
    expect(auth.scopes).toEqual(['read:inventory', 'write:orders']);
    expect(auth.audience).toEqual(['https://one.example.com', 'https://two.example.com']);
    expect(auth.token).toBe('some-token');
  });

  it('reads its members from the claims', () => {
    const auth = fakeAuth({
      claims: { scope: 'read:inventory', client_id: 'order-service', tenant: 'acme' },
    });
    expect(auth).toMatchObject({
      scopes: ['read:inventory'],
      clientId: 'order-service',
      subject: 'order-service',
    });
    expect(auth.claims.tenant).toBe('acme');
  });

  it('lets members go before claims', () => {
    const auth = fakeAuth({
      scopes: [],
      clientId: 'order-service',
      claims: { scope: 'admin', client_id: 'other' },
    });
    expect(auth).toMatchObject({ scopes: [], clientId: 'order-service', subject: 'order-service' });
  });

  it('has no scopes if a real one has none', { tags: ['SCP-04'] }, () => {
    expect(fakeAuth({ claims: { scope: ['read:inventory'] } }).scopes).toEqual([]);
    expect(fakeAuth({ claims: { scope: 'read:inventory' } }).scopes).toEqual(['read:inventory']);
  });

  it('leaves claims out that are undefined', () => {
    const auth = fakeAuth({ subject: 'alice', claims: { client_id: undefined } });
    expect(auth.clientId).toBeUndefined();
    expect(auth.claims).not.toHaveProperty('client_id');
    expect(auth.subject).toBe('alice');
  });

  it('meets requirements as a real one does', async () => {
    const server = trusting(await createTestIssuer());
    const requirement = requirementOfScopes(['read:inventory']);
    expect(server.authorize(fakeAuth({ scopes: ['read:inventory'] }), requirement).kind).toBe('allowed');
    expect(server.authorize(fakeAuth(), requirement).kind).toBe('denied');
  });

  it('is deeply frozen, and shares nothing with what it was given', () => {
    const address = { city: 'Ghent' };
    const auth = fakeAuth({ scopes: ['read:inventory'], claims: { address } });
    address.city = 'Bruges';
    expect(auth.claims.address).toEqual({ city: 'Ghent' });
    for (const part of [auth, auth.header, auth.claims, auth.claims.address, auth.audience, auth.scopes]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('does not show its token', { tags: ['OPS-02'] }, () => {
    expect(JSON.stringify(fakeAuth({ token: 'some-token' }))).not.toContain('some-token');
  });

  it.each([
    ['an unknown option', { scope: 'read' }, 'unknown option "scope" in fakeAuth'],
    ['scopes in one string', { scopes: 'read write' }, 'scopes'],
    ['a scope with a space', { scopes: ['read write'] }, 'scopes'],
    ['claims in an array', { claims: [] }, 'claims'],
    ['a client that is no string', { clientId: 5 }, 'clientId'],
    ['a subject that is no string', { subject: 5 }, 'subject'],
    ['an issuer that is no string', { issuer: {} }, 'issuer'],
    ['a token that is no string', { token: null }, 'token'],
    ['an audience of numbers', { audience: [5] }, 'audience'],
    ['an expiry that is a date', { expiresAt: new Date(0) }, 'expiresAt'],
    ['an expiry that is never', { expiresAt: Infinity }, 'expiresAt'],
    ['an actor that is a string', { actor: 'orders' }, 'actor'],
    ['an actor that is nobody', { actor: {} }, 'actor'],
    ['an actor by the name of a claim', { actor: { sub: 'orders' } }, 'actor'],
    ['an actor of a wrong type', { actor: { subject: 5 } }, 'actor'],
    ['an actor among the claims that no token may have', { claims: { act: 'orders' } }, 'act'],
    ['no object', 'read', 'takes an object'],
  ])('refuses %s', (_, options, message) => {
    // As a caller without types would.
    const build = () => fakeAuth(options as Parameters<typeof fakeAuth>[0]);
    expect(build).toThrow(TypeError);
    expect(build).toThrow(message);
  });

  it('has the type of the claims that it is given', () => {
    const auth = fakeAuth<{ tenant: string }>({ claims: { tenant: 'acme' } });
    expectTypeOf(auth).toEqualTypeOf<Auth<{ tenant: string }>>();
    expectTypeOf(auth.claims.tenant).toEqualTypeOf<string>();
    // @ts-expect-error: a tenant is a string
    fakeAuth<{ tenant: string }>({ claims: { tenant: 5 } });
  });
});
