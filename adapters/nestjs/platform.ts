import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ArgumentsHost } from '@nestjs/common';
import type { FrameworkRequest, RequestView } from '../../src/index.js';
import { type Arrival, connectRequestView, type RefusalLog, type Reply } from '../kit/index.js';

/** Fastify's request: Node's own inside it, with header fields, parsed body and query next to it. */
interface WrappedRequest extends Pick<FrameworkRequest, 'headers' | 'body' | 'query'> {
  readonly raw: IncomingMessage;
  readonly log?: RefusalLog;
}

/** The request of Nest's HTTP platform: Express's, which is Node's own, or Fastify's. */
export type PlatformRequest = (IncomingMessage | WrappedRequest) & { auth?: unknown };

/**
 * A message of a queue or socket that carries its token like the header fields of a request, with lower-case
 * names: `{ headers: { authorization: 'Bearer …' } }`.
 */
export interface MessageHeaders {
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The request of an execution context, as {@link ResourceServerGuard} finds it. */
export interface RequestResponse {
  readonly req: PlatformRequest | MessageHeaders;
  /** Undefined if there's no response to set header fields on. */
  readonly res: Reply | undefined;
}

/** Where the HTTP server's sockets keep the request that upgraded them. */
const UPGRADE: unique symbol = Symbol('oauth-resource-server.upgrade');

type UpgradedSocket = Duplex & { [UPGRADE]?: IncomingMessage };

/** Keeps the request that opened a WebSocket with its socket, because `ws` forgets it. */
export function keepUpgrade(request: IncomingMessage, socket: UpgradedSocket): void {
  socket[UPGRADE] = request;
}

/** A client of a gateway: Socket.IO's has its request, the one of `ws` has the socket. */
interface GatewayClient {
  readonly request?: PlatformRequest;
  readonly _socket?: UpgradedSocket | null;
}

/** The context of a GraphQL operation: over HTTP, or of a subscription by `graphql-ws`. */
interface GraphqlContext {
  readonly req?: PlatformRequest & { readonly extra?: { readonly request?: PlatformRequest } };
  readonly res?: Reply;
}

/** The request behind an execution context; undefined if it has none that we know. */
export function findRequest(context: ArgumentsHost): RequestResponse | undefined {
  const type = context.getType<string>();
  if (type === 'http') {
    const http = context.switchToHttp();
    return { req: http.getRequest<PlatformRequest>(), res: http.getResponse<Reply>() };
  }
  if (type === 'graphql') {
    const { req: given, res } = graphqlContext(context) ?? {};
    const req = given?.extra?.request ?? given;
    // Express's request has its response; the context seldom does.
    return hasHeaders(req) ? { req, res: res ?? (Reflect.get(req, 'res') as Reply | undefined) } : undefined;
  }
  if (type !== 'ws') return undefined;
  const { request, _socket: socket } = context.switchToWs().getClient<GatewayClient | undefined>() ?? {};
  const req = request ?? socket?.[UPGRADE];
  return hasHeaders(req) ? { req, res: undefined } : undefined;
}

/** The context of a GraphQL operation. The resolver of a subgraph's reference has no arguments before it. */
function graphqlContext(context: ArgumentsHost): GraphqlContext | undefined {
  const args = context.getArgs<(GraphqlContext | undefined)[]>();
  return args.length === 3 ? args[1] : args[2];
}

function hasHeaders(request: PlatformRequest | undefined): request is PlatformRequest {
  return typeof request?.headers === 'object';
}

/** The request in the form the gate takes. All guards that see an HTTP request get the same message. */
export function toArrival(request: RequestResponse['req'], context: ArgumentsHost): Arrival {
  if (isMessage(request, context.getType<string>()))
    return { message: context, view: new MessageView(request) };
  if (!('raw' in request)) return { message: request, request, view: connectRequestView(request) };
  const { raw: message, log } = request;
  return { message, request, view: connectRequestView(message, request), log };
}

/** Whether to decide anew each time: a connection may outlive the token that opened it. */
function isMessage(
  request: RequestResponse['req'],
  type: string,
): request is IncomingMessage | MessageHeaders {
  if (type === 'http' || 'raw' in request) return false;
  return (
    type === 'ws' || type === 'rpc' || !('rawHeaders' in request) || Reflect.get(request, 'upgrade') === true
  );
}

/**
 * A view of a message through the request that opened its connection. A DPoP proof is only for that request,
 * so it's hidden. A token in the URL stays there for the next message.
 */
class MessageView implements RequestView {
  readonly #request: RequestView;

  constructor(request: IncomingMessage | MessageHeaders) {
    this.#request = connectRequestView(request as IncomingMessage); // reads no more than a double has
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  get remoteAddress(): string | undefined {
    return this.#request.remoteAddress;
  }

  clientCertificate(): Uint8Array | undefined {
    return this.#request.clientCertificate?.();
  }

  header(name: string): readonly string[] {
    if (name === 'dpop') return [];
    const lines: readonly unknown[] = [this.#request.header(name) ?? []].flat();
    return lines.map((line) => (typeof line === 'string' ? line : '')); // of a payload it can be anything
  }
}

/**
 * What handlers get for a request that isn't HTTP: the client and what it sent, or the context of a message
 * or operation. Undefined for a context that we don't know.
 */
export function carriers(context: ArgumentsHost): readonly object[] | undefined {
  const [first, second] = context.getArgs<unknown[]>();
  const places: Record<string, readonly unknown[]> = {
    ws: [second, first],
    rpc: [second],
    graphql: [graphqlContext(context)],
  };
  return places[context.getType<string>()]?.filter((one) => typeof one === 'object' && one !== null);
}
