import { type Checks, checkObject, oneOf, optional, textLike } from '../lib/check.js';
import { type CertificateHeaderForm, FORMS } from '../proof/certificate-header.js';
import type { CertificateSource } from '../proof/client-certificate.js';
import { parseTrustedProxies } from '../proof/trusted-proxies.js';

/** Takes the client certificate from a header field that a proxy sets after it ends the TLS connection. */
export interface MtlsProxyOptions {
  /**
   * How the proxy writes the certificate: `'client-cert'` as in RFC 9440 (HAProxy, Caddy, …), `'nginx'`
   * (`$ssl_client_escaped_cert`), `'envoy'` (`x-forwarded-client-cert` with `Cert`), `'aws-alb'` or
   * `'traefik'`.
   *
   * Security: the proxy must remove or replace the field if a client sends it.
   */
  readonly header: CertificateHeaderForm;
  /**
   * The name of the header field. Default: `Client-Cert`, `ssl-client-cert`, `x-forwarded-client-cert`,
   * `X-Amzn-Mtls-Clientcert` or `X-Forwarded-Tls-Client-Cert`.
   */
  readonly headerName?: string;
  /**
   * Addresses of the proxies, or ranges such as `10.0.0.0/8`. From other peers, the field is ignored. They're
   * compared with the other end of the TCP connection, never with a header field.
   */
  readonly trustedProxies: string | readonly string[];
}

/** RFC 9110 §5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const CHECKS = {
  // The record has one member per form and no others.
  header: oneOf(Object.keys(FORMS) as CertificateHeaderForm[]),
  headerName: optional(textLike(FIELD_NAME, 'the name of a header field')),
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
  const checked = checkObject(given, 'mtls', CHECKS, 'true, false, or an object');
  const { header: form, headerName = FORMS[form].name, trustedProxies } = checked;
  return { form, name: headerName.toLowerCase(), trustedProxies };
}
