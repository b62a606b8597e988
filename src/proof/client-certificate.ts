import { hash } from 'node:crypto';
import type { AnswerHeaders } from '../decision.js';
import { InvalidRequestError, InvalidTokenError } from '../errors.js';
import { isEqualText } from '../lib/equal-text.js';
import { fieldLinesOf, type RequestView } from '../request/view.js';
import { type CertificateHeaderForm, readCertificateHeader } from './certificate-header.js';
import type { CertificateBinding } from './confirmation.js';
import type { TrustedProxies } from './trusted-proxies.js';

/**
 * Where the client certificate comes from: the TLS connection, or a header field that a trusted proxy sets.
 */
export type CertificateSource = 'connection' | CertificateHeader;

interface CertificateHeader {
  readonly form: CertificateHeaderForm;
  /** In lower case. */
  readonly name: string;
  readonly trustedProxies: TrustedProxies;
}

/** RFC 9440 §2.4: an answer that depends on the header field must not be kept for others. */
const NOT_FOR_OTHERS: AnswerHeaders = Object.freeze({ 'Cache-Control': 'no-store' });

/**
 * Compares the client certificate with the one that the access token is bound to (RFC 8705 §3). Its issuer
 * and its dates don't matter here: they're between the client and the authorization server, which bound the
 * token to this very certificate (RFC 8705 §6.2).
 */
export function createCertificateBinding(source: CertificateSource): CertificateBinding {
  const isConnection = source === 'connection';
  return (thumbprint, request) => {
    const certificate = isConnection ? request.clientCertificate?.() : readHeader(request, source);
    if (certificate === undefined) throw new InvalidTokenError('certificate_missing');
    // RFC 8705 §3.1: SHA-256 of the DER encoding in base64url without padding, in this spelling only.
    const actual = hash('sha256', certificate, 'base64url');
    if (typeof thumbprint !== 'string' || !isEqualText(thumbprint, actual))
      throw new InvalidTokenError('certificate_mismatch');
    return isConnection ? undefined : NOT_FOR_OTHERS;
  };
}

/** From anyone but a trusted proxy, the field is only the client's claim and is ignored (RFC 9440 §4). */
function readHeader(request: RequestView, header: CertificateHeader): Uint8Array | undefined {
  const { form, name, trustedProxies } = header;
  if (!trustedProxies(request.remoteAddress)) return undefined;
  const [line, another] = fieldLinesOf(request, name);
  if (line === undefined) return undefined;
  if (another !== undefined) throw new InvalidRequestError('client_cert_invalid');
  return readCertificateHeader(form, line);
}
