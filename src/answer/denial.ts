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
  /** The schemes that open this API, in the order of their challenges. */
  readonly schemes: readonly Scheme[];
  /** Accepted algorithms of DPoP proofs; empty where that scheme is off. */
  readonly proofAlgorithms: readonly string[];
  /** Where the metadata of this API is (RFC 9728 §5.1). */
  readonly resourceMetadata: string | undefined;
}

/**
 * The answers of one resource server. Bad tokens may come in great numbers, and the answers to one kind of
 * them are equal: they are made once.
 */
export class DenialResponses {
  readonly #policy: ChallengePolicy;
  /** By reason and scheme, of which there are not many. */
  readonly #made = new Map<string, Answer>();

  constructor(policy: ChallengePolicy) {
    this.#policy = policy;
  }

  /** The same as {@link denialResponse}. */
  to(error: ResourceServerError, scheme: Scheme | undefined, wanted: Wanted): Answer {
    if (!isEqualForAll(error, wanted)) return denialResponse(error, this.#policy, scheme, wanted);
    const kind = `${error.reason} ${scheme}`;
    const made = this.#made.get(kind);
    if (made !== undefined) return made;
    const answer = deepFreeze(denialResponse(error, this.#policy, scheme, wanted));
    this.#made.set(kind, answer);
    return answer;
  }
}

/** Whether the answer says nothing but the reason: no scopes of a route, no time, no nonce. */
function isEqualForAll(error: ResourceServerError, { scopes = [] }: Wanted): boolean {
  return scopes.length === 0 && (error instanceof InvalidTokenError || error instanceof InvalidRequestError);
}

/**
 * The HTTP answer to a refusal: status, challenges and body (RFC 6750 §3, RFC 9449 §7, RFC 9470 §3, RFC 9728
 * §5.1). Nothing of the request is in it.
 *
 * @param scheme that the client used; undefined where it used none, or that is not clear
 */
export function denialResponse(
  error: ResourceServerError,
  policy: ChallengePolicy,
  scheme?: Scheme,
  wanted: Wanted = {},
): Answer {
  const content: AnswerBody | undefined =
    error.error === undefined ? undefined : { error: error.error, error_description: error.message };
  const body = content === undefined ? undefined : JSON.stringify(content);
  return {
    status: error.status,
    headers: {
      ...(error instanceof UnavailableError
        ? { 'Retry-After': String(error.retryAfterSeconds) }
        : { 'WWW-Authenticate': challenges(error, policy, scheme, { ...content, ...parametersOf(wanted) }) }),
      ...(error instanceof InvalidProofError && error.nonce !== undefined && { 'DPoP-Nonce': error.nonce }),
      'Cache-Control': 'no-store',
      ...(body !== undefined && { 'Content-Type': 'application/json; charset=utf-8' }),
      // Said outright, so that HEAD gets the same fields as GET (RFC 9110 §9.3.2).
      'Content-Length': String(Buffer.byteLength(body ?? '')),
    },
    body,
  };
}

/**
 * One challenge per scheme that opens this API. The error stands in that of the scheme which the client used;
 * in all of them where that is not clear, or where the scheme is none of them (RFC 9449 §7.2). Whoever has a
 * token that lacks a scope, or that an older login lies behind, needs another token, not another scheme.
 */
function challenges(
  error: ResourceServerError,
  policy: ChallengePolicy,
  scheme: Scheme | undefined,
  details: Omit<ChallengeParameters, 'realm'>,
): string | readonly string[] {
  const used = scheme !== undefined && policy.schemes.includes(scheme) ? scheme : undefined;
  const needsOtherToken =
    error instanceof InsufficientScopeError || error instanceof InsufficientUserAuthenticationError;
  const offered = used !== undefined && needsOtherToken ? [used] : [...policy.schemes];
  const lines = offered.map((offer) => challengeOf(offer, policy, offer === (used ?? offer) ? details : {}));
  return lines.length === 1 && lines[0] !== undefined ? lines[0] : lines;
}

function challengeOf(
  scheme: Scheme,
  { realm, resourceMetadata, proofAlgorithms }: ChallengePolicy,
  details: Omit<ChallengeParameters, 'realm'>,
): string {
  return formatChallenge(scheme, {
    realm,
    ...details,
    resource_metadata: resourceMetadata,
    algs: scheme === 'DPoP' ? proofAlgorithms.join(' ') : undefined,
  });
}

function parametersOf({ scopes = [], acrValues, maxAgeSeconds }: Wanted): Partial<ChallengeParameters> {
  return {
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
    acr_values: acrValues?.join(' '),
    max_age: maxAgeSeconds === undefined ? undefined : String(maxAgeSeconds),
  };
}
