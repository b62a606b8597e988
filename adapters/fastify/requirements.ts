import {
  type Auth,
  type AuthenticationOptions,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  isAuth,
  type RegisteredClaims,
  type Requirement,
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
  type Scope,
} from '../../src/index.js';
import {
  authenticationOf,
  type HookDone,
  type HookReply,
  type HookRequest,
  settle,
} from './authentication.js';
import { declare } from './declared-requirements.js';

/** A hook of a route or a scope: `onRequest`, `preValidation` or `preHandler`. */
export type RequirementHook = (request: HookRequest, reply: object, done: HookDone) => void;

/**
 * Refuses requests whose access token lacks any of the scopes, with 403 `insufficient_scope` naming all of them.
 *
 * Use it as `onRequest`, or as `preHandler` with `bearerMethods: ['body']`. Where nothing authenticated the request (no
 * `resourceServer` plugin, or a public route) the request fails with a 500 that tells the developer so.
 *
 * @param scopes one scope per argument, at least one
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3), such as `'read write'`
 * @see RFC 6750 §3.1
 * @example app.get('/stock/:sku', { onRequest: requireScope('read:inventory') }, handler);
 */
export function requireScope(...scopes: readonly Scope[]): RequirementHook {
  return requirementHook('requireScope', requirementOfScopes(scopes, 'requireScope'));
}

/**
 * Like {@link requireScope}, but one of the scopes is enough.
 *
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3)
 */
export function requireAnyScope(...scopes: readonly Scope[]): RequirementHook {
  return requirementHook('requireAnyScope', requirementOfAnyScope(scopes, 'requireAnyScope'));
}

/**
 * Refuses requests for whose claims `predicate` does not return `true`, with 403. A promise or an exception refuses too.
 *
 * @typeParam C the application's own claims
 * @throws {TypeError} `predicate` is not a function
 * @example app.get('/stock', { onRequest: requireClaims((claims) => claims.tenant === 'acme') }, handler);
 */
export function requireClaims<C extends object = RegisteredClaims>(
  predicate: ClaimsPredicate<C>,
): RequirementHook {
  return requirementHook('requireClaims', requirementOfClaims(predicate, 'requireClaims'));
}

/**
 * Refuses requests behind whose access token the user did not authenticate in one of these ways, or not that recently, with 401 and
 * `insufficient_user_authentication`, so that the client has the user log in again (RFC 9470). A token that does not tell is refused too.
 *
 * @param options `acrValues`, `maxAgeSeconds` or both; `scopes` that are required as well
 * @throws {TypeError} neither is there, or a member is unknown or wrong
 * @example app.post('/payments', { onRequest: requireAuthentication({ maxAgeSeconds: 300 }) }, handler);
 */
export function requireAuthentication(options: AuthenticationOptions): RequirementHook {
  return requirementHook(
    'requireAuthentication',
    requirementOfAuthentication(options, 'requireAuthentication'),
  );
}

/**
 * Refuses requests for whose authorization details (RFC 9396) `predicate` does not return `true`, and those without any, with 403. A promise or an exception
 * refuses too.
 *
 * @typeParam C the application's own claims
 * @throws {TypeError} `predicate` is not a function
 * @example app.post('/payments', { onRequest: requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment')) }, handler);
 */
export function requireAuthorizationDetails<C extends object = RegisteredClaims>(
  predicate: AuthorizationDetailsPredicate<C>,
): RequirementHook {
  return requirementHook(
    'requireAuthorizationDetails',
    requirementOfAuthorizationDetails(predicate, 'requireAuthorizationDetails'),
  );
}

function requirementHook(name: string, requirement: Requirement): RequirementHook {
  const hook: RequirementHook = (request, reply, done) => {
    const authentication = authenticationOf(request);
    if (authentication === undefined) return done(new Error(NOT_AUTHENTICATED(name)));
    const { server, auth } = authentication;
    // Whatever types the route gives its replies, a refusal is none of them.
    settle(server, server.authorize(auth, requirement), request, reply as HookReply, done);
  };
  return declare(hook, requirement);
}

/**
 * The `Auth` of an authenticated request.
 *
 * Also accepts any object that holds a genuine `Auth`, so that a unit test may pass `{ auth: fakeAuth(…) }`.
 *
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the request, it is anonymous (`optional: true`), or `request.auth` was forged
 */
export function getAuth<C extends object = RegisteredClaims>(request: { readonly auth?: unknown }): Auth<C> {
  const auth: unknown = authenticationOf(request)?.auth ?? request.auth;
  if (!isAuth(auth)) throw new Error(NO_AUTH);
  return auth as unknown as Auth<C>; // the claims' type is the application's promise
}

const NOT_AUTHENTICATED = (name: string): string =>
  `${name}: nothing authenticated this request. Register the resourceServer plugin in this scope or around it; a route ` +
  `with config.public cannot have requirements; with bearerMethods 'body' use ${name} as preHandler`;

const NO_AUTH =
  'getAuth: this request carries no verified access token. The route is public or outside the resourceServer plugin, ' +
  'or the request is anonymous (optional: true): then look at request.auth first';
