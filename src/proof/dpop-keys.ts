import { type CryptoKey, calculateJwkThumbprint, type JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { InvalidProofError } from '../errors.js';
import { importVerificationKey } from '../issuer/verification-key.js';
import { isJsonObject } from '../lib/json.js';
import type { Algorithm } from '../terms.js';
import { isSignedBy } from '../token/signature.js';
import { type Proof, readProofHeader } from './dpop-proof.js';

/** How many clients' keys are kept ready, and how many characters of headers they may take together. */
const MAX_KEYS = 1000;
const MAX_CHARACTERS = 1_000_000;

/**
 * Larger RSA keys than anybody uses would make each check of a signature slow: a modulus of up to 8192 bits,
 * an exponent of up to 32, in base64url.
 */
const MAX_MODULUS_LENGTH = 1366;
const MAX_EXPONENT_LENGTH = 6;

/** The key in the header of a proof. */
interface ProofKey {
  readonly cryptoKey: CryptoKey;
  /** RFC 7638, SHA-256, base64url: what `"jkt"` of an access token that is bound to this key says. */
  readonly thumbprint: string;
}

/**
 * Verifies the signatures of proofs by the keys that they carry (RFC 9449 §4.3, numbers 4 to 7). The header
 * is the same in all proofs of a client, so those of proofs that held are kept with their imported keys: from
 * a client's second proof on only the signature is paid for.
 */
export class ProofKeys {
  readonly #algorithms: ReadonlySet<string>;
  readonly #known = new LRUCache<string, ProofKey>({ max: MAX_KEYS, maxSize: MAX_CHARACTERS });

  /** @param algorithms accepted ones; asymmetric */
  constructor(algorithms: readonly Algorithm[]) {
    this.#algorithms = new Set(algorithms);
  }

  /**
   * @returns the thumbprint of the key that signed
   * @throws {InvalidProofError} `malformed_proof`, `proof_typ_mismatch`, `proof_alg_not_allowed`,
   *   `jwk_invalid`, `proof_signature_invalid`
   */
  async verifySignature({ text, headerSegment }: Proof): Promise<string> {
    const known = this.#known.get(headerSegment);
    const key = known ?? (await this.#import(readProofHeader(headerSegment)));
    // The key is bound to one algorithm, and that is the header's. `kid`, `jku` and `x5c` say nothing here.
    if (!(await isSignedBy(text, key.cryptoKey))) throw new InvalidProofError('proof_signature_invalid');
    if (known === undefined) this.#known.set(headerSegment, key, { size: headerSegment.length });
    return key.thumbprint;
  }

  async #import({ typ, alg, jwk }: Readonly<Record<string, unknown>>): Promise<ProofKey> {
    if (typ !== 'dpop+jwt') throw new InvalidProofError('proof_typ_mismatch');
    if (typeof alg !== 'string' || !this.#algorithms.has(alg))
      throw new InvalidProofError('proof_alg_not_allowed');
    const algorithm = alg as Algorithm; // the set has nothing else in it
    const key = isReasonable(jwk) ? await importVerificationKey(jwk) : 'malformed key';
    if (typeof key === 'string' || key.weakness !== undefined || !key.algorithms.has(algorithm)) {
      throw new InvalidProofError('jwk_invalid');
    }
    const [cryptoKey, thumbprint] = await Promise.all([
      key.cryptoKey(algorithm),
      calculateJwkThumbprint(jwk as JWK, 'sha256'), // the import has looked at its members
    ]);
    return { cryptoKey, thumbprint };
  }
}

function isReasonable(jwk: unknown): boolean {
  const isShort = (member: unknown, maxLength: number): boolean =>
    member === undefined || (typeof member === 'string' && member.length <= maxLength);
  return isJsonObject(jwk) && isShort(jwk.n, MAX_MODULUS_LENGTH) && isShort(jwk.e, MAX_EXPONENT_LENGTH);
}
