import type { Auth } from './auth.js';
import type { ResourceServerError } from './errors.js';
import type { ErrorCode } from './reasons.js';

/** Response header fields. An array becomes one field line per element. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** The body of a refusal. It says the same as the challenge (RFC 6750 §3). */
export interface AnswerBody {
  readonly error: ErrorCode;
  readonly error_description: string;
}

/** An HTTP answer, mostly to a refused request. An adapter sends it unchanged. */
export interface Answer {
  /** The HTTP status code. */
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** JSON text, or undefined for an answer without a body. */
  readonly body: string | undefined;
}

/** The request may proceed. */
export interface Allowed {
  readonly kind: 'allowed';
  /** The caller. Undefined only with `optional: true` and no credentials. */
  readonly auth: Auth | undefined;
  /** Header fields that the response must carry (RFC 6750 §2.3), or undefined. */
  readonly headers: AnswerHeaders | undefined;
}

/** The request is refused. Nothing behind it may run. */
export interface Denied {
  readonly kind: 'denied';
  readonly error: ResourceServerError;
  readonly answer: Answer;
  /**
   * The answer as a `Response` of the Fetch standard, a new one for each call.
   *
   * @example
   * ```ts
   * import { createResourceServer } from 'oauth-resource-server';
   *
   * const server = createResourceServer(options);
   *
   * export async function GET(request: Request): Promise<Response> {
   *   const decision = await server.authenticate(request);
   *   if (decision.kind === 'denied') return decision.toResponse();
   *   return Response.json({ caller: decision.auth?.clientId });
   * }
   * ```
   */
  toResponse(): Response;
}

/**
 * What the resource server decided about a request. It's returned, not thrown, for anything that a client can
 * send.
 */
export type Decision = Allowed | Denied;
