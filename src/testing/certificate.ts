import { createHash } from 'node:crypto';
import { checkMembers, checkText } from './check-options.js';
import { generateSigningKey, type SigningKey, sign } from './signing-key.js';

/** Options of {@link createClientCertificate}. */
export interface ClientCertificateOptions {
  /** The common name of the subject. Default `test-client`. */
  readonly commonName?: string;
}

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
 * const { thumbprint, clientCertField } = await createClientCertificate();
 * await request(app)
 *   .get('/stock/42')
 *   .set(await issuer.authorization({ scope: 'read:inventory', cnf: { 'x5t#S256': thumbprint } }))
 *   .set('Client-Cert', clientCertField)
 *   .expect(200);
 * ```
 */
export async function createClientCertificate(
  options: ClientCertificateOptions = {},
): Promise<ClientCertificate> {
  checkMembers(options, ['commonName'], 'createClientCertificate');
  const { commonName = 'test-client' } = options;
  checkText(commonName, 'the option commonName of createClientCertificate');
  const key = await generateSigningKey('ES256', 'client-certificate');
  const certificate = selfSignedCertificate(key, commonName);
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return Object.freeze({
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    thumbprint: createHash('sha256').update(certificate).digest('base64url'),
    clientCertField: `:${certificate.toString('base64')}:`,
  });
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;

const COMMON_NAME = Buffer.from('0603550403', 'hex');

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
 * A self-signed X.509 certificate (RFC 5280 §4.1, version 1) as DER, for a client, or for an attacker who
 * offers a key in `x5c` or `x5u`. Valid from 2020 to 2049.
 */
export function selfSignedCertificate(key: SigningKey, commonName: string): Buffer {
  const { asymmetricKeyType: kind } = key.privateKey;
  const { algorithm, identifier } =
    CERTIFICATE_SIGNATURES[kind === 'rsa' || kind === 'ec' ? kind : 'ed25519'];
  const signatureAlgorithm = Buffer.from(identifier, 'hex');
  const utcTime = (text: string) => der(UTC_TIME, Buffer.from(text));
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const certified = der(
    SEQUENCE,
    der(INTEGER, Buffer.of(1)), // serial number
    signatureAlgorithm,
    name, // issuer
    der(SEQUENCE, utcTime('200101000000Z'), utcTime('491231235959Z')),
    name, // subject
    key.publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign(certified, { ...key, algorithm }, 'der');
  return der(SEQUENCE, certified, signatureAlgorithm, der(BIT_STRING, Buffer.of(0), signature));
}

/** One DER element: tag, length, content (X.690 §8.1). Lengths up to 65535. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...(length < 0x80 ? [length] : long)), content]);
}
