import { hash } from 'node:crypto';
import type { AnswerHeaders } from '../decision.js';
import { InvalidRequestError, InvalidTokenError } from '../errors.js';
import { isEqualText } from '../lib/equal-text.js';
import { fieldLinesOf, type RequestView } from '../request/view.js';
import { type CertificateHeaderForm, readCertificateHeader } from './certificate-header.js';
import type { CertificateBinding } from './confirmation.js';
import type { TrustedProxies } from './trusted-proxies.js';

/** Where a trusted proxy puts the client certificate. */
export interface CertificateHeader {
  readonly form: CertificateHeaderForm;
  /** In lower case. */
  readonly name: string;
  readonly trustedProxies: TrustedProxies;
}

/** RFC 9440 §2.4: what was answered on the strength of the header field must not be kept for others. */
const NOT_FOR_OTHERS: AnswerHeaders = Object.freeze({ 'Cache-Control': 'no-store' });

/**
 * Compares the client certificate with the one that the access token is bound to (RFC 8705 §3). Whether a certification authority vouches for it, and until when,
 * is between the client and the authorization server, which bound the token to this very certificate (RFC 8705 §6.2).
 *
 * @param header where a proxy puts the certificate; undefined where it is that of the connection itself
 */
export function certificateBinding(header: CertificateHeader | undefined): CertificateBinding {
  const answerHeaders = header === undefined ? undefined : NOT_FOR_OTHERS;
  return (thumbprint, request) => {
    const certificate =
      header === undefined ? request.clientCertificate?.() : certificateOfHeader(request, header);
    if (certificate === undefined) throw new InvalidTokenError('certificate_missing');
    if (!isThumbprintOf(certificate, thumbprint)) throw new InvalidTokenError('certificate_mismatch');
    return answerHeaders;
  };
}

/** From anybody but a trusted proxy the field is nothing but a claim of the client's own, and ignored (RFC 9440 §4). */
function certificateOfHeader(
  request: RequestView,
  { form, name, trustedProxies }: CertificateHeader,
): Uint8Array | undefined {
  if (!trustedProxies(request.remoteAddress)) return undefined;
  const [line, another] = fieldLinesOf(request, name);
  if (line === undefined) return undefined;
  if (another !== undefined) throw new InvalidRequestError('client_cert_invalid');
  return readCertificateHeader(form, line);
}

/** RFC 8705 §3.1: the SHA-256 digest of the DER encoding in base64url without padding, and no other spelling of it. */
function isThumbprintOf(certificate: Uint8Array, thumbprint: unknown): boolean {
  return typeof thumbprint === 'string' && isEqualText(thumbprint, hash('sha256', certificate, 'base64url'));
}
