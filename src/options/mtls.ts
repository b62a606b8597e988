import { type Checks, checkObject, oneOf, optional, optionError } from '../lib/check.js';
import { type CertificateHeaderForm, HEADER_NAMES } from '../proof/certificate-header.js';
import type { CertificateSource } from '../proof/client-certificate.js';
import { parseTrustedProxies } from '../proof/trusted-proxies.js';

/** Takes the client certificate from a header field, set by the proxy that ends the TLS connection. */
export interface MtlsProxyOptions {
  /**
   * How the proxy writes the certificate: `'client-cert'` as in RFC 9440 (HAProxy, Caddy, …), `'nginx'`
   * (`$ssl_client_escaped_cert`), `'envoy'` (`x-forwarded-client-cert` with `Cert`), `'aws-alb'` or
   * `'traefik'`.
   *
   * Security: the proxy has to remove the field from what clients send, or replace it.
   */
  readonly header: CertificateHeaderForm;
  /**
   * The name of the header field. Default: `Client-Cert`, `ssl-client-cert`, `x-forwarded-client-cert`,
   * `X-Amzn-Mtls-Clientcert` or `X-Forwarded-Tls-Client-Cert`.
   */
  readonly headerName?: string;
  /**
   * Addresses of the proxies, or ranges such as `10.0.0.0/8`: from other peers the field is ignored. Compared
   * with the other end of the TCP connection, never with what a header field says.
   */
  readonly trustedProxies: string | readonly string[];
}

// The record has a member per form and no other.
const FORMS = Object.keys(HEADER_NAMES) as CertificateHeaderForm[];
/** RFC 9110 §5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const CHECKS = {
  header: oneOf(FORMS),
  headerName: optional(checkFieldName),
  trustedProxies: parseTrustedProxies,
} satisfies Checks<MtlsProxyOptions>;

/**
 * Checks the option `mtls`.
 *
 * @returns undefined if certificate-bound access tokens are refused
 */
export function checkMtls(given: unknown): CertificateSource | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return 'connection';
  const { header, headerName, trustedProxies } = checkObject(
    given,
    'mtls',
    CHECKS,
    'true, false, or an object',
  );
  return { form: header, name: headerName ?? HEADER_NAMES[header], trustedProxies };
}

function checkFieldName(given: unknown, path: string): string {
  if (typeof given === 'string' && FIELD_NAME.test(given)) return given.toLowerCase();
  throw optionError(path, 'the name of a header field', given);
}
