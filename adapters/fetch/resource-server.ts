import {
  type Auth,
  answerMetadata,
  type FetchConnection,
  FetchRequestView,
  type Requirement,
  type ResourceServer,
  type ResourceServerOptions,
  readForm,
} from '../../src/index.js';
import { checkRequirements, Gate, standInFor, toHeaders, toResponse } from '../kit/index.js';

/** What a gate needs to know beyond the resource server's options. */
export interface FetchOptions {
  /**
   * What the server knows of the connection that a request came over: the address of the other end, and the
   * client certificate. Without it, tokens that are bound to a certificate are refused (RFC 8705).
   *
   * @param context what the server calls `fetch` with behind the request; only with {@link FetchGate.protect}
   */
  readonly connection?: (request: Request, ...context: never[]) => FetchConnection;
}

/** @typeParam A what an accepted request carries: `Auth`, or undefined as well with `optional: true` */
export interface FetchGate<A extends Auth | undefined> {
  /**
   * Authenticates a request, and checks what the route requires of it.
   *
   * What an accepted answer must carry (`DPoP-Nonce`, `Cache-Control` for a token in the URL) is left to you,
   * see {@link protect}.
   *
   * @param requirements of the route; they're checked together
   * @returns `Auth`, or the `Response` that refuses
   */
  (request: Request, ...requirements: readonly Requirement[]): Promise<A | Response>;
  /**
   * A handler that does everything an API needs: it refuses, serves the metadata of this API (RFC 9728), adds
   * the header fields that an accepted answer must carry, and hands your handler a request without the token
   * in its URL.
   *
   * @param handler gets the request, who calls, and what the server passes on behind the request
   */
  protect<C extends readonly unknown[]>(
    handler: (request: Request, auth: A, ...context: C) => Response | Promise<Response>,
    ...requirements: readonly Requirement[]
  ): (request: Request, ...context: C) => Promise<Response>;
  readonly server: ResourceServer;
}

/**
 * A gate for any runtime that speaks the Fetch standard, on Node's API: Hono, Next.js, SvelteKit, h3, Bun,
 * Deno.
 *
 * A CORS preflight is for the layer in front of the gate; here it's refused like any request without a token.
 * So is an anonymous request if you pass a ready resource server with `optional: true`: pass the options, so
 * that the types can tell.
 *
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
export function resourceServer(
  options: (ResourceServerOptions & { readonly optional?: false }) | ResourceServer,
  fetchOptions?: FetchOptions,
): FetchGate<Auth>;
export function resourceServer(
  options: ResourceServerOptions | ResourceServer,
  fetchOptions?: FetchOptions,
): FetchGate<Auth | undefined>;
export function resourceServer(
  options: ResourceServerOptions | ResourceServer,
  { connection }: FetchOptions = {},
): FetchGate<Auth | undefined> {
  const gate = new Gate(options);
  const { server } = gate;
  const published = server.resourceMetadata === undefined ? [] : [server.resourceMetadata];
  const isOptional = 'optional' in options && options.optional === true;

  /** Who calls, the URL without a token, and what the answer must carry; or the refusal. */
  const enter = async (
    request: Request,
    requirements: readonly Requirement[],
    context: readonly unknown[] = [],
  ) => {
    const body = server.bearerMethods.includes('body') ? await readForm(request) : undefined;
    const view = new FetchRequestView(request, connection?.(request, ...(context as never[])), body);
    const decision = await gate.authenticate({ message: request, view }, requirements, 'refuse');
    if (decision.kind === 'denied') return toResponse(decision.answer);
    const { auth, headers } = decision;
    const wanted = auth === undefined && !isOptional ? [...requirements, ANYONE] : requirements;
    const refusal = checkRequirements(request, wanted, { name: 'resourceServer', advice: '' });
    return refusal === undefined ? { auth, headers, url: view.url } : toResponse(refusal.answer);
  };

  const check = async (request: Request, ...requirements: readonly Requirement[]) => {
    const entered = await enter(request, requirements);
    return entered instanceof Response ? entered : entered.auth;
  };
  const protect: FetchGate<Auth | undefined>['protect'] = (handler, ...requirements) => {
    return async (request, ...context) => {
      const metadata = await answerMetadata(published, request);
      if (metadata !== undefined) return toResponse(metadata);
      const entered = await enter(request, requirements, context);
      if (entered instanceof Response) return entered;
      const { auth, headers, url } = entered;
      const seen = url === request.url ? request : new Request(url, request);
      standInFor(request, seen);
      const response = await handler(seen, auth, ...context);
      if (headers === undefined) return response;
      const answer = new Response(response.body, response); // that of the handler may not be changed
      for (const [name, value] of toHeaders(headers)) answer.headers.set(name, value);
      return answer;
    };
  };
  return Object.assign(check, { protect, server });
}

/** What no anonymous request meets, and everyone else does. */
const ANYONE: Requirement = Object.freeze({ claims: () => true });
