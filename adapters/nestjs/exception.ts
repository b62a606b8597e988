import type { ServerResponse } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import {
  type Answer,
  type Denied,
  type ErrorCode,
  errorKind,
  kindOf,
  type Reason,
  type ResourceServer,
  ResourceServerError,
  UnavailableError,
} from '../../src/index.js';
import { toldReason } from '../kit/deny.js';
import { type Arrival, challengeHeaders, denyRequest, Gate, type Reply, sendAnswer } from '../kit/index.js';
import { findRequest, toArrival } from './platform.js';

/**
 * What the guard throws for a refused request, with the challenge already set on the response.
 *
 * It counts as an error of the core: `instanceof InvalidTokenError`, `@Catch(InsufficientScopeError)` and
 * `isResourceServerError` recognize it. `getResponse()` is the body, or `{}` if the answer has none.
 */
export class ResourceServerException extends HttpException {
  /** The registered OAuth error code; undefined if no credentials were sent. */
  readonly error: ErrorCode | undefined;
  /** Why, as a stable word: `expired`. */
  readonly reason: Reason;
  /** A fixed text for the log that helps to configure the issuer or the API, if there is one. */
  readonly hint: string | undefined;
  /** Seconds until another attempt makes sense; only with status 503. */
  readonly retryAfterSeconds: number | undefined;
  /** The answer that `errors: 'respond'` sends. */
  readonly answer: Answer;

  constructor({ error, answer }: Pick<Denied, 'error' | 'answer'>) {
    super(answer.body === undefined ? {} : JSON.parse(answer.body), answer.status, { cause: error });
    this.name = 'ResourceServerException';
    this.message = error.message;
    this.error = error.error;
    this.reason = error.reason;
    this.hint = error.hint;
    this.retryAfterSeconds = error instanceof UnavailableError ? error.retryAfterSeconds : undefined;
    this.answer = answer;
    Object.defineProperty(this, errorKind, { value: kindOf(error) });
  }

  /** The same as `getStatus()`, under the name that the core's errors use. */
  get statusCode(): number {
    return this.getStatus();
  }

  /** What GraphQL servers tell clients besides the message. Apollo takes status and header fields from it. */
  get extensions(): object {
    const { reason, answer } = this;
    const { status } = answer;
    const headers = Object.entries(challengeHeaders(answer));
    const lines = headers.map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')] as const);
    // Without Apollo, it would be sent to the client.
    const http = { status, headers: new Map(lines), toJSON: () => undefined };
    return { code: GRAPHQL_CODES[status], reason: toldReason({ status, reason }), http };
  }
}

const GRAPHQL_CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
};

/**
 * Throws the exception for a refusal in a context other than HTTP. Clients of gateways and microservices
 * learn the reason only from Nest's own class, which is installed if such a context exists.
 */
export async function refuseIn(type: string, denied: Denied): Promise<never> {
  const exception = new ResourceServerException(denied);
  if (type !== 'ws' && type !== 'rpc') throw exception;
  const { message, error, retryAfterSeconds } = exception;
  const reason = toldReason(denied.error);
  const told = { status: 'error', message, error, reason, retryAfterSeconds };
  const own =
    type === 'ws'
      ? new (await import('@nestjs/websockets')).WsException(told)
      : new (await import('@nestjs/microservices')).RpcException(told);
  Object.defineProperty(exception, 'getError', { value: () => told });
  throw Object.defineProperties(own, Object.getOwnPropertyDescriptors(exception));
}

/** Fastify's reply, or Express's response, which is Node's own. */
type PlatformReply = Reply & ({ readonly raw: ServerResponse } | ServerResponse);

/**
 * Sends the answer to a refused request exactly as the core made it. The module registers it as APP_FILTER,
 * unless `errors: 'next'` leaves the answers to your own filters.
 *
 * It also answers errors of this package that a handler, guard, interceptor or service throws to refuse a
 * request: `throw new InsufficientScopeError('claims_not_met')`.
 *
 * Your catch-all filters run before it if they're bound to a controller, added with `app.useGlobalFilters`
 * (to keep the exact answers, pass an instance of this filter as the last argument), or are an APP_FILTER of
 * a module that is imported after `ResourceServerModule`.
 */
@Catch(ResourceServerError)
export class ResourceServerExceptionFilter implements ExceptionFilter<ResourceServerError> {
  readonly #gate: Gate | undefined;

  /**
   * @param server the one to answer for if no guard has seen the request. The module passes its own; without
   *   one, the answer is 500
   */
  constructor(server?: ResourceServer) {
    this.#gate = server && new Gate(server);
  }

  catch(error: ResourceServerError | ResourceServerException, host: ArgumentsHost): void {
    const type = host.getType<string>();
    // In other contexts, and for the guard's exception, Nest tells the client in the context's own way.
    if (type !== 'http' && (type !== 'graphql' || 'answer' in error)) return;
    const found = findRequest(host);
    if (found === undefined) return;
    const { answer } = 'answer' in error ? error : this.#deny(error, toArrival(found.req, host));
    if (type === 'graphql')
      throw new ResourceServerException({ error: error as ResourceServerError, answer }); // no exception yet
    const response = host.switchToHttp().getResponse<PlatformReply>();
    const raw = 'raw' in response ? response.raw : response;
    // The application has begun to answer. Nest ends that for every other error, too.
    if (response.sent === true || raw.headersSent) raw.end();
    else sendAnswer(answer, response);
  }

  #deny(error: ResourceServerError, arrival: Arrival): Denied {
    return this.#gate?.deny(arrival, error) ?? denyRequest(arrival.message, error, MISTAKE);
  }
}

const MISTAKE = { name: 'ResourceServerExceptionFilter', advice: '; pass it the resource server' };

class NeverThrown {}

/** Stands for the filter with `errors: 'next'`: Nest needs one there. It catches nothing. */
@Catch(NeverThrown)
export class NoFilter implements ExceptionFilter {
  catch(): void {}
}
