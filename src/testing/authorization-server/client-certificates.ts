import { hash, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { badOption, type Checks, checkObject, optional, optionError, text } from '../../lib/check.js';
import { withoutUndefined } from '../../lib/json.js';
import type { TlsSettings } from '../loopback-server.js';

/** What messages call an option, given its path: `clients[0].scopes`. */
export type Label = (path: string) => string;

/**
 * What the certificate of a client must say for `tls_client_auth`: one of these, as registered with the
 * authorization server (RFC 8705 §2.1.2).
 */
export interface TlsClientAuthOptions {
  /** The distinguished name of the subject as RFC 4514 writes it, `CN=order-service,O=Acme`. */
  readonly subjectDn?: string;
  /** A host name among the alternative names of the subject. No wildcard stands for it. */
  readonly sanDns?: string;
  /** A URI among them, such as a SPIFFE ID. */
  readonly sanUri?: string;
  /** An IP address among them. */
  readonly sanIp?: string;
  /** An email address among them. */
  readonly sanEmail?: string;
}

type Name = keyof TlsClientAuthOptions;
type Match = (certificate: X509Certificate, value: string) => boolean;

const NOT_BY_SUBJECT = { subject: 'never', wildcards: false } as const;

const MATCHES: Readonly<Record<Name, Match>> = {
  subjectDn: ({ subject }, value) => {
    // RFC 4514 §2.1 begins with the last one.
    const inCertificate = subject.split('\n').reverse().join(',');
    return inCertificate === value.replaceAll(/(?<!\\),\s+/g, ',');
  },
  sanDns: (certificate, value) => certificate.checkHost(value, NOT_BY_SUBJECT) !== undefined,
  sanUri: ({ subjectAltName = '' }, value) => subjectAltName.split(', ').includes(`URI:${value}`),
  sanIp: (certificate, value) => certificate.checkIP(value) !== undefined,
  sanEmail: (certificate, value) => certificate.checkEmail(value, NOT_BY_SUBJECT) !== undefined,
};
const NAMES = Object.keys(MATCHES) as readonly Name[]; // its own keys

const CHECKS = {
  subjectDn: optional(text),
  sanDns: optional(text),
  sanUri: optional(text),
  sanIp: optional(text),
  sanEmail: optional(text),
} satisfies Checks<TlsClientAuthOptions>;

/** @throws {TypeError} it isn't one of them */
export function checkTlsClientAuth(given: unknown, path: string): object {
  const named = withoutUndefined(checkObject(given, path, CHECKS));
  if (Object.keys(named).length !== 1) throw optionError(path, `one of ${NAMES.join(', ')}`, given);
  return named;
}

/** A client certificate that came with a request. */
export interface PresentedCertificate {
  readonly certificate: X509Certificate;
  /** What binds a token to it (RFC 8705 §3.1). */
  readonly thumbprint: string;
  /** Whether one of the server's authorities vouches for it. */
  readonly isTrusted: boolean;
}

/** The certificate that the client presented on the connection of the request, if any. */
export function readClientCertificate({ socket }: IncomingMessage): PresentedCertificate | undefined {
  if (!('getPeerX509Certificate' in socket)) return undefined;
  const secured = socket as TLSSocket; // nothing else has that function
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return { certificate, thumbprint: thumbprint256(certificate), isTrusted: secured.authorized };
}

/** Whether a certificate is that of the client with these options. */
export function matchesTlsClientAuth(
  { certificate, isTrusted }: PresentedCertificate,
  options: TlsClientAuthOptions,
): boolean {
  return (
    isTrusted &&
    NAMES.every((name) => options[name] === undefined || MATCHES[name](certificate, options[name]))
  );
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The thumbprints of certificates in PEM. @throws {TypeError} there's none, or one that can't be read */
export function readThumbprints(pem: string, path: string): readonly string[] {
  const blocks = pem.match(PEM) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => thumbprint256(new X509Certificate(block)));
  } catch {
    // What it says below, without a text of OpenSSL.
  }
  throw new TypeError(`option "${path}" takes a certificate in PEM`);
}

function thumbprint256({ raw }: X509Certificate): string {
  return hash('sha256', raw, 'base64url');
}

/** @throws {TypeError} the certificate, its key or an authority isn't in PEM, or the key is of another one */
export function checkTlsSettings({ cert, key, ca }: TlsSettings, path: string): void {
  try {
    createSecureContext({
      cert,
      key,
      ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    });
  } catch {
    // Without the cause: OpenSSL's errors don't help, and may reveal something about the key.
    throw new TypeError(`option "${path}" takes a certificate, its key and authorities, all in PEM`);
  }
}

/**
 * Makes sure that clients with certificates can present them.
 *
 * @param tls undefined if there's no https
 * @throws {TypeError}
 */
export function checkCertificatesAreOfUse(
  clients: readonly { readonly certificate?: unknown; readonly tlsClientAuth?: unknown }[],
  tls: { readonly ca?: unknown } | undefined,
  tlsOption: string,
  label: Label,
): void {
  for (const [index, { certificate, tlsClientAuth }] of clients.entries()) {
    const name = tlsClientAuth === undefined ? 'certificate' : 'tlsClientAuth';
    const needed = tlsClientAuth === undefined ? tlsOption : `${tlsOption}.ca`;
    const isThere = tls !== undefined && (tlsClientAuth === undefined || tls.ca !== undefined);
    if ((certificate ?? tlsClientAuth) !== undefined && !isThere)
      throw badOption(label(`clients[${index}].${name}`), `needs "${label(needed)}"`);
  }
}
