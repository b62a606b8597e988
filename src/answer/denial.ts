import type { Answer, AnswerBody } from '../decision.js';
import {
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  type ResourceServerError,
  UnavailableError,
} from '../errors.js';
import { deepFreeze } from '../lib/json.js';
import type { Wanted } from '../requirement/check-requirement.js';
import type { Scheme } from '../terms.js';
import { type ChallengeParameters, formatChallenge } from './challenge.js';

/** What the challenges of one resource server have in common. */
export interface ChallengePolicy {
  /** Always sent: a challenge needs a parameter (RFC 6750 §3). */
  readonly realm: string;
  /** The schemes that this API accepts, in the order of their challenges. */
  readonly schemes: readonly Scheme[];
  /** Accepted algorithms of DPoP proofs; empty if that scheme is off. */
  readonly proofAlgorithms: readonly string[];
  /** Where the metadata of this API is (RFC 9728 §5.1). */
  readonly resourceMetadata: string | undefined;
}

/**
 * The answers of one resource server. There may be very many bad tokens, and the answers to one kind of them
 * are equal, so they're made once.
 */
export class DenialResponses {
  readonly #policy: ChallengePolicy;
  /** By reason and scheme. There aren't many. */
  readonly #made = new Map<string, Answer>();

  constructor(policy: ChallengePolicy) {
    this.#policy = policy;
  }

  /**
   * The HTTP answer to a refusal: status, challenges and body (RFC 6750 §3, RFC 9449 §7, RFC 9470 §3,
   * RFC 9728 §5.1). It contains nothing from the request.
   *
   * @param scheme the one that the client used; undefined if it used none, or that isn't clear
   */
  answerTo(error: ResourceServerError, scheme?: Scheme, wanted: Wanted = {}): Answer {
    const isCommon = error instanceof InvalidTokenError || error instanceof InvalidRequestError;
    // Other answers depend on more than the reason: a route's scopes, a time, a nonce.
    if (!isCommon || wanted.scopes?.length) return this.#create(error, scheme, wanted);
    const kind = `${error.reason} ${scheme}`;
    const made = this.#made.get(kind);
    if (made !== undefined) return made;
    const answer = deepFreeze(this.#create(error, scheme, wanted));
    this.#made.set(kind, answer);
    return answer;
  }

  #create(error: ResourceServerError, scheme: Scheme | undefined, wanted: Wanted): Answer {
    const content: AnswerBody | undefined = error.error && {
      error: error.error,
      error_description: error.message,
    };
    const body = content && JSON.stringify(content);
    const { scopes, acrValues, maxAgeSeconds } = wanted;
    const details = {
      ...content,
      scope: scopes?.join(' ') || undefined,
      acr_values: acrValues?.join(' '),
      max_age: maxAgeSeconds,
    };
    return {
      status: error.status,
      headers: {
        ...(error instanceof UnavailableError && { 'Retry-After': String(error.retryAfterSeconds) }),
        ...(error.status < 500 && { 'WWW-Authenticate': this.#challenges(error, scheme, details) }),
        ...(error instanceof InvalidProofError && error.nonce !== undefined && { 'DPoP-Nonce': error.nonce }),
        'Cache-Control': 'no-store',
        ...(body !== undefined && { 'Content-Type': 'application/json; charset=utf-8' }),
        // Set explicitly, so that HEAD gets the same fields as GET (RFC 9110 §9.3.2).
        'Content-Length': String(Buffer.byteLength(body ?? '')),
      },
      body,
    };
  }

  /**
   * One challenge per scheme that this API accepts. The error goes into the one for the scheme that the
   * client used; into all if that isn't clear or isn't one of them (RFC 9449 §7.2). A client whose token
   * lacks a scope, or whose user logged in too long ago, needs another token, not another scheme.
   */
  #challenges(
    error: ResourceServerError,
    scheme: Scheme | undefined,
    details: ChallengeParameters,
  ): string | readonly string[] {
    const { realm, schemes, resourceMetadata, proofAlgorithms } = this.#policy;
    const used = schemes.find((one) => one === scheme);
    const needsOtherToken =
      error instanceof InsufficientScopeError || error instanceof InsufficientUserAuthenticationError;
    const offered = used !== undefined && needsOtherToken ? [used] : schemes;
    const lines = offered.map((one) =>
      formatChallenge(one, {
        realm,
        ...(one === (used ?? one) && details),
        resource_metadata: resourceMetadata,
        algs: one === 'DPoP' ? proofAlgorithms.join(' ') : undefined,
      }),
    );
    return lines.length === 1 && lines[0] !== undefined ? lines[0] : lines;
  }
}
