import {
  type AuthenticationOptions,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  type RegisteredClaims,
  type Requirement,
  type ResourceMetadata,
  type ResourceServer,
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
  type Scope,
} from '../../src/index.js';

/**
 * What a route can require of an access token. A route's requirements add up and are checked together: one
 * challenge names everything that's needed. If nothing authenticated the request, they fail closed, with an
 * error that says what to do.
 *
 * @typeParam R what the framework takes: a middleware, a hook, a decorator
 */
export interface RequirementFamily<R> {
  /**
   * Requires every scope listed; otherwise 403 `insufficient_scope`.
   *
   * @param scopes at least one, each as its own argument
   * @throws {TypeError} at once: no scope, or one that isn't a scope token (RFC 6749 §3.3), such as `'read
   *   write'`
   * @see RFC 6750 §3.1
   */
  requireScope(...scopes: readonly Scope[]): R;
  /**
   * Requires at least one of the scopes; otherwise 403 `insufficient_scope`.
   *
   * @param scopes at least one, each as its own argument
   * @throws {TypeError} at once: no scope, or one that isn't a scope token (RFC 6749 §3.3)
   */
  requireAnyScope(...scopes: readonly Scope[]): R;
  /**
   * Requires that `predicate` returns `true` for the verified claims; otherwise 403. A promise or an
   * exception refuses too.
   *
   * @typeParam C the application's own claims
   * @throws {TypeError} at once: `predicate` isn't a function
   * @example
   * ```ts
   * requireClaims((claims) => claims.tenant === 'acme');
   * ```
   */
  requireClaims<C extends object = RegisteredClaims>(predicate: ClaimsPredicate<C>): R;
  /**
   * Requires that the user authenticated in one of these ways, or this recently; otherwise 401
   * `insufficient_user_authentication`, so that the client lets the user log in again (RFC 9470). A token
   * that doesn't say is refused.
   *
   * @param options `acrValues`, `maxAgeSeconds` or both; `scopes` that are required too
   * @throws {TypeError} at once: neither is there, or a member is unknown or wrong
   * @example
   * ```ts
   * requireAuthentication({ maxAgeSeconds: 300 });
   * ```
   */
  requireAuthentication(options: AuthenticationOptions): R;
  /**
   * Requires that `predicate` returns `true` for the authorization details (RFC 9396); otherwise, and if the
   * token has none, 403. A promise or an exception refuses too.
   *
   * @typeParam C the application's own claims
   * @throws {TypeError} at once: `predicate` isn't a function
   * @example
   * ```ts
   * requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment'));
   * ```
   */
  requireAuthorizationDetails<C extends object = RegisteredClaims>(
    predicate: AuthorizationDetailsPredicate<C>,
  ): R;
}

/**
 * The `require…` functions of a framework.
 *
 * @param wrap turns a requirement into what the framework takes; `name` is for messages: `requireScope`
 * @param naming how the framework names them in messages
 */
export function requirementFamily<R>(
  wrap: (requirement: Requirement, name: string) => R,
  naming: (name: string) => string = (name) => name,
): RequirementFamily<R> {
  const make = <G>(plainName: string, requirementOf: (given: G, name: string) => Requirement) => {
    const name = naming(plainName);
    return (given: G): R => wrap(requirementOf(given, name), name);
  };
  const allScopes = make('requireScope', requirementOfScopes);
  const anyScope = make('requireAnyScope', requirementOfAnyScope);
  return {
    requireScope: (...scopes) => allScopes(scopes),
    requireAnyScope: (...scopes) => anyScope(scopes),
    requireClaims: make('requireClaims', requirementOfClaims),
    requireAuthentication: make('requireAuthentication', requirementOfAuthentication),
    requireAuthorizationDetails: make('requireAuthorizationDetails', requirementOfAuthorizationDetails),
  };
}

/** What a middleware or hook of this package does. */
export interface Declaration {
  /** The resource server whose tokens it requires. */
  readonly server?: ResourceServer;
  readonly requirement?: Requirement;
  /** The metadata that it serves. */
  readonly metadata?: ResourceMetadata;
}

/** Where a middleware or hook declares what it does. */
const declaration: unique symbol = Symbol('oauth-resource-server.declaration');

/** Notes on a middleware or hook what it does, so that routes can show what they require. Returns it. */
export function declare<T extends object>(handler: T, said: Declaration): T {
  return Object.assign(handler, { [declaration]: said });
}

/** What {@link declare} noted on a middleware or hook; undefined for foreign ones. */
export function declared(handler: unknown): Declaration | undefined {
  return typeof handler === 'function' ? Reflect.get(handler, declaration) : undefined;
}

/** All metadata that these declarations say is served. */
export function publishedBy(declarations: readonly Declaration[]): readonly ResourceMetadata[] {
  const all = declarations.flatMap(({ server, metadata }) => [server?.resourceMetadata, metadata]);
  return all.filter((one) => one !== undefined);
}

/**
 * The metadata of a resource server that must have some.
 *
 * @throws {TypeError} it has none
 */
export function requireMetadata({ resourceMetadata: metadata }: ResourceServer): ResourceMetadata {
  if (metadata !== undefined) return metadata;
  throw new TypeError('resourceMetadata needs a resource server with the option "resource"');
}
