import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AnswerHeaders } from '../../decision.js';
import { InvalidProofError, isResourceServerError } from '../../errors.js';
import type { Runtime } from '../../lib/runtime.js';
import { createProofCheck, type ProvenKey } from '../../proof/dpop.js';
import { NodeRequestView } from '../../request/node-view.js';
import { fieldLinesOf } from '../../request/view.js';
import { ALGORITHMS } from '../../terms.js';
import type { TokenClaims } from '../token-claims.js';
import { type PresentedCertificate, readClientCertificate } from './client-certificates.js';
import type { Client } from './clients.js';
import { refusal } from './http.js';

/** How old a proof may be, and how long a nonce is handed out: the defaults of an API of this package. */
const MAX_AGE_SECONDS = 60;
const NONCE_LIFETIME_SECONDS = 300;

/** What a token is bound to, and what its type is called because of that. */
interface SenderConstraint {
  readonly tokenType: 'Bearer' | 'DPoP';
  /** The claim `"cnf"`, if there's one. */
  readonly claims: TokenClaims;
  /** What the answer has to carry. */
  readonly headers: AnswerHeaders;
}

/** What the sender of a request for a token has. */
interface ProvenSender {
  /** The key of its DPoP proof (RFC 9449 §5). */
  readonly key: ProvenKey | undefined;
  /** Its certificate (RFC 8705 §3). */
  readonly certificate: PresentedCertificate | undefined;
}

/** Finds out what the token that a request asks for has to be bound to. */
export interface SenderConstraints {
  /** @throws {Refusal} 400 `invalid_dpop_proof`, `use_dpop_nonce` */
  read(request: IncomingMessage): Promise<ProvenSender>;
  /**
   * Binds a token to the DPoP key of the sender, and to its certificate if the client wants that.
   *
   * @throws {Refusal} 400 `invalid_dpop_proof`, `invalid_request`: the sender lacks what the client has to
   *   bind its tokens to
   */
  bind(sender: ProvenSender, client: Client): SenderConstraint;
}

/** @param wantsNonce whether proofs need a nonce from this server (RFC 9449 §8) */
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
      const view = new NodeRequestView(request);
      const hasProof = fieldLinesOf(view, 'dpop').length > 0;
      const proven = hasProof ? checkProof(view) : undefined;
      const key = await proven?.catch((error: unknown) => {
        throw proofRefusal(error);
      });
      return { key, certificate: readClientCertificate(request) };
    },
    bind({ key, certificate }, client) {
      if (client.dpopBoundAccessTokens && key === undefined)
        throw proofRefusal(new InvalidProofError('missing_proof'));
      const wantsCertificate = client.tlsClientCertificateBoundAccessTokens;
      if (wantsCertificate && certificate === undefined)
        throw refusal(400, 'invalid_request', 'no client certificate was presented to bind the token to');
      const cnf = {
        ...(key && { jkt: key.thumbprint }),
        ...(wantsCertificate && certificate && { 'x5t#S256': certificate.thumbprint }),
      };
      return {
        tokenType: key === undefined ? 'Bearer' : 'DPoP',
        claims: Object.keys(cnf).length === 0 ? {} : { cnf },
        headers: { ...key?.confirmed },
      };
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
