import type { IncomingMessage } from 'node:http';
import { type FrameworkRequest, NodeRequestView, type RequestView } from '../../src/index.js';

/** `routeOptions` is Fastify's. */
interface Parsed extends Pick<FrameworkRequest, 'protocol' | 'host' | 'headers' | 'query' | 'body'> {
  readonly routeOptions?: { readonly url?: string | undefined };
}

/** What frameworks in the tradition of Connect add to Node's request; `app` is Express's. */
interface ConnectMessage extends IncomingMessage, Omit<Parsed, 'headers'> {
  /** The request target before a router removed its mount path. */
  originalUrl?: string;
  /** The method before a method override changed it. */
  readonly originalMethod?: unknown;
  readonly app?: unknown;
  /** Express's, once it has found the route, and where that route's router is mounted. */
  readonly route?: { readonly path?: unknown };
  readonly baseUrl?: unknown;
}

/**
 * A view of a Node request that Express or a similar framework may have extended: with `originalUrl`,
 * `originalMethod`, and the setting `trust proxy`.
 *
 * @param parsed the framework's own request, if another object has these members
 * @param findRoute the pattern of the route, if it isn't on the request
 */
export function connectRequestView(
  message: ConnectMessage,
  parsed: Parsed = message,
  findRoute?: (message: IncomingMessage) => string | undefined,
): RequestView {
  return new NodeRequestView(message, new ConnectRequest(message, parsed, findRoute));
}

/** Our schemes: credentials of others may come with a token. */
const OURS = /^(?:bearer|dpop)\b/i;

/**
 * A view of a request whose token may come later, in a message over the connection it opened. The token then
 * counts as if it had been in the header, so a request that already has one there is refused.
 *
 * @param token as the client sent it; anything but a string is refused. Undefined: the request's own
 */
export function tokenView(message: IncomingMessage, token?: unknown): RequestView {
  if (token === undefined) return connectRequestView(message);
  const { authorization = '' } = message.headers;
  const later = `Bearer ${typeof token === 'string' ? token : ''}`;
  const line = OURS.test(authorization) ? `${authorization}, ${later}` : later;
  return connectRequestView(message, { headers: { ...message.headers, authorization: line } });
}

/** Whether a request has a token, or seems to have one, in its header or URL. */
export function seemsToHaveToken({ headers, url = '' }: IncomingMessage): boolean {
  return OURS.test(headers.authorization ?? '') || /[?&]access_token=/.test(url);
}

class ConnectRequest implements FrameworkRequest {
  constructor(
    private readonly message: ConnectMessage,
    private readonly parsed: Parsed,
    private readonly findRoute?: (message: IncomingMessage) => string | undefined,
  ) {}

  get method(): unknown {
    return this.message.originalMethod;
  }

  get target(): string | undefined {
    return this.message.originalUrl;
  }

  set target(target: string) {
    this.message.originalUrl = target;
  }

  get route(): string | undefined {
    const { route, baseUrl } = this.message;
    // If a router is mounted on a pattern, Express only gives the path that matched.
    if (route !== undefined && baseUrl === '') return String(route.path);
    return this.findRoute === undefined ? this.parsed.routeOptions?.url : this.findRoute(this.message);
  }

  get protocol(): unknown {
    return this.parsed.protocol;
  }

  get host(): unknown {
    return this.parsed === this.message ? forwardedHost(this.message) : this.parsed.host;
  }

  get headers(): IncomingMessage['headers'] | undefined {
    return this.parsed.headers;
  }

  get query(): unknown {
    return this.parsed.query;
  }

  get body(): unknown {
    return this.parsed.body;
  }
}

/**
 * The host that a proxy names, if Express trusts that proxy. Express 4 has no member for the host with its
 * port, so this does for both what Express 5 does.
 */
function forwardedHost({ app, headers, socket }: ConnectMessage): string | undefined {
  const forwarded = headers['x-forwarded-host'];
  if (typeof forwarded !== 'string' || typeof app !== 'function') return undefined;
  const trusts: unknown = 'get' in app && typeof app.get === 'function' && app.get('trust proxy fn');
  const isTrusted = typeof trusts === 'function' && trusts(socket?.remoteAddress, 0);
  return isTrusted ? forwarded.split(',', 1)[0]?.trim() : undefined;
}
