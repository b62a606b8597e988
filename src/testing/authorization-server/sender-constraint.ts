import { randomBytes } from 'node:crypto';
import type { AnswerHeaders } from '../../decision.js';
import { InvalidProofError, isResourceServerError } from '../../errors.js';
import type { Runtime } from '../../lib/runtime.js';
import { createProofCheck } from '../../proof/dpop.js';
import { fieldLinesOf, type RequestView } from '../../request/view.js';
import { ALGORITHMS } from '../../terms.js';
import type { TokenClaims } from '../token-claims.js';
import type { Client } from './clients.js';
import { refusal } from './http.js';

/** How old a proof may be, and how long a nonce is handed out: the defaults of an API of this package. */
const MAX_AGE_SECONDS = 60;
const NONCE_LIFETIME_SECONDS = 300;

/** What a token is bound to, and how its type is called for that. */
export interface SenderConstraint {
  readonly tokenType: 'Bearer' | 'DPoP';
  /** The claim `"cnf"`, if there's one. */
  readonly claims: TokenClaims;
  /** What the answer has to carry. */
  readonly headers: AnswerHeaders;
}

/**
 * Finds out what the token that a request asks for has to be bound to: the key of its DPoP proof (RFC 9449
 * §5).
 */
export interface SenderConstraints {
  /** @throws {Refusal} 400 `invalid_dpop_proof`, `use_dpop_nonce` */
  read(request: RequestView): Promise<SenderConstraint>;
  /**
   * Makes sure that the client gets bound tokens if it has to.
   *
   * @throws {Refusal} 400 `invalid_dpop_proof`
   */
  check(constraint: SenderConstraint, client: Client): void;
}

/** @param wantsNonce whether proofs need a nonce of this server (RFC 9449 §8) */
export function createSenderConstraints(wantsNonce: boolean, runtime: Runtime): SenderConstraints {
  const nonce = { secret: randomBytes(32).toString('base64url'), lifetimeSeconds: NONCE_LIFETIME_SECONDS };
  const checkProof = createProofCheck(
    {
      algorithms: ALGORITHMS,
      maxAgeSeconds: MAX_AGE_SECONDS,
      replayStore: undefined,
      nonce: wantsNonce ? nonce : undefined,
      baseUrl: undefined, // the Host header was checked
    },
    runtime,
  );
  return {
    async read(request) {
      if (fieldLinesOf(request, 'dpop').length === 0) return { tokenType: 'Bearer', claims: {}, headers: {} };
      try {
        const { thumbprint, confirmed } = await checkProof(request);
        return { tokenType: 'DPoP', claims: { cnf: { jkt: thumbprint } }, headers: { ...confirmed } };
      } catch (error) {
        throw proofRefusal(error);
      }
    },
    check({ tokenType }, { dpopBoundAccessTokens }) {
      if (dpopBoundAccessTokens && tokenType !== 'DPoP')
        throw proofRefusal(new InvalidProofError('missing_proof'));
    },
  };
}

/** RFC 9449 §5, §8. What isn't the client's fault stays what it is. */
function proofRefusal(error: unknown): unknown {
  if (!isResourceServerError(error)) return error;
  if (!(error instanceof InvalidProofError)) return refusal(503, 'temporarily_unavailable', error.message);
  const headers = error.nonce === undefined ? {} : { 'DPoP-Nonce': error.nonce };
  return refusal(400, error.error, error.message, headers);
}
