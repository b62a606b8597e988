import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AnswerHeaders,
  type Auth,
  type AuthenticationOptions,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  createResourceServer,
  type Decision,
  isAuth,
  isCorsPreflight,
  isResourceServer,
  NodeRequestView,
  type RegisteredClaims,
  type Requirement,
  type ResourceServer,
  type ResourceServerOptions,
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
  type Scope,
} from '../../src/index.js';
import { declare } from './declared-requirements.js';

/** A middleware of Express 4, Express 5 and whatever else calls `(req, res, next)` with Node's objects. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** What `authenticate` leaves on a request. Under a symbol, so that nothing a client sends can stand in for it. */
interface Context {
  readonly server: ResourceServer;
  readonly auth: Auth | undefined;
}

const context: unique symbol = Symbol('oauth-resource-server');

interface AuthenticatedRequest extends IncomingMessage {
  [context]?: Context | undefined;
  auth?: Auth | undefined;
}

/**
 * Lets only requests with a valid access token through, and sets `req.auth`. Others are answered with 400, 401 or 503 and a challenge (RFC 6750 §3).
 *
 * Security: a CORS preflight request passes without authentication, for the CORS layer to answer. Where there is none, it meets no requirement, but a
 * handler for `OPTIONS` without one would run: `app.all(path, handler)` and `app.use(handler)` are such.
 *
 * @param options the options of a resource server, or a ready one to share
 * @throws {TypeError} at once, when an option is wrong
 * @example
 * ```ts
 * app.use(authenticate({ issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' }));
 * ```
 */
export function authenticate(options: ResourceServerOptions | ResourceServer): Middleware {
  const server = isResourceServer(options) ? options : createResourceServer(options);
  const anonymous: Context = { server, auth: undefined };
  const middleware: Middleware = (request: AuthenticatedRequest, response, next) => {
    const earlier = request[context];
    if (earlier?.server === server && earlier.auth !== undefined) {
      // Used in several places: a proof of possession holds once.
      setContext(request, earlier);
      next();
      return;
    }
    const view = new NodeRequestView(request);
    // Not when a method override makes it another request for the routes behind. It meets no requirement when no CORS layer answers it.
    if (isCorsPreflight(view) && request.method === 'OPTIONS') {
      setContext(request, anonymous);
      next();
      return;
    }
    const decision = server.authenticate(view);
    if (!(decision instanceof Promise)) {
      proceed(decision, server, request, response, next);
      return;
    }
    setContext(request, anonymous); // until it is decided
    decision
      .then((settled) => proceed(settled, server, request, response, next))
      .catch((cause: unknown) => next(failure(cause)));
  };
  return declare(middleware, { server });
}

/**
 * Lets only access tokens with all of the given scopes through; others are answered with 403. Belongs behind {@link authenticate}.
 *
 * @param scopes at least one, each as its own argument
 * @throws {TypeError} at once, when there is none or one is not a scope (RFC 6749 §3.3)
 */
export function requireScope(...scopes: Scope[]): Middleware {
  return requirementMiddleware('requireScope', requirementOfScopes(scopes, 'requireScope'));
}

/** Lets only access tokens with at least one of the given scopes through. Otherwise like {@link requireScope}. */
export function requireAnyScope(...scopes: Scope[]): Middleware {
  return requirementMiddleware('requireAnyScope', requirementOfAnyScope(scopes, 'requireAnyScope'));
}

/**
 * Lets only access tokens through for whose claims `predicate` returns `true`; others are answered with 403. An exception refuses too.
 *
 * @example
 * ```ts
 * app.get('/tenants/acme', requireClaims((claims) => claims.tenant === 'acme'), handler);
 * ```
 */
export function requireClaims<C extends object = RegisteredClaims>(
  predicate: ClaimsPredicate<C>,
): Middleware {
  return requirementMiddleware('requireClaims', requirementOfClaims(predicate, 'requireClaims'));
}

/**
 * Lets only access tokens through behind which the user authenticated in one of these ways, or that recently; others are answered with 401 and
 * `insufficient_user_authentication`, so that the client has the user log in again (RFC 9470). A token that does not tell is refused too.
 *
 * @param options `acrValues`, `maxAgeSeconds` or both; `scopes` that are required as well
 * @throws {TypeError} at once, when neither is there, or a member is unknown or wrong
 * @example
 * ```ts
 * app.post('/payments', requireAuthentication({ maxAgeSeconds: 300 }), handler);
 * ```
 */
export function requireAuthentication(options: AuthenticationOptions): Middleware {
  return requirementMiddleware(
    'requireAuthentication',
    requirementOfAuthentication(options, 'requireAuthentication'),
  );
}

/**
 * Lets only access tokens through for whose authorization details (RFC 9396) `predicate` returns `true`; others, and those without any, are answered with 403.
 * An exception refuses too.
 *
 * @example
 * ```ts
 * app.post('/payments', requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment')), handler);
 * ```
 */
export function requireAuthorizationDetails<C extends object = RegisteredClaims>(
  predicate: AuthorizationDetailsPredicate<C>,
): Middleware {
  return requirementMiddleware(
    'requireAuthorizationDetails',
    requirementOfAuthorizationDetails(predicate, 'requireAuthorizationDetails'),
  );
}

/**
 * The verified access token of a request.
 *
 * @throws {Error} nothing authenticated the request: `authenticate()` is missing, or it is anonymous
 */
export function getAuth<C extends object = RegisteredClaims>(request: { readonly auth?: unknown }): Auth<C> {
  const { auth } = request;
  if (!isAuth(auth))
    throw new Error('getAuth: the request is not authenticated; put authenticate() before its handler');
  return auth as Auth<C>; // the claims' type is the application's promise
}

function requirementMiddleware(name: string, requirement: Requirement): Middleware {
  const middleware: Middleware = (request: AuthenticatedRequest, response, next) => {
    const current = request[context];
    if (current === undefined) {
      next(new Error(`${name}: nothing authenticated this request; put authenticate() before it`));
      return;
    }
    const decision = current.server.authorize(current.auth, requirement);
    if (decision.kind === 'denied') deny(decision, current.server, response, next);
    else next();
  };
  return declare(middleware, { requirement });
}

function proceed(
  decision: Decision,
  server: ResourceServer,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
): void {
  if (decision.kind === 'denied') {
    setContext(request, { server, auth: undefined }); // whatever was there before
    deny(decision, server, response, next);
    return;
  }
  setContext(request, { server, auth: decision.auth });
  if (decision.headers !== undefined) setHeaders(response, decision.headers);
  next();
}

function setHeaders(response: ServerResponse, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

/** `next(undefined)` would continue, so a rejection always becomes an error. */
function failure(cause: unknown): unknown {
  return cause instanceof Error ? cause : new Error('authentication failed', { cause });
}

function setContext(request: AuthenticatedRequest, value: Context): void {
  request[context] = value;
  request.auth = value.auth;
}

function deny(
  { error, answer }: Extract<Decision, { kind: 'denied' }>,
  server: ResourceServer,
  response: ServerResponse,
  next: (error: unknown) => void,
): void {
  if (response.headersSent) return; // a time-out of the application answered while keys were being loaded
  for (const [name, value] of Object.entries(answer.headers)) {
    // With 'next' the application writes the content itself; the challenge is set already, so that it cannot be forgotten.
    if (server.errors === 'respond' || !name.startsWith('Content-')) response.setHeader(name, value);
  }
  if (server.errors === 'next') {
    next(error);
    return;
  }
  response.statusCode = answer.status;
  response.end(answer.body);
}
