import {
  type AccessToken,
  type Auth,
  createAuth,
  type RegisteredClaims,
  type Scope,
  type StandardClaims,
} from '../auth.js';
import { deepFreeze } from '../lib/deep-freeze.js';
import { audienceOf } from '../token/claims.js';
import { isScopeToken, parseScopes } from '../token/scope.js';
import { checkMembers, checkObject, describe } from './check-members.js';
import { defaultSubject, defaults } from './defaults.js';

/**
 * What {@link fakeAuth} takes. Every member is optional; a member goes before the claim of the same meaning,
 * and the claim before the default.
 */
export interface FakeAuthOptions<C extends object = RegisteredClaims> {
  /** Granted scopes: `['read:inventory']`. Default: those of `claims.scope`, or none. */
  readonly scopes?: readonly Scope[];
  /**
   * Claims as a token would carry them, for instance the application's own. A claim whose value is
   * `undefined` is left out.
   */
  readonly claims?: Readonly<Partial<C>> & Readonly<Record<string, unknown>>;
  /**
   * `"client_id"`. Default `test-client`; `claims: { client_id: undefined }` makes a token without client.
   */
  readonly clientId?: string;
  /** `"sub"`. Default the client, as with client credentials (RFC 9068 §2.2). */
  readonly subject?: string;
  /** `"iss"`. Default `https://issuer.example.com`. */
  readonly issuer?: string;
  /** `"aud"`. Default `https://api.example.com`. */
  readonly audience?: string | readonly string[];
  /** `"exp"`, in seconds since the epoch. Default in five minutes. Nothing checks it. */
  readonly expiresAt?: number;
  /** The text of the token. Default `fake-access-token`. */
  readonly token?: string;
}

const MEMBERS = ['scopes', 'claims', 'clientId', 'subject', 'issuer', 'audience', 'expiresAt', 'token'];

/**
 * An `Auth` without a token behind it, to call a handler directly, without HTTP: `handler({ auth: fakeAuth() }, response)`.
 * It is frozen and genuine for `isAuth`, so `getAuth` takes it; the `require…` functions do not, as only `authenticate`
 * opens a route. Its members and its claims agree with each other.
 *
 * For requests through the whole stack use `createTestIssuer`: that also tests that the route is protected.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type
 * @example
 * ```ts
 * await findStock({ params: { sku: '42' }, auth: fakeAuth({ scopes: ['read:inventory'] }) }, response);
 * ```
 */
export function fakeAuth<C extends object = RegisteredClaims>(options: FakeAuthOptions<C> = {}): Auth<C> {
  checkMembers(options, MEMBERS, 'fakeAuth');
  checkTypes(options);
  const claims = claimsOf(options);
  const accessToken: AccessToken = {
    header: { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' },
    claims,
    issuer: claims.iss,
    subject: claims.sub,
    clientId: claims.client_id,
    audience: audienceOf(claims),
    scopes: typeof claims.scope === 'string' ? parseScopes(claims.scope) : [], // as for a real token
    expiresAt: claims.exp,
  };
  const auth = createAuth(deepFreeze(accessToken), options.token ?? 'fake-access-token');
  return auth as unknown as Auth<C>; // the type of the claims is the test's promise
}

function claimsOf(options: FakeAuthOptions): StandardClaims {
  const given = { ...options.claims, ...claimsOfMembers(options) };
  const claims = {
    iss: defaults.issuer,
    aud: defaults.audience,
    sub: defaultSubject(given, defaults.clientId),
    client_id: defaults.clientId,
    exp: Math.floor(Date.now() / 1000) + defaults.lifetimeSeconds,
    ...given,
  };
  return JSON.parse(JSON.stringify(claims)); // as a token carries them: a copy, without what is undefined
}

function claimsOfMembers(options: FakeAuthOptions): Record<string, unknown> {
  const claims = {
    iss: options.issuer,
    aud: options.audience,
    sub: options.subject,
    client_id: options.clientId,
    exp: options.expiresAt,
    scope: options.scopes?.join(' '),
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

function checkTypes({ scopes, claims, audience, expiresAt, ...texts }: FakeAuthOptions): void {
  for (const [name, value] of Object.entries(texts)) checkType(name, value, 'a string', isString);
  checkType('audience', audience, 'a string or an array of strings', isStringOrStrings);
  checkType('expiresAt', expiresAt, 'a number', Number.isFinite);
  checkType('scopes', scopes, 'an array of scopes, one per element', isScopeList);
  if (claims !== undefined) checkObject(claims, 'the option claims of fakeAuth');
}

function checkType(
  name: string,
  value: unknown,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  if (value === undefined || isRight(value)) return;
  throw new TypeError(`the option ${name} of fakeAuth takes ${expected}, got ${describe(value)}`);
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isStringOrStrings(value: unknown): boolean {
  return isString(value) || (Array.isArray(value) && value.every(isString));
}

function isScopeList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isScopeToken);
}
