import type { Context, MiddlewareHandler } from 'hono';
import {
  type Caller,
  type FetchOptions as CommonOptions,
  declare,
  type EntranceOptions,
  FetchEntrance,
  Gate,
  metadataResponse,
  RouteSteps,
  requireMetadata,
} from '../kit/index.js';
import type { AuthEnv } from './requirements.js';

/** The options of {@link authenticate} itself, besides those of the resource server. */
export type FetchOptions = CommonOptions<[c: Context]>;

/**
 * Protects all later routes: only requests with a valid access token get through. Sets the context's variable
 * `auth`. Other requests are answered with 400, 401 or 503 and a challenge (RFC 6750 §3). With the option
 * `resource` it also serves the metadata of this API, if requests for it get here, see
 * {@link resourceMetadata}.
 *
 * With `errors: 'next'` it throws the typed error, for `app.onError`; {@link deny} turns it into the answer.
 * If the application has no `onError`, Hono does the same, with the error's method `getResponse`.
 *
 * Security: a CORS preflight passes without authentication, for a later CORS layer to answer. It meets no
 * requirement, but handlers for `OPTIONS` run for it, including `app.all(path, handler)`; its `auth` is
 * undefined there.
 *
 * @param options the options of a resource server, or a ready one to share: then anonymous requests are
 *   refused, because types can't see its option `optional`
 * @throws {TypeError} at once: an option is wrong
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { type AuthEnv, authenticate, requireScope } from 'oauth-resource-server/hono';
 *
 * const app = new Hono<AuthEnv>();
 * app.use(authenticate({ issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' }));
 * app.get('/stock/:sku', requireScope('read:inventory'), (c) => c.json({ caller: c.get('auth').clientId }));
 * ```
 */
export function authenticate<O extends boolean = false>(
  options: EntranceOptions<O>,
  fetchOptions?: FetchOptions,
): MiddlewareHandler<AuthEnv<Caller<O>>> {
  const entrance = new FetchEntrance(options, fetchOptions);
  const middleware: MiddlewareHandler = async (c, next) => {
    c.set('auth', undefined); // in case something was there before
    const arrival = { request: c.req.raw, message: c.req, context: [c] };
    const entered = await entrance.pass(arrival, new RouteSteps(c.req.matchedRoutes));
    if (!('kind' in entered)) {
      c.res = entered; // `some` of older versions ignores what's returned
      return c.res;
    }
    c.set('auth', entered.auth);
    c.req.raw = entered.request;
    await next();
    // After a protocol switch, there's no answer left to copy.
    if (c.res.status !== 101) entered.headers?.forEach((value, name) => void c.header(name, value));
  };
  return declare(middleware, { server: entrance.server });
}

/**
 * Serves the metadata of this API (RFC 9728) at the well-known place for its identifier (the option
 * `resource`), and in the other places where clients look, see `answerMetadata`. All other requests continue.
 * Mount it on the root application: the well-known place is at the root of the host.
 *
 * @param options the options of a resource server with `resource`, or a ready one to share
 * @throws {TypeError} at once: an option is wrong, or `resource` is missing
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { createResourceServer } from 'oauth-resource-server';
 * import { authenticate, resourceMetadata } from 'oauth-resource-server/hono';
 *
 * const server = createResourceServer({ ...options, resource: 'https://inventory.example.com/v2' });
 * const app = new Hono();
 * app.use(resourceMetadata(server));
 * app.use('/v2/*', authenticate(server));
 * ```
 */
export function resourceMetadata(options: EntranceOptions<boolean>): MiddlewareHandler {
  const metadata = requireMetadata(new Gate(options).server);
  const middleware: MiddlewareHandler = async (c, next) =>
    (await metadataResponse(new RouteSteps(c.req.matchedRoutes).published, c.req.raw)) ?? next();
  return declare(middleware, { metadata });
}
