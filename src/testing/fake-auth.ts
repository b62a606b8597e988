import { VerifiedAuth } from '../auth.js';
import type { Actor, Auth, RegisteredClaims, Scope, StandardClaims } from '../index.js';
import {
  anyObject,
  anyText,
  type Checked,
  type Checks,
  checkObject,
  matching,
  object,
  optional,
  optionError,
} from '../lib/check.js';
import { deepFreeze, withoutUndefined } from '../lib/json.js';
import { createAccessToken, wronglyTypedClaims } from '../token/claims.js';
import { isScopeToken, parseScopes } from '../token/scope.js';
import { defaultSubject, defaults } from './token-claims.js';

/**
 * Options of {@link fakeAuth}. Every member is optional. A member takes precedence over the claim of the same
 * meaning, and the claim over the default.
 */
export interface FakeAuthOptions<C extends object = RegisteredClaims> {
  /** Granted scopes: `['read:inventory']`. Default: those of `claims.scope`, or none. */
  readonly scopes?: readonly Scope[];
  /**
   * Claims as a token would carry them, such as the application's own. A claim that's `undefined` is left
   * out.
   */
  readonly claims?: Readonly<Partial<C>> & Readonly<Record<string, unknown>>;
  /**
   * `"client_id"`. Default `test-client`. For a token without a client: `claims: { client_id: undefined }`.
   */
  readonly clientId?: string;
  /** `"sub"`. Default the client, as with client credentials (RFC 9068 §2.2). */
  readonly subject?: string;
  /** `"act"`: who acts on behalf of the subject, with at least one member. Default none. */
  readonly actor?: Partial<Actor>;
  /** `"iss"`. Default `https://issuer.example.com`. */
  readonly issuer?: string;
  /** `"aud"`. Default `https://api.example.com`. */
  readonly audience?: string | readonly string[];
  /** `"exp"`, in seconds since the epoch. Default in five minutes. Nothing checks it. */
  readonly expiresAt?: number;
  /** The text of the token. Default `fake-access-token`. */
  readonly token?: string;
}

const isText = (given: unknown): given is string => typeof given === 'string';
const isTextOrTexts = (given: unknown): given is string | readonly string[] =>
  isText(given) || (Array.isArray(given) && given.every(isText));
const isScopeList = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.every(isScopeToken);
const isFiniteNumber = (given: unknown): given is number => Number.isFinite(given);

const CHECKS = {
  scopes: optional(matching(isScopeList, 'a list of scopes, one per element')),
  claims: optional(anyObject),
  clientId: optional(anyText),
  subject: optional(anyText),
  actor: optional(
    object({ subject: optional(anyText), issuer: optional(anyText), clientId: optional(anyText) }),
  ),
  issuer: optional(anyText),
  audience: optional(matching(isTextOrTexts, 'a string or a list of strings')),
  expiresAt: optional(matching(isFiniteNumber, 'a number')),
  token: optional(anyText, 'fake-access-token'),
} satisfies Checks<FakeAuthOptions>;

/**
 * Makes an `Auth` without a token behind it, to call a handler directly, without HTTP:
 * `handler({ auth: fakeAuth() }, response)`. It's frozen, its members and its claims agree with each other,
 * and `isAuth` recognizes it, so `getAuth` accepts it. The `require…` functions don't: only `authenticate`
 * opens a route.
 *
 * For requests through the whole stack use `createTestIssuer`: that also tests that the route is protected.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type
 * @example
 * ```ts
 * import { fakeAuth } from 'oauth-resource-server/testing';
 *
 * await findStock({ params: { sku: '42' }, auth: fakeAuth({ scopes: ['read:inventory'] }) }, res);
 * ```
 */
export function fakeAuth<C extends object = RegisteredClaims>(options: FakeAuthOptions<C> = {}): Auth<C> {
  const checked = checkObject(options, 'fakeAuth', CHECKS);
  const claims = completeClaims(checked);
  const accessToken = createAccessToken({
    header: { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' },
    claims,
    issuer: claims.iss,
    clientId: claims.client_id,
    scopes: typeof claims.scope === 'string' ? parseScopes(claims.scope) : [], // as for a real token
  });
  const auth = new VerifiedAuth(deepFreeze(accessToken), checked.token);
  return auth as unknown as Auth<C>; // the type of the claims is the test's promise
}

function completeClaims(options: Checked<typeof CHECKS>): StandardClaims {
  const { actor } = options;
  const members = {
    iss: options.issuer,
    aud: options.audience,
    sub: options.subject,
    client_id: options.clientId,
    act: actor && { sub: actor.subject, iss: actor.issuer, client_id: actor.clientId },
    exp: options.expiresAt,
    scope: options.scopes?.join(' '),
  };
  const given: Record<string, unknown> = {
    ...options.claims,
    ...withoutUndefined(members),
  };
  const claims = {
    iss: defaults.issuer,
    aud: defaults.audience,
    sub: defaultSubject(given, defaults.clientId),
    client_id: defaults.clientId,
    exp: Math.floor(Date.now() / 1000) + defaults.lifetimeSeconds,
    ...given,
  };
  // As a token carries them: a copy, without what is undefined.
  const carried: StandardClaims = JSON.parse(JSON.stringify(claims));
  if (carried.act !== null && wronglyTypedClaims(carried).includes('act')) {
    const path = actor === undefined ? 'fakeAuth.claims.act' : 'fakeAuth.actor';
    throw optionError(path, 'an object with strings that say who acts', carried.act);
  }
  return carried;
}
