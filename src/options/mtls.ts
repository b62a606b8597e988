import { checkNames, choice, optionError, stringOf } from '../lib/check.js';
import { type CertificateHeaderForm, HEADER_NAMES } from '../proof/certificate-header.js';
import { certificateBinding } from '../proof/client-certificate.js';
import type { CertificateBinding } from '../proof/confirmation.js';
import { parseTrustedProxies } from '../proof/trusted-proxies.js';

/** Takes the client certificate from a header field that a proxy sets which ends the TLS connection. */
export interface MtlsProxyOptions {
  /**
   * How the proxy writes the certificate: `'client-cert'` as in RFC 9440 (HAProxy, Caddy, …), `'nginx'` (`$ssl_client_escaped_cert`), `'envoy'`
   * (`x-forwarded-client-cert` with `Cert`), `'aws-alb'` or `'traefik'`.
   *
   * Security: the proxy has to remove the field from what clients send, or replace it.
   */
  readonly header: CertificateHeaderForm;
  /**
   * The name of the header field. Default: `Client-Cert`, `ssl-client-cert`, `x-forwarded-client-cert`, `X-Amzn-Mtls-Clientcert` or
   * `X-Forwarded-Tls-Client-Cert`.
   */
  readonly headerName?: string;
  /**
   * Addresses of the proxies, or ranges such as `10.0.0.0/8`: from other peers the field is ignored. Compared with the other end of the TCP connection, never with what a
   * header field says.
   */
  readonly trustedProxies: string | readonly string[];
}

const NAMES: readonly (keyof MtlsProxyOptions)[] = ['header', 'headerName', 'trustedProxies'];
const FORMS = Object.keys(HEADER_NAMES) as CertificateHeaderForm[]; // the record has a member per form and no other
/** RFC 9110 §5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The option `mtls` as what checks certificate-bound access tokens; undefined where that is off.
 *
 * @throws {TypeError} naming the member that is wrong
 */
export function resolveMtls(given: boolean | MtlsProxyOptions | undefined): CertificateBinding | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return certificateBinding(undefined);
  checkNames(given, NAMES, 'mtls', 'true, false, or an object');
  const form = choice(given.header, FORMS, 'mtls.header');
  if (form === undefined)
    throw optionError('mtls.header', FORMS.map((name) => `'${name}'`).join(' or '), given.header);
  return certificateBinding({
    form,
    name: headerNameOf(given.headerName) ?? HEADER_NAMES[form],
    trustedProxies: parseTrustedProxies(given.trustedProxies, 'mtls.trustedProxies'),
  });
}

function headerNameOf(given: unknown): string | undefined {
  const name = stringOf(given, 'mtls.headerName');
  if (name !== undefined && !FIELD_NAME.test(name))
    throw optionError('mtls.headerName', 'the name of a header field', given);
  return name?.toLowerCase();
}
