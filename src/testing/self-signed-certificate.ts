import { type SigningKey, signatureOf } from './signing-key.js';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;

const COMMON_NAME = Buffer.from('0603550403', 'hex');

/**
 * AlgorithmIdentifier of the certificate's own signature, by the kind of key (RFC 3279, RFC 5758, RFC 8410).
 */
const SIGNATURE_ALGORITHMS = {
  RS: '300d06092a864886f70d01010b0500', // sha256WithRSAEncryption
  ES: '300a06082a8648ce3d040302', // ecdsa-with-SHA256
  Ed: '300506032b6570', // Ed25519
};

/**
 * A self-signed X.509 certificate (RFC 5280 §4.1, version 1) as DER, for who offers a key of their own in
 * `x5c` or `x5u`. Valid from 2020 to 2049.
 */
export function selfSignedCertificate(key: SigningKey, commonName: string): Buffer {
  const algorithm = Buffer.from(signatureAlgorithm(key), 'hex');
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const certified = der(
    SEQUENCE,
    der(INTEGER, Buffer.of(1)), // serial number
    algorithm,
    name, // issuer
    der(SEQUENCE, utcTime('200101000000Z'), utcTime('491231235959Z')),
    name, // subject
    key.publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = signatureOf(certified, withSha256(key), 'der');
  return der(SEQUENCE, certified, algorithm, der(BIT_STRING, Buffer.of(0), signature));
}

function signatureAlgorithm({ privateKey }: SigningKey): string {
  if (privateKey.asymmetricKeyType === 'rsa') return SIGNATURE_ALGORITHMS.RS;
  return privateKey.asymmetricKeyType === 'ec' ? SIGNATURE_ALGORITHMS.ES : SIGNATURE_ALGORITHMS.Ed;
}

function withSha256(key: SigningKey): SigningKey {
  const { asymmetricKeyType } = key.privateKey;
  if (asymmetricKeyType === 'ed25519') return key;
  return { ...key, algorithm: asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256' };
}

function utcTime(text: string): Buffer {
  return der(UTC_TIME, Buffer.from(text));
}

/** One DER element: tag, length, content (X.690 §8.1). Lengths up to 65535. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag, ...lengthOctets(content.length)), content]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
