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
} from '../../src/index.js';
import { denyRequest, Gate, type Reply, sendAnswer } from '../kit/index.js';
import { type PlatformRequest, toArrival } from './platform.js';

/**
 * What the guard throws for a refused request, with the challenge already set on the response.
 *
 * It counts as an error of the core: `instanceof InvalidTokenError`, `@Catch(InsufficientScopeError)` and
 * `isResourceServerError` recognise it. `getResponse()` is the body, `{}` where the answer has none.
 */
export class ResourceServerException extends HttpException {
  /** The registered OAuth error code, or undefined where no credentials were sent. */
  readonly error: ErrorCode | undefined;
  /** Why, in a stable word: `expired`. */
  readonly reason: Reason;
  /** Seconds until another attempt makes sense; only with status 503. */
  readonly retryAfterSeconds: number | undefined;
  /** The answer that `errors: 'respond'` sends. */
  readonly answer: Answer;

  constructor({ error, answer }: Denied) {
    super(answer.body === undefined ? {} : JSON.parse(answer.body), answer.status, { cause: error });
    this.name = 'ResourceServerException';
    this.message = error.message;
    this.error = error.error;
    this.reason = error.reason;
    this.retryAfterSeconds = 'retryAfterSeconds' in error ? Number(error.retryAfterSeconds) : undefined;
    this.answer = answer;
    Object.defineProperty(this, errorKind, { value: kindOf(error) });
  }

  /** The same as `getStatus()`, under the name that the core's errors have. */
  get statusCode(): number {
    return this.getStatus();
  }
}

/** Thrown with `errors: 'respond'`, so that with `'next'` no filter of ours comes first. */
export class AnsweredException extends ResourceServerException {}

/**
 * Sends the answer to a refused request exactly as the core made it. The module registers it as APP_FILTER,
 * unless `errors: 'next'` leaves the answers to the application's own filters.
 *
 * It also answers the errors of this package that a handler, guard, interceptor or service throws to refuse a
 * request: `throw new InsufficientScopeError('claims_not_met')`.
 *
 * Filters of the application that catch everything come before it when they are bound to a controller, by
 * `app.useGlobalFilters` (there, pass an instance of this one as the last argument to keep the exact
 * answers), or as APP_FILTER of a module that is imported after `ResourceServerModule`.
 */
@Catch(ResourceServerError)
export class ResourceServerExceptionFilter implements ExceptionFilter<ResourceServerError> {
  readonly #gate: Gate | undefined;

  /**
   * @param server on whose behalf it answers if no guard has seen the request. The module passes its own;
   *   without one, that's answered with 500
   */
  constructor(server?: ResourceServer) {
    this.#gate = server && new Gate(server);
  }

  catch(error: ResourceServerError, host: ArgumentsHost): void {
    if (host.getType() !== 'http') return; // Nest then reports the exception in the context's own way
    const http = host.switchToHttp();
    const response = http.getResponse<Reply & { readonly headersSent?: boolean }>(); // Express's
    const answer = this.#answer(error, http.getRequest<PlatformRequest>());
    if (response.sent !== true && response.headersSent !== true) sendAnswer(answer, response);
  }

  #answer(error: ResourceServerError | ResourceServerException, request: PlatformRequest): Answer {
    if ('answer' in error) return error.answer; // the guard's exception
    const arrival = toArrival(request);
    const { answer } = this.#gate?.deny(arrival, error) ?? denyRequest(arrival.message, error, MISTAKE);
    return answer;
  }
}

const MISTAKE = { name: 'ResourceServerExceptionFilter', advice: '; pass it the resource server' };

/** Takes the place of the filter with `errors: 'next'`, where nothing is answered. */
@Catch(AnsweredException)
export class NoFilter implements ExceptionFilter<AnsweredException> {
  catch(): void {}
}
