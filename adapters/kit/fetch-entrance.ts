import {
  type Auth,
  answerMetadata,
  type Denied,
  type FetchConnection,
  FetchRequestView,
  type Requirement,
  type ResourceMetadata,
  type ResourceServer,
  type ResourceServerOptions,
  readForm,
  toHeaders,
  toResponse,
} from '../../src/index.js';
import type { Refusal } from './answers.js';
import { checkRequirements, Gate, standInFor, toRefusal } from './gate.js';
import type { RouteSteps } from './route-steps.js';

/** What a gate for the Fetch standard needs to know beyond the resource server's options. */
export interface FetchOptions {
  /**
   * What the server knows of the connection that a request came over: the address of the other end, and the
   * client certificate. Without it, tokens that are bound to a certificate are refused (RFC 8705).
   *
   * @param context what the framework knows of the request: Hono's context; of a gate of the entry `fetch`,
   *   what the server calls the handler with behind the request, only with `protect`
   */
  readonly connection?: (request: Request, ...context: never[]) => FetchConnection;
}

/**
 * The options of a resource server, or a ready one to share. With a ready one anonymous requests are refused,
 * since types can't tell its option `optional`.
 *
 * @typeParam O the option `optional`
 */
export type EntranceOptions<O extends boolean> =
  | (ResourceServerOptions & { readonly optional?: O })
  | ResourceServer;

/**
 * What an accepted request carries: `Auth`, or undefined as well with `optional: true`.
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
   * What stays the same as long as the request is handled, if the framework may replace the `Request`. Its
   * `method` is the one that the routes behind go by.
   */
  readonly message?: { readonly method: string } | undefined;
}

/** A request that was let in. */
export interface Entered<O extends boolean> {
  readonly kind: 'allowed';
  /** Undefined also for a CORS preflight that passes. */
  readonly auth: Caller<O>;
  /** What the answer must carry, see {@link withHeaders}. */
  readonly headers: Headers | undefined;
  /** The request for the handler: without a token in its URL. It counts as the one that arrived. */
  readonly request: Request;
}

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
  constructor(options: EntranceOptions<O>, { connection }: FetchOptions = {}) {
    this.#gate = new Gate(options);
    this.server = this.#gate.server;
    this.#admitsAnonymous = 'optional' in options && options.optional === true;
    this.#connection = connection;
  }

  /**
   * For routers whose middleware comes before they know the route: authenticates a request, or answers one
   * for metadata. A CORS preflight passes, see {@link Gate.authenticate}.
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
    return entered.kind === 'denied' ? respond(toRefusal(entered, server)) : entered;
  }

  /**
   * For what knows all requirements: authenticates a request, and checks them. A preflight is refused like
   * any request without a token.
   */
  async enter(arrival: FetchArrival, requirements: readonly Requirement[]): Promise<Entered<O> | Denied> {
    const entered = await this.#authenticate(arrival, 'refuse', requirements);
    if (entered.kind === 'denied') return entered;
    return checkRequirements(arrival.message ?? arrival.request, requirements, MISTAKE) ?? entered;
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
    if (decision.kind === 'denied') return decision;
    const { auth, headers } = decision;
    if (auth === undefined && !this.#admitsAnonymous && !this.#gate.isPreflight(message)) {
      const refusal = checkRequirements(message, [...requirements, ANYONE], MISTAKE);
      if (refusal !== undefined) return refusal;
    }
    const seen = view.url === request.url ? request : new Request(view.url, request);
    if (seen !== message) standInFor(message, seen);
    return {
      kind: 'allowed',
      auth: auth as Caller<O>, // `O` is what the check above goes by
      headers: headers && toHeaders(headers),
      request: seen,
    };
  }
}

/** What no anonymous request meets, and everyone else does. */
const ANYONE: Requirement = Object.freeze({ claims: () => true });
/** Never heard: the gate has just seen the request. */
const MISTAKE = { name: 'authenticate', advice: '' };

/** The answer to a request for one of these metadata; undefined if it's for something else. */
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
 * That has a method `getResponse`, which is what Hono asks errors for that no application handles.
 */
export function respond({ error, errors, toResponse }: Refusal): Response {
  if (errors === 'respond') return toResponse();
  throw Object.defineProperty(error, 'getResponse', { value: toResponse, configurable: true });
}

/** A response with these fields. It's copied, since that of a handler may not be changed. */
export function withHeaders(response: Response, headers: Headers | undefined): Response {
  // After a switch of protocols no answer is left to copy.
  if (headers === undefined || response.status === 101) return response;
  const answer = new Response(response.body, response);
  for (const [name, value] of headers) answer.headers.set(name, value);
  return answer;
}
