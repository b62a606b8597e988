import { constants, type KeyObject, verify } from 'node:crypto';
import type { Algorithm } from '../terms.js';

/** How an algorithm signs (RFC 7518 §3, RFC 8037 §3.1), in the words of `node:crypto`. */
interface Scheme {
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  readonly padding?: number;
  /** RFC 7518 §3.5: as long as the digest, and no other. */
  readonly saltLength?: number;
  /** RFC 7518 §3.4: the two numbers one after the other, not DER. */
  readonly dsaEncoding?: 'ieee-p1363';
}

const { RSA_PKCS1_PADDING: PKCS1, RSA_PKCS1_PSS_PADDING: PSS } = constants;
const DSA = { dsaEncoding: 'ieee-p1363' } as const;
const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  RS256: { digest: 'sha256', padding: PKCS1 },
  RS384: { digest: 'sha384', padding: PKCS1 },
  RS512: { digest: 'sha512', padding: PKCS1 },
  PS256: { digest: 'sha256', padding: PSS, saltLength: 32 },
  PS384: { digest: 'sha384', padding: PSS, saltLength: 48 },
  PS512: { digest: 'sha512', padding: PSS, saltLength: 64 },
  ES256: { digest: 'sha256', ...DSA },
  ES384: { digest: 'sha384', ...DSA },
  ES512: { digest: 'sha512', ...DSA },
  EdDSA: { digest: null },
  Ed25519: { digest: null },
};

/**
 * Where a check takes longer than the way to the thread pool and back does: docs/decisions/0030. Curves that
 * OpenSSL has no fast code for, and RSA keys longer than anybody needs.
 */
const SLOW: ReadonlySet<Algorithm> = new Set<Algorithm>(['ES384', 'ES512']);
const MAX_QUICK_BITS = 4096;

/** A public key, made ready for one algorithm. */
export interface SignatureKey {
  /** Whether a check takes no longer than is fair to other requests. */
  readonly isQuick: boolean;
  readonly digest: Scheme['digest'];
  readonly input: Omit<Scheme, 'digest'> & { readonly key: KeyObject };
}

/** @param key of the kind that the algorithm takes */
export function createSignatureKey(key: KeyObject, algorithm: Algorithm): SignatureKey {
  const { digest, ...others } = SCHEMES[algorithm];
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const isQuick = !SLOW.has(algorithm) && modulusLength <= MAX_QUICK_BITS;
  return { isQuick, digest, input: { key, ...others } };
}

/**
 * Whether `key` signed this JWS; at once if that's quick. Signatures of access tokens, DPoP proofs and signed
 * introspection responses are verified here and nowhere else.
 *
 * @param jws in compact serialisation; its form and its header were checked before
 * @param key made ready for the algorithm of the header
 */
export function isSignedBy(jws: string, key: SignatureKey): boolean | Promise<boolean> {
  const [signed, signature] = splitSignature(jws);
  if (key.isQuick) return verify(key.digest, signed, key.input, signature);
  return new Promise((resolve, reject) => {
    verify(key.digest, signed, key.input, signature, (error, isValid) =>
      error === null ? resolve(isValid) : reject(error),
    );
  });
}

function splitSignature(jws: string): readonly [signed: Buffer, signature: Buffer] {
  const end = jws.lastIndexOf('.');
  return [Buffer.from(jws.slice(0, end), 'latin1'), Buffer.from(jws.slice(end + 1), 'base64url')];
}
