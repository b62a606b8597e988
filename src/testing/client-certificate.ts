import { createHash } from 'node:crypto';
import { checkMembers, describe } from './check-members.js';
import { selfSignedCertificate } from './self-signed-certificate.js';
import { generateSigningKey } from './signing-key.js';

/** What `createClientCertificate` takes. */
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
   * The SHA-256 digest that binds a token to the certificate (RFC 8705 §3.1): `issuer.token({ cnf: { 'x5t#S256': thumbprint } })`.
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
  if (typeof commonName !== 'string' || commonName === '')
    throw new TypeError(
      `the option commonName of createClientCertificate takes a string that is not empty, got ${describe(commonName)}`,
    );
  const key = await generateSigningKey('ES256', 'client-certificate');
  const der = selfSignedCertificate(key, commonName);
  return Object.freeze({
    certificate: toPem(der),
    privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    clientCertField: `:${der.toString('base64')}:`,
  });
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
