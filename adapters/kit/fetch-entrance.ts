import {
  type Auth,
  answerMetadata,
  type Denied,
  type FetchConnection,
  FetchRequestView,
  InvalidRequestError,
  type Requirement,
  type ResourceMetadata,
  type ResourceServer,
  type ResourceServerOptions,
  readForm,
  toHeaders,
  toResponse,
} from '../../src/index.js';
import { type Checks, callable, checkObject, optional } from '../../src/lib/check.js';
import type { Refusal } from './answers.js';
import { ANYONE, checkRequirements, UNREACHABLE } from './check-requirements.js';
import { toRefusal } from './deny.js';
import { Gate } from './gate.js';
import { standInFor } from './passage.js';
import type { RouteSteps } from './route-steps.js';

/**
 * A Fetch gate's own options, besides those of the resource server.
 *
 * @typeParam C what the framework knows about a request
 */
export interface FetchOptions<C extends readonly unknown[] = never[]> {
  /**
   * What the server knows about a request's connection: the address of the other end, and the client
   * certificate. Without it, tokens bound to a certificate are refused (RFC 8705).
   *
   * @param context what the framework knows about the request: Hono's context; for a gate of the entry
   *   `fetch`, the arguments that the server passes to the handler after the request, only with `protect`
   */
  readonly connection?: (request: Request, ...context: C) => FetchConnection;
}

/**
 * The options of a resource server, or a ready one to share. A ready one refuses anonymous requests, because
 * types can't see its option `optional`.
 *
 * @typeParam O the option `optional`
 */
export type EntranceOptions<O extends boolean> =
  | (ResourceServerOptions & { readonly optional?: O })
  | ResourceServer;

/**
 * What an accepted request carries: `Auth`, or with `optional: true` possibly undefined.
 *
 * @typeParam O the option `optional`
 */
export type Caller<O extends boolean> = O extends false ? Auth : Auth | undefined;

/** A `Request` of the Fetch standard, as an adapter hands it to a {@link FetchEntrance}. */
export interface FetchArrival {
  readonly request: Request;
  /** For the option `connection`. */
  readonly context?: readonly unknown[] | undefined;
  /**
   * The object that stays the same while the request is handled, if the framework may replace the `Request`.
   * Its `method` is the one that later routes see.
   */
  readonly message?: { readonly method: string } | undefined;
}

/** A request that was let in. */
export interface Entered<O extends boolean> {
  readonly kind: 'allowed';
  /** Also undefined for a CORS preflight that passes. */
  readonly auth: Caller<O>;
  /** What the answer must carry, see {@link withHeaders}. */
  readonly headers: Headers | undefined;
  /** The request for the handler, without a token in its URL. It counts as the one that arrived. */
  readonly request: Request;
}

const CHECKS = {
  connection: optional(callable<NonNullable<FetchOptions['connection']>>),
} satisfies Checks<FetchOptions>;

/**
 * A {@link Gate} for requests of the Fetch standard.
 *
 * @typeParam O the option `optional`
 */
export class FetchEntrance<O extends boolean> {
  readonly server: ResourceServer;
  readonly #gate: Gate;
  readonly #admitsAnonymous: boolean;
  readonly #connection: FetchOptions['connection'];

  /** @throws {TypeError} an option is missing, unknown or wrong */
  constructor(options: EntranceOptions<O>, fetchOptions: FetchOptions = {}) {
    const { connection } = checkObject(fetchOptions, '', CHECKS);
    this.#gate = new Gate(options);
    this.server = this.#gate.server;
    this.#admitsAnonymous = 'optional' in options && options.optional === true;
    this.#connection = connection;
  }

  /**
   * For routers whose middleware runs before the route is known: authenticates a request, or answers one for
   * metadata. A CORS preflight passes, see {@link Gate.authenticate}.
   *
   * @param steps what the request is on its way to
   * @returns the request that was let in, or the answer, see {@link respond}
   */
  async pass(arrival: FetchArrival, steps: RouteSteps): Promise<Entered<O> | Response> {
    const { server } = this;
    const published = server.resourceMetadata === undefined ? [] : steps.published;
    const metadata = await metadataResponse(published, arrival.request);
    if (metadata !== undefined) return metadata;
    const entered = await this.#authenticate(arrival, 'pass', steps.requirements, () => steps.route);
    return entered.kind === 'allowed' ? entered : respond(toRefusal(entered, server));
  }

