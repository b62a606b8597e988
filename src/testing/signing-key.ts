import {
  createPublicKey,
  generateKeyPair as generateKeyPairWithCallback,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign as signBytes,
} from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, type JSONWebKeySet, type JWK } from 'jose';
import type { Algorithm } from '../index.js';
import { SIGNATURE_SCHEMES } from '../token/signature.js';
import { unlike } from './unlike.js';

const generateKeyPair = promisify(generateKeyPairWithCallback);

/** A key pair of an issuer, or of an attacker who pretends to be one. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key as it's published, with `kid`, `alg` and `use`. */
  readonly jwk: JWK;
}

const rsa = () => generateKeyPair('rsa', { modulusLength: 2048 });
const ec = (namedCurve: string) => () => generateKeyPair('ec', { namedCurve });
const ed25519 = () => generateKeyPair('ed25519');

const GENERATORS: Readonly<Record<Algorithm, () => Promise<KeyPairKeyObjectResult>>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: ec('P-256'),
  ES384: ec('P-384'),
  ES512: ec('P-521'),
  EdDSA: ed25519,
  Ed25519: ed25519,
};

/** A new key pair. RSA keys have 2048 bits. */
export async function generateSigningKey(algorithm: Algorithm, kid: string): Promise<SigningKey> {
  const { privateKey } = await GENERATORS[algorithm]();
  return toSigningKey(privateKey, algorithm, kid);
}

/** The pair of a private key that exists already. It must be one for `algorithm`. */
export async function toSigningKey(
  privateKey: KeyObject,
  algorithm: Algorithm,
  kid: string,
): Promise<SigningKey> {
  const publicKey = createPublicKey(privateKey);
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
}

/**
 * The signature over `input`, encoded as RFC 7518 §3 wants it for the key's algorithm. Synchronous, because a
 * table of forgeries needs dozens and each costs less than handing it to a thread.
 *
 * @param ecdsaEncoding `'der'` is how X.509 encodes ECDSA signatures and JWS must not
 */
export function sign(
  input: string | Uint8Array,
  key: SigningKey,
  ecdsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363',
): Buffer {
  const { digest, ...scheme } = SIGNATURE_SCHEMES[key.algorithm];
  return signBytes(digest, Buffer.from(input), {
    key: key.privateKey,
    ...scheme,
    dsaEncoding: ecdsaEncoding,
  });
}

/** The keys of one issuer, shared by everything that speaks for it. */
export interface KeyRing {
  /** The key that signs now. */
  readonly current: SigningKey;
  /** The keys that are published, the current one first. */
  readonly keys: readonly SigningKey[];
  /** What the issuer publishes: public keys only. */
  readonly published: JSONWebKeySet;
  /** Replaces the current key with a new one; with `keepPrevious` the keys published so far stay. */
  rotate(keepPrevious: boolean): Promise<void>;
  /** A key of the same algorithm that is never published. Made at the first call. */
  foreignKey(): Promise<SigningKey>;
}

export interface KeyRingOptions {
  /** The keys to begin with; the first one signs. Default one new key. */
  readonly keys?: readonly [SigningKey, ...SigningKey[]];
  /** The `kid` of the next new key. Default `key-1`, then `key-2` and so on. */
  readonly nextKeyId?: () => string;
  /** Keeps the keys of a rotation, before it happens. If it rejects, the ring stays as it was. */
  readonly store?: (keys: readonly SigningKey[]) => Promise<void>;
}

/** A ring of keys for one algorithm, with one key at least. */
export async function createKeyRing(algorithm: Algorithm, options: KeyRingOptions = {}): Promise<KeyRing> {
  let made = 0;
  const nextKey = (): Promise<SigningKey> => {
    made += 1;
    return generateSigningKey(algorithm, options.nextKeyId?.() ?? `key-${made}`);
  };
  let keys: readonly [SigningKey, ...SigningKey[]] = options.keys ?? [await nextKey()];
  let foreignKey: Promise<SigningKey> | undefined;

  return {
    get current() {
      return keys[0];
    },
    get keys() {
      return keys;
    },
    get published() {
      return { keys: keys.map(({ jwk }) => ({ ...jwk })) };
    },
    async rotate(keepPrevious) {
      const next = await nextKey();
      const rotated = [next, ...(keepPrevious ? keys : [])] as const;
      await options.store?.(rotated);
      keys = rotated;
    },
    foreignKey() {
      foreignKey ??= generateSigningKey(algorithm, unlike('foreign-key', ...keys.map(({ kid }) => kid)));
      return foreignKey;
    },
  };
}
