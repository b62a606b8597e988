import type { Answer, AnswerBody } from '../decision.js';
import { type ResourceServerError, UnavailableError } from '../errors.js';
import { formatChallenge } from './challenge.js';

/**
 * The HTTP answer to a refusal: status, challenge and body (RFC 6750 §3). Nothing of the request is in it.
 *
 * @param realm the challenge's `realm`, always sent: a challenge needs a parameter (RFC 6750 §3)
 * @param scopes what the route requires; empty where that is not known or does not matter
 */
export function denialResponse(error: ResourceServerError, realm: string, scopes: readonly string[]): Answer {
  const content: AnswerBody | undefined =
    error.error === undefined ? undefined : { error: error.error, error_description: error.message };
  const body = content === undefined ? undefined : JSON.stringify(content);
  return {
    status: error.status,
    headers: {
      ...(error instanceof UnavailableError
        ? { 'Retry-After': String(error.retryAfterSeconds) }
        : { 'WWW-Authenticate': challenge(content, realm, scopes) }),
      'Cache-Control': 'no-store',
      ...(body !== undefined && { 'Content-Type': 'application/json; charset=utf-8' }),
      // Said outright, so that HEAD gets the same fields as GET (RFC 9110 §9.3.2).
      'Content-Length': String(Buffer.byteLength(body ?? '')),
    },
    body,
  };
}

function challenge(body: AnswerBody | undefined, realm: string, scopes: readonly string[]): string {
  return formatChallenge('Bearer', {
    realm,
    ...body,
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
  });
}
