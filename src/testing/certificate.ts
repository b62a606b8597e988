import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { type Checks, checkObject, matching, optional, text } from '../lib/check.js';
import { generateSigningKey, type SigningKey, sign } from './signing-key.js';

/** Options of {@link createClientCertificate}. */
export interface ClientCertificateOptions {
  /** The common name of the subject. Default `test-client`. */
  readonly commonName?: string;
}

const CLIENT_CHECKS = {
  commonName: optional(text, 'test-client'),
} satisfies Checks<ClientCertificateOptions>;

/** A client certificate with its key, in the forms that tests need. */
export interface ClientCertificate {
  /** In PEM, for the option `cert` of `https.request` and `tls.connect`. */
  readonly certificate: string;
  /** In PEM (PKCS #8), for the option `key`. */
  readonly privateKey: string;
  /**
   * The SHA-256 digest that binds a token to the certificate (RFC 8705 §3.1):
   * `issuer.token({ cnf: { 'x5t#S256': thumbprint } })`.
   */
  readonly thumbprint: string;
  /** The same as the claim has it: `issuer.token({ cnf: certificate.confirmation })`. Frozen. */
  readonly confirmation: { readonly 'x5t#S256': string };
  /** What a proxy that ends the TLS connection sends as `Client-Cert` (RFC 9440 §2.2): `:MIIB…:`. */
  readonly clientCertField: string;
}

/**
 * Makes a self-signed client certificate (P-256), for tests of certificate-bound access tokens.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * import { createClientCertificate } from 'oauth-resource-server/testing';
 * import request from 'supertest';
 *
 * const { confirmation, clientCertField } = await createClientCertificate();
 * await request(app)
 *   .get('/stock/42')
 *   .set(await issuer.authorization({ scope: 'read:inventory', cnf: confirmation }))
 *   .set('Client-Cert', clientCertField)
 *   .expect(200);
 * ```
 */
export async function createClientCertificate(
  options: ClientCertificateOptions = {},
): Promise<ClientCertificate> {
  const { commonName } = checkObject(options, 'createClientCertificate', CLIENT_CHECKS);
  const { der, ...pem } = await createKeyPair(commonName);
  const thumbprint = createHash('sha256').update(der).digest('base64url');
  return Object.freeze({
    ...pem,
    thumbprint,
    confirmation: Object.freeze({ 'x5t#S256': thumbprint }),
    clientCertField: `:${der.toString('base64')}:`,
  });
}

/** Options of {@link createServerCertificate}. */
export interface ServerCertificateOptions {
  /** The server's names: host names and IPv4 addresses. Default `localhost` and `127.0.0.1`. */
  readonly hosts?: readonly string[];
}

const areHosts = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.length > 0 && given.every((host) => /^[\w.-]+$/.test(host));

const SERVER_CHECKS = {
  hosts: optional(matching(areHosts, 'a list of host names and IPv4 addresses'), ['localhost', '127.0.0.1']),
} satisfies Checks<ServerCertificateOptions>;

/** A certificate of a server with its key, in PEM. */
export interface ServerCertificate {
  /** For the option `cert` of `https.createServer`, and for the option `ca` of its clients. */
  readonly certificate: string;
  /** For the option `key` (PKCS #8). */
  readonly privateKey: string;
}

/**
 * Makes a self-signed certificate (P-256) of an https server, for tests of mutual TLS on this machine.
 * Clients that trust it (`ca`) find its hosts in it.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * import { createServer } from 'node:https';
 * import { createServerCertificate } from 'oauth-resource-server/testing';
 *
 * const { certificate: cert, privateKey: key } = await createServerCertificate();
 * createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, app).listen(8443);
 * ```
 */
export async function createServerCertificate(
  options: ServerCertificateOptions = {},
): Promise<ServerCertificate> {
  const { hosts } = checkObject(options, 'createServerCertificate', SERVER_CHECKS);
  const { certificate, privateKey } = await createKeyPair(hosts[0] ?? '', hosts);
  return Object.freeze({ certificate, privateKey });
}

async function createKeyPair(
  commonName: string,
  hosts?: readonly string[],
): Promise<ServerCertificate & { readonly der: Buffer }> {
  const key = await generateSigningKey('ES256', 'certificate');
  const certificate = selfSignedCertificate(key, commonName, hosts);
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    der: certificate,
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;

const OCTET_STRING = 0x04;
/** Context-specific tags (RFC 5280 §4.1, §4.2.1.6). */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');

/**
 * How a certificate is signed, by the kind of key: the algorithm, and its identifier in DER (RFC 3279, 5758,
 * 8410).
 */
const CERTIFICATE_SIGNATURES = {
  rsa: { algorithm: 'RS256', identifier: '300d06092a864886f70d01010b0500' }, // sha256WithRSAEncryption
  ec: { algorithm: 'ES256', identifier: '300a06082a8648ce3d040302' }, // ecdsa-with-SHA256
  ed25519: { algorithm: 'Ed25519', identifier: '300506032b6570' },
} as const;

/**
 * A self-signed X.509 certificate (RFC 5280 §4.1) as DER, for a client, for a server, or for an attacker who
 * offers a key in `x5c` or `x5u`. Valid from 2020 to 2049.
 *
 * @param hosts other names of a server: then it's of version 3, otherwise of version 1
 */
export function selfSignedCertificate(
  key: SigningKey,
  commonName: string,
  hosts?: readonly string[],
): Buffer {
  const { asymmetricKeyType: kind } = key.privateKey;
  const { algorithm, identifier } =
    CERTIFICATE_SIGNATURES[kind === 'rsa' || kind === 'ec' ? kind : 'ed25519'];
  const signatureAlgorithm = Buffer.from(identifier, 'hex');
  const utcTime = (text: string) => der(UTC_TIME, Buffer.from(text));
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const certified = der(
    SEQUENCE,
    ...(hosts === undefined ? [] : [der(VERSION, der(INTEGER, Buffer.of(2)))]),
    der(INTEGER, Buffer.of(1)), // serial number
    signatureAlgorithm,
    name, // issuer
    der(SEQUENCE, utcTime('200101000000Z'), utcTime('491231235959Z')),
    name, // subject
    key.publicKey.export({ type: 'spki', format: 'der' }),
    ...(hosts === undefined ? [] : [der(EXTENSIONS, der(SEQUENCE, subjectAltName(hosts)))]),
  );
  const signature = sign(certified, { ...key, algorithm }, 'der');
  return der(SEQUENCE, certified, signatureAlgorithm, der(BIT_STRING, Buffer.of(0), signature));
}

function subjectAltName(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIPv4(host)
      ? der(IP_ADDRESS, Buffer.from(host.split('.').map(Number)))
      : der(DNS_NAME, Buffer.from(host)),
  );
  return der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, der(SEQUENCE, ...names)));
}

/** One DER element: tag, length, content (X.690 §8.1). Lengths up to 65535. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...(length < 0x80 ? [length] : long)), content]);
}