  /**
   * For callers that know all requirements: authenticates a request and checks them. A preflight is refused
   * like any request without a token.
   */
  async enter(arrival: FetchArrival, requirements: readonly Requirement[]): Promise<Entered<O> | Denied> {
    const entered = await this.#authenticate(arrival, 'refuse', requirements);
    if (entered.kind !== 'allowed') return entered;
    return checkRequirements(arrival.message ?? arrival.request, requirements, UNREACHABLE) ?? entered;
  }

  async #authenticate(
    { request, context = [], message = request }: FetchArrival,
    preflight: 'pass' | 'refuse',
    requirements: readonly Requirement[],
    findRoute?: () => string | undefined,
  ): Promise<Entered<O> | Denied> {
    const connection = this.#connection?.(request, ...(context as never[])); // only the application knows it
    const body = this.server.bearerMethods.includes('body') ? await readForm(request) : undefined;
    const view = new FetchRequestView(request, connection, body, findRoute);
    const decision = await this.#gate.authenticate({ message, view }, requirements, preflight);
    if (decision.kind !== 'allowed') return decision;
    const { auth, headers } = decision;
    if (auth === undefined && !this.#admitsAnonymous && !this.#gate.isPreflight(message)) {
      const refusal = checkRequirements(message, [...requirements, ANYONE], UNREACHABLE);
      if (refusal !== undefined) return refusal;
    }
    const seen = view.url === request.url ? request : withUrl(request, view.url);
    if (seen === undefined)
      return this.#gate.deny({ message, view }, new InvalidRequestError('malformed_credentials'));
    if (seen !== message) standInFor(message, seen);
    return {
      kind: 'allowed',
      auth: auth as Caller<O>, // `O` is what the check above goes by
      headers: headers && toHeaders(headers),
      request: seen,
    };
  }
}

/** Those that `Request` doesn't take, so servers that pass them on set them afterwards (Fetch standard). */
const FORBIDDEN_METHOD = /^(?:connect|trace|track)$/i;

/**
 * The same request with another URL. If something has read its body, or is about to, there's none to hand on.
 *
 * @returns undefined if there can't be one, because the client put a user name into the URL
 */
function withUrl(request: Request, url: string): Request | undefined {
  try {
    const { method, headers, signal } = request;
    if (FORBIDDEN_METHOD.test(method))
      return Object.defineProperty(new Request(url, { headers, signal }), 'method', { value: method });
    const isBodyTaken = request.bodyUsed || request.body?.locked === true;
    return new Request(url, isBodyTaken ? { method, headers, signal } : request);
  } catch {
    // Without the cause, which has the URL with the token in it.
    if (new URL(url).username === '' && new URL(url).password === '')
      throw new TypeError('the request cannot be copied without the token in its URL');
    return undefined;
  }
}

/** The answer to a request for one of these documents; undefined if it's for something else. */
export async function metadataResponse(
  published: readonly (ResourceMetadata | undefined)[],
  request: Request,
): Promise<Response | undefined> {
  const known = published.filter((one) => one !== undefined);
  const answer = await answerMetadata(known, request);
  return answer && toResponse(answer);
}

/**
 * The response that refuses. With `errors: 'next'` it throws the typed error, for the framework's error path.
 * That error has a method `getResponse`, which Hono calls if the application doesn't handle the error.
 */
export function respond({ error, errors, toResponse }: Refusal): Response {
  if (errors === 'respond') return toResponse();
  throw Object.defineProperty(error, 'getResponse', { value: toResponse, configurable: true });
}

/** A response with these fields. It's a copy, because a handler's response may be immutable. */
export function withHeaders(response: Response, headers: Headers | undefined): Response {
  // After a protocol switch, there's no answer left to copy.
  if (headers === undefined || response.status === 101) return response;
  const answer = new Response(response.body, response);
  for (const [name, value] of headers) answer.headers.set(name, value);
  return answer;
}
