import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Auth, isAuth, VerifiedAuth } from '../../src/auth.js';
import { createResourceServer } from '../../src/resource-server.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const token = await issuer.token({
  aud: ['https://api.example.com', 'https://other.example.com'],
  scope: 'read write',
  address: { country: 'NZ', lines: [{ text: '1 Main St' }] },
});
const auth = await createResourceServer(issuer.options).verify(token);
const signature = token.slice(token.lastIndexOf('.') + 1);

/** Every value that can be reached from `value`, itself first. */
function reachable(value: unknown, found: object[] = []): readonly object[] {
  if (typeof value !== 'object' || value === null) return found;
  found.push(value);
  for (const key of Reflect.ownKeys(value)) reachable(Reflect.get(value, key), found);
  return found;
}

describe('the token of an Auth', () => {
  it('is there if you ask for it', { tags: ['OPS-01'] }, () => {
    expect(auth.token).toBe(token);
    const { token: taken } = auth;
    expect(taken).toBe(token);
  });

  it.each<[string, (value: Auth) => string]>([
    ['JSON', (value) => JSON.stringify(value)],
    ['JSON of something that holds it', (value) => JSON.stringify({ request: { auth: value } })],
    ['String()', (value) => String(value)],
    ['inspect', (value) => inspect(value, { depth: Infinity })],
    [
      'inspect with getters and hidden members',
      (value) => inspect(value, { depth: Infinity, showHidden: true, getters: true }),
    ],
    ['inspect with hidden members', (value) => inspect(value, { depth: Infinity, showHidden: true })],
    [
      'inspect of something that holds it',
      (value) => inspect({ request: { auth: value } }, { depth: Infinity }),
    ],
    ['the names of members', (value) => Reflect.ownKeys(value).join()],
    ['entries', (value) => JSON.stringify(Object.entries(value))],
    ['a spread copy', (value) => JSON.stringify({ ...value }) + inspect({ ...value }, { depth: Infinity })],
    ['an assigned copy', (value) => JSON.stringify(Object.assign({}, value))],
    ['a structured clone', (value) => inspect(structuredClone(value), { depth: Infinity })],
    ['an interpolation', (value) => `${value}`],
    ['an error made of it', (value) => inspect(new Error('x', { cause: value }), { depth: Infinity })],
  ])('is not in %s', { tags: ['OPS-01', 'OPS-02'] }, (_, write) => {
    const text = write(auth);
    expect(text).not.toContain(token);
    expect(text).not.toContain(signature);
    expect(text).not.toContain('"token"');
  });

  it("isn't in a spread copy, which is no longer an Auth", { tags: ['OPS-01'] }, () => {
    const copy = { ...auth };
    expect(Object.hasOwn(copy, 'token')).toBe(false);
    expect(Reflect.get(copy, 'token')).toBeUndefined();
    expect(isAuth(copy)).toBe(false);
  });

  it('is in none of the members', { tags: ['OPS-01'] }, () => {
    for (const value of reachable(auth)) {
      expect(Reflect.ownKeys(value)).not.toContain('token');
      for (const key of Reflect.ownKeys(value)) expect(Reflect.get(value, key)).not.toBe(token);
    }
  });
});

describe('an Auth', () => {
  it('is frozen in all its depth', { tags: ['OPS-11'] }, () => {
    const values = reachable(auth);
    expect(values.length).toBeGreaterThan(6);
    expect(values.filter((value) => !Object.isFrozen(value))).toEqual([]);
  });

  it.each<[string, (value: Auth) => unknown]>([
    ['a member', (value) => Object.assign(value, { subject: 'root' })],
    ['the token', (value) => Object.assign(value, { token: 'x' })],
    ['a new member', (value) => Object.assign(value, { admin: true })],
    ['a claim', (value) => Object.assign(value.claims, { sub: 'root' })],
    ['a header parameter', (value) => Object.assign(value.header, { kid: 'x' })],
    ['the scopes', (value) => Array.prototype.push.call(value.scopes, 'admin')],
    ['the audience', (value) => Array.prototype.pop.call(value.audience)],
    ['the prototype', (value) => Object.setPrototypeOf(value, { admin: true })],
    ['a member by deleting it', (value) => delete (value as Partial<Record<keyof Auth, unknown>>).claims],
  ])("doesn't let you change %s", { tags: ['OPS-11'] }, (_, change) => {
    expect(() => change(auth)).toThrow(TypeError);
  });

  it('is equal for each request with the token, but another object', async () => {
    const again = await createResourceServer(issuer.options).verify(token);
    expect(again).not.toBe(auth);
    expect(again).toEqual(auth);
  });
});

describe('isAuth', () => {
  it('recognizes what this package made', { tags: ['OPS-12'] }, () => {
    expect(isAuth(auth)).toBe(true);
    expect(isAuth(fakeAuth())).toBe(true);
    expect(isAuth(new VerifiedAuth(auth, 'other'))).toBe(true);
  });

  it.each([
    ['a copy', { ...auth, token }],
    ['JSON read back', JSON.parse(JSON.stringify(auth))],
    ['a structured clone', structuredClone(auth)],
    ['an object that inherits from one', Object.create(auth)],
    ['an object of the same class', Object.create(Object.getPrototypeOf(auth))],
    ['a proxy of one', new Proxy(auth, {})],
    ['its class', auth.constructor],
    ['an empty object', {}],
    ['null', null],
    ['undefined', undefined],
    ['a string', token],
    ['an array', [auth]],
  ])("isn't fooled by %s", { tags: ['OPS-12'] }, (_, value) => {
    expect(isAuth(value)).toBe(false);
  });
});
