import {
  constants,
  createPublicKey,
  generateKeyPair as generateKeyPairWithCallback,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, type JWK } from 'jose';
import type { Algorithm } from '../options/options.js';

const generateKeyPair = promisify(generateKeyPairWithCallback);

/** A key pair of an issuer, or of who pretends to be one. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key as it is published, with `kid`, `alg` and `use`. */
  readonly jwk: JWK;
}

interface Signature {
  /** Undefined where the algorithm itself names it (RFC 8032). */
  readonly digest: string | undefined;
  readonly padding?: number;
  readonly generate: () => Promise<KeyPairKeyObjectResult>;
}

const rsa = () => generateKeyPair('rsa', { modulusLength: 2048 });
const ec = (namedCurve: string) => () => generateKeyPair('ec', { namedCurve });
const ed25519 = () => generateKeyPair('ed25519');
const padding = constants.RSA_PKCS1_PSS_PADDING;

const SIGNATURES: Readonly<Record<Algorithm, Signature>> = {
  RS256: { digest: 'sha256', generate: rsa },
  RS384: { digest: 'sha384', generate: rsa },
  RS512: { digest: 'sha512', generate: rsa },
  PS256: { digest: 'sha256', padding, generate: rsa },
  PS384: { digest: 'sha384', padding, generate: rsa },
  PS512: { digest: 'sha512', padding, generate: rsa },
  ES256: { digest: 'sha256', generate: ec('P-256') },
  ES384: { digest: 'sha384', generate: ec('P-384') },
  ES512: { digest: 'sha512', generate: ec('P-521') },
  EdDSA: { digest: undefined, generate: ed25519 },
  Ed25519: { digest: undefined, generate: ed25519 },
};

/** Every algorithm that an issuer can sign with. */
export const algorithms: readonly Algorithm[] = Object.keys(SIGNATURES) as Algorithm[]; // the record has a member per algorithm and no other

/** A new key pair. RSA keys have 2048 bits. */
export async function generateSigningKey(algorithm: Algorithm, kid: string): Promise<SigningKey> {
  const { privateKey } = await SIGNATURES[algorithm].generate();
  return signingKeyOf(privateKey, algorithm, kid);
}

/** The pair of a private key that is there already. It must be one for `algorithm`. */
export async function signingKeyOf(
  privateKey: KeyObject,
  algorithm: Algorithm,
  kid: string,
): Promise<SigningKey> {
  const publicKey = createPublicKey(privateKey);
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
}

/**
 * The signature over `input`, encoded as RFC 7518 §3 wants it for the key's algorithm. Synchronous, since a
 * table of forgeries needs dozens and each costs less than handing it to a thread.
 *
 * @param ecdsaEncoding `'der'` is how X.509 encodes ECDSA signatures and JWS must not
 */
export function signatureOf(
  input: string | Uint8Array,
  key: SigningKey,
  ecdsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363',
): Buffer {
  const { digest, padding } = SIGNATURES[key.algorithm];
  const options = padding === undefined ? {} : { padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return sign(digest, Buffer.from(input), { key: key.privateKey, dsaEncoding: ecdsaEncoding, ...options });
}
