import { applyDecorators, createParamDecorator, type ExecutionContext, UseGuards } from '@nestjs/common';
import {
  type AuthenticationOptions,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  type Auth as CoreAuth,
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
import { RequirementGuard } from './guard.js';
import type { PlatformRequest } from './platform.js';
import { addRequirement, markPublic } from './route-policy.js';

/**
 * Refuses requests whose access token lacks any of the scopes, with 403 `insufficient_scope` naming all of them.
 * On a class it holds for every handler; requirements of class and handler add up.
 *
 * @param scopes one scope per argument, at least one
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3), such as `'read write'`
 * @see RFC 6750 §3.1
 */
export function RequireScope(...scopes: readonly Scope[]): ClassDecorator & MethodDecorator {
  return guarded(requirementOfScopes(scopes, '@RequireScope'));
}

/**
 * Like {@link RequireScope}, but one of the scopes is enough.
 *
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3)
 */
export function RequireAnyScope(...scopes: readonly Scope[]): ClassDecorator & MethodDecorator {
  return guarded(requirementOfAnyScope(scopes, '@RequireAnyScope'));
}

/**
 * Refuses requests for whose claims `predicate` does not return `true`, with 403. A promise or an exception refuses too.
 *
 * @typeParam C the application's own claims
 * @throws {TypeError} `predicate` is not a function
 * @example `@RequireClaims((claims) => claims.tenant === 'acme')`
 */
export function RequireClaims<C extends object = RegisteredClaims>(
  predicate: ClaimsPredicate<C>,
): ClassDecorator & MethodDecorator {
  return guarded(requirementOfClaims(predicate, '@RequireClaims'));
}

/**
 * Refuses requests behind whose access token the user did not authenticate in one of these ways, or not that recently, with 401 and
 * `insufficient_user_authentication`, so that the client has the user log in again (RFC 9470). A token that does not tell is refused too.
 *
 * @param options `acrValues`, `maxAgeSeconds` or both; `scopes` that are required as well, like `@RequireScope` beside it
 * @throws {TypeError} neither is there, or a member is unknown or wrong
 * @example `@RequireAuthentication({ maxAgeSeconds: 300 })`
 */
export function RequireAuthentication(options: AuthenticationOptions): ClassDecorator & MethodDecorator {
  return guarded(requirementOfAuthentication(options, '@RequireAuthentication'));
}

/**
 * Refuses requests for whose authorization details (RFC 9396) `predicate` does not return `true`, and those without any, with 403. A promise or an exception
 * refuses too.
 *
 * @typeParam C the application's own claims
 * @throws {TypeError} `predicate` is not a function
 * @example `@RequireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment'))`
 */
export function RequireAuthorizationDetails<C extends object = RegisteredClaims>(
  predicate: AuthorizationDetailsPredicate<C>,
): ClassDecorator & MethodDecorator {
  return guarded(requirementOfAuthorizationDetails(predicate, '@RequireAuthorizationDetails'));
}

/**
 * Lets every request through unauthenticated. On a handler it also voids the requirements of the class.
 *
 * Security: it has no effect next to a `@Require…` on the same class or handler, nor on a class for those handlers that have
 * requirements of their own.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return markPublic();
}

/**
 * Injects who calls into a handler's parameter: `find(@Auth() auth: Auth)`. Undefined on public routes, and for anonymous
 * requests with `optional: true`. For HTTP only; in other contexts use {@link getAuth} with their request.
 *
 * @throws {Error} the execution context is not HTTP
 */
export const Auth: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): CoreAuth | undefined => {
    if (context.getType() !== 'http') throw new Error(NOT_HTTP);
    const { auth } = context.switchToHttp().getRequest<PlatformRequest>();
    return isAuth(auth) ? auth : undefined;
  },
);

/** What a verified request carries; the type of a parameter decorated with `@Auth()`. */
export type Auth<C extends object = RegisteredClaims> = CoreAuth<C>;

/**
 * The `Auth` of an authenticated request of the platform, for interceptors, GraphQL resolvers and the like.
 *
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the request, or it is anonymous (`optional: true`)
 */
export function getAuth<C extends object = RegisteredClaims>(request: {
  readonly auth?: unknown;
}): CoreAuth<C> {
  const { auth } = request;
  if (!isAuth(auth)) throw new Error(NO_AUTH);
  return auth as unknown as CoreAuth<C>; // the claims' type is the application's promise
}

function guarded(requirement: Requirement): ClassDecorator & MethodDecorator {
  return applyDecorators(addRequirement(requirement), UseGuards(RequirementGuard));
}

const NOT_HTTP = '@Auth() reads HTTP requests only; in other contexts use getAuth(request)';

const NO_AUTH =
  'getAuth: this request carries no verified access token. Its handler is @Public(), ResourceServerModule is not imported, ' +
  'or it is anonymous (optional: true): then use @Auth(), which gives undefined';
