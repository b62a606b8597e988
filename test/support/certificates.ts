import { selfSignedCertificate } from '../../src/testing/certificate.js';
import type { SigningKey } from '../../src/testing/signing-key.js';

/** The identifier of EC keys in DER (RFC 5480 §2.1.1). */
const EC_KEY = Buffer.from('06072a8648ce3d0201', 'hex');

/**
 * A certificate that can be read, but not its key, whose kind nobody knows: like that of a future algorithm.
 *
 * @param key an EC key
 */
export function undecodableCertificate(key: SigningKey): Buffer {
  const certificate = selfSignedCertificate(key, 'unknown');
  certificate[certificate.indexOf(EC_KEY) + EC_KEY.length - 1] = 0x7f;
  return certificate;
}
