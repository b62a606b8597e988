import type { Auth, Requirement, ResourceServer } from '../../src/index.js';
import {
  type Caller,
  type EntranceOptions,
  FetchEntrance,
  type FetchOptions,
  metadataResponse,
  withHeaders,
} from '../kit/index.js';

/** @typeParam A what an accepted request carries: `Auth`, or with `optional: true` possibly undefined */
export interface FetchGate<A extends Auth | undefined> {
  /**
   * Authenticates a request and checks what the route requires of it.
   *
   * The header fields that an accepted answer must carry (`DPoP-Nonce`, `Cache-Control` for a token in the
   * URL) are up to you; {@link protect} adds them itself.
   *
   * @param requirements of the route; they're checked together
   * @returns `Auth`, or the `Response` that refuses
   */
  (request: Request, ...requirements: readonly Requirement[]): Promise<A | Response>;
  /**
   * Wraps a handler with everything an API needs. It refuses bad requests, serves the metadata of this API
   * (RFC 9728), adds the header fields that an accepted answer must carry, and gives your handler a request
   * without the token in its URL.
   *
   * @param handler gets the request, the caller, and the server's other arguments
   */
  protect<C extends readonly unknown[]>(
    handler: (request: Request, auth: A, ...context: C) => Response | Promise<Response>,
    ...requirements: readonly Requirement[]
  ): (request: Request, ...context: C) => Promise<Response>;
  readonly server: ResourceServer;
}

/**
 * A gate for any runtime with the Fetch standard and Node's API: Hono, Next.js, SvelteKit, h3, Bun, Deno.
 *
 * CORS preflights are for the layer in front of the gate; here they're refused like any request without a
 * token. Anonymous requests are refused too if you pass a ready resource server with `optional: true`. Pass
 * the options instead, so that the types know.
 *
 * @typeParam O the option `optional`
 * @param options of a resource server, or a ready one to share
 * @throws {TypeError} at once: an option is wrong
 * @example
 * ```ts
 * import { requireScope, resourceServer } from 'oauth-resource-server/fetch';
 *
 * const gate = resourceServer({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://inventory.example.com',
 * });
 *
 * export default {
 *   async fetch(request: Request): Promise<Response> {
 *     const auth = await gate(request, requireScope('read:inventory'));
 *     if (auth instanceof Response) return auth;
 *     return Response.json({ caller: auth.clientId });
 *   },
 * };
 * ```
 */
export function resourceServer<O extends boolean = false>(
  options: EntranceOptions<O>,
  fetchOptions?: FetchOptions,
): FetchGate<Caller<O>> {
  const entrance = new FetchEntrance(options, fetchOptions);
  const { server } = entrance;
  const check = async (request: Request, ...requirements: readonly Requirement[]) => {
    const entered = await entrance.enter({ request }, requirements);
    return entered.kind === 'allowed' ? entered.auth : entered.toResponse();
  };
  const protect: FetchGate<Caller<O>>['protect'] = (handler, ...requirements) => {
    return async (request, ...context) => {
      const metadata = await metadataResponse([server.resourceMetadata], request);
      if (metadata !== undefined) return metadata;
      const entered = await entrance.enter({ request, context }, requirements);
      if (entered.kind !== 'allowed') return entered.toResponse();
      return withHeaders(await handler(entered.request, entered.auth, ...context), entered.headers);
    };
  };
  return Object.assign(check, { protect, server });
}
