import { X509Certificate } from 'node:crypto';
import { InvalidRequestError } from '../errors.js';

/**
 * How a proxy writes the client certificate into a header field: `'client-cert'` as in RFC 9440 §2.2, the
 * others as in the documentation of the product they're named after.
 */
export type CertificateHeaderForm = 'client-cert' | 'nginx' | 'envoy' | 'aws-alb' | 'traefik';

/** More than all header fields of a request by default (Node: 16 KiB), for servers that allow more. */
const MAX_LENGTH = 32_768;

const BYTE_SEQUENCE = /^:([A-Za-z0-9+/=]+):$/;
const PEM = /^-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END CERTIFICATE-----[\r\n]*$/;
/**
 * RFC 8941 §3.3.5: a byte sequence of no bytes, which some proxies send for clients without a certificate.
 */
const NO_BYTES = '::';
/** Padding may be missing, as RFC 8941 §4.2.7 allows. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Each form's header field, in lower case, unless the proxy uses another one; and how to read it. */
export const FORMS: Readonly<Record<CertificateHeaderForm, Form>> = Object.freeze({
  'client-cert': { name: 'client-cert', read: (value) => fromBase64(BYTE_SEQUENCE.exec(value)?.[1]) },
  // nginx itself has no name for it; this is the one of its Kubernetes ingress controller.
  nginx: { name: 'ssl-client-cert', read: fromEscapedPem },
  envoy: { name: 'x-forwarded-client-cert', read: (value) => fromEscapedPem(certOfElement(value)) },
  'aws-alb': { name: 'x-amzn-mtls-clientcert', read: fromEscapedPem },
  // Without PEM's first and last line, and without line breaks. Version 2 escapes it. Several are separated
  // by commas, which base64 doesn't have.
  traefik: { name: 'x-forwarded-tls-client-cert', read: (value) => fromBase64(unescapeUri(value)) },
});

interface Form {
  readonly name: string;
  readonly read: (value: string) => Buffer | undefined;
}

/**
 * Reads the one certificate that a proxy put into a header field.
 *
 * @returns the certificate as DER; undefined if the field has none, as some proxies send it for clients
 *   without a certificate
 * @throws {InvalidRequestError} `client_cert_invalid`: not exactly one certificate in that form
 */
export function readCertificateHeader(form: CertificateHeaderForm, value: string): Buffer | undefined {
  if (value.length > MAX_LENGTH) throw new InvalidRequestError('client_cert_invalid');
  if (value === (form === 'client-cert' ? NO_BYTES : '')) return undefined;
  const der = FORMS[form].read(value);
  if (der === undefined || !isOneCertificate(der)) throw new InvalidRequestError('client_cert_invalid');
  return der;
}

function fromEscapedPem(escaped: string | undefined): Buffer | undefined {
  const [, base64] = PEM.exec(unescapeUri(escaped) ?? '') ?? [];
  return fromBase64(base64?.replaceAll(/[\r\n]/g, ''));
}

/** Percent-encoding only: a `+` is one, not a space. */
function unescapeUri(escaped: string | undefined): string | undefined {
  try {
    return escaped === undefined ? undefined : decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

function fromBase64(text: string | undefined): Buffer | undefined {
  return text !== undefined && BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** Whether it parses as a certificate with nothing after it. */
function isOneCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}

/** A `key=value` pair of Envoy's element, the value plain or quoted. */
const PAIR = /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))(;|$)/y;

/**
 * The value of `Cert` in Envoy's `x-forwarded-client-cert`:
 * `Hash=…;Cert="-----BEGIN%20CERTIFICATE…";Subject="CN=client"`. Key names are case-insensitive.
 *
 * Security: Envoy copies names from the certificate into `URI` and `DNS` as they are, so anyone who chooses
 * these can add pairs and elements. So there must be exactly one of each, or none at all.
 *
 * @returns undefined unless there's exactly one `Cert`, in a single element
 */
function certOfElement(element: string): string | undefined {
  const certificates: string[] = [];
  PAIR.lastIndex = 0;
  for (let end = ';'; end === ';'; ) {
    const pair = PAIR.exec(element);
    if (pair === null) return undefined;
    const [, key = '', quoted, plain = '', separator = ''] = pair;
    if (key.toLowerCase() === 'cert') certificates.push(quoted ?? plain);
    end = separator;
  }
  return certificates.length === 1 ? certificates[0] : undefined;
}
