import {
  constants,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto';
import type { Algorithm } from '../terms.js';

/** How an algorithm signs (RFC 7518 §3, RFC 8037 §3.1), in the terms of `node:crypto`. */
interface SignatureScheme {
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  readonly padding?: number;
  /** RFC 7518 §3.5: exactly as long as the digest. */
  readonly saltLength?: number;
  /** RFC 7518 §3.4: the two numbers one after the other, not DER. */
  readonly dsaEncoding?: 'ieee-p1363';
}

const { RSA_PKCS1_PADDING: PKCS1, RSA_PKCS1_PSS_PADDING: PSS } = constants;
const DSA = { dsaEncoding: 'ieee-p1363' } as const;
export const SIGNATURE_SCHEMES: Readonly<Record<Algorithm, SignatureScheme>> = {
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

/** A key with a scheme added to it. */
const withScheme = (key: KeyObject, scheme: Omit<SignatureScheme, 'digest'>): KeyObject =>
  Object.assign(createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' }), scheme);

/** A key in an object with a scheme. */
const aroundKey = (key: KeyObject, scheme: Omit<SignatureScheme, 'digest'>): VerifyKeyObjectInput => ({
  key,
  ...scheme,
});

/**
 * Makes ready what signs a JWS, at once.
 *
 * @param key a private one of the kind that the algorithm takes
 * @returns a function from what's before the signature to the signature in base64url
 */
export function createSigner(key: KeyObject, algorithm: Algorithm): (input: string) => string {
  const { digest, ...scheme } = SIGNATURE_SCHEMES[algorithm];
  const prepared = { key, ...scheme };
  return (input) => sign(digest, Buffer.from(input, 'latin1'), prepared).toString('base64url');
}

/**
 * Where `verify` reads a scheme: from the key itself, as in Node, or from an object around the key. On Node
 * 24, the latter costs two exceptions per signature, by which it finds out that it isn't a key. Undefined if
 * it reads neither.
 */
type Place =
  | ((key: KeyObject, scheme: Omit<SignatureScheme, 'digest'>) => KeyObject | VerifyKeyObjectInput)
  | undefined;

/** The place that this runtime reads, found with a signature that is valid in this scheme only. */
function findPlace(scheme: SignatureScheme, jwk: JsonWebKey, signature: string): Place {
  const { digest, ...others } = scheme;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return [withScheme, aroundKey].find((place) => {
    try {
      return verify(digest, Buffer.from('scheme'), place(key, others), Buffer.from(signature, 'base64url'));
    } catch {
      return false; // it takes no such thing for a key
    }
  });
}

const DSA_PLACE: Place = findPlace(
  SIGNATURE_SCHEMES.ES256,
  {
    kty: 'EC',
    crv: 'P-256',
    x: 'OC9qlJMK5z8sJ8EXKcD8ZOhsOaRkFBMoOvEKI7GtMjU',
    y: 'nRU3XI1IaWzolTFVFrexvhFowxQz8kzTcp7mp-uyzno',
  },
  'pGLijukpif1LpqV7Y4UkmzrMV2Moa-Ic2M9Cnjd7354QBUjq8yJQjmY_mnEbV7IVwpxHIosA5OviJahp4fOpZA',
);
const PSS_PLACE: Place = findPlace(
  SIGNATURE_SCHEMES.PS256,
  {
    kty: 'RSA',
    e: 'AQAB',
    n:
      'u1F0QXHI78En0DwtOyuF-eklbtaF3m9iwY8WGlajy2e3-bdWP9utkwxY557jVb1aDF7thiWSbFBUpYtuO-nPTi' +
      '4rlIFQvxl8betofmmCn8_fCoerRr_-kWqLLs5OKsNAjVNphpnLwdgQ8TqEsIYjMnSm86xRyuDZM2lZpt8l5j8',
  },
  'MSn9i_8S_fXTMiaaddyAp5X44mQvMmETA_AZYbty8MQZYWa8MldMUpLfO0hLF_YmmyVWGQbxMUHryqboLnzU-o' +
    'PnxMv-iZlJFdhrN-4H9-ZwJJHa2KjCTuNFXn4FLhFwWxP2Q1SbK4dx_SdQDWT21cOTJXbHSnso43U9cuVGncA',
);

/** RSASSA-PSS with Web Crypto, for runtimes whose `verify` doesn't support it (workerd). */
export async function verifyPss(
  key: KeyObject,
  { digest, saltLength = 0 }: SignatureScheme,
  signed: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { subtle } = globalThis.crypto;
  const algorithm = { name: 'RSA-PSS', hash: String(digest).replace('sha', 'SHA-') };
  const imported = await subtle.importKey('jwk', key.export({ format: 'jwk' }), algorithm, false, ['verify']);
  return subtle.verify({ ...algorithm, saltLength }, imported, signature, signed);
}

/** When to use the thread pool for a check. docs/decisions/0030 has the figures. */
type PoolUse = 'if busy' | 'always';

function choosePoolUse(key: KeyObject, algorithm: Algorithm): PoolUse {
  // A millisecond each: OpenSSL has no fast code for these curves.
  if (algorithm === 'ES384' || algorithm === 'ES512') return 'always';
  const { modulusLength: bits } = key.asymmetricKeyDetails ?? {};
  return bits === undefined || bits <= 4096 ? 'if busy' : 'always';
}

/**
 * A public key, prepared for one algorithm.
 *
 * A check takes the least processor time if it runs at once. But if several requests have come, the thread
 * pool lets other processors help. So the first check runs at once, and more in the same turn of the event
 * loop, or while any are under way, run on the pool.
 */
export class SignatureKey {
  readonly #digest: SignatureScheme['digest'];
  /** Carries the scheme for `node:crypto` to read. */
  readonly #key: KeyObject | VerifyKeyObjectInput;
  /** Set if `node:crypto` can't verify. */
  readonly #verifyElsewhere:
    | ((signed: Buffer<ArrayBuffer>, signature: Buffer<ArrayBuffer>) => Promise<boolean>)
    | undefined;
  readonly #poolUse: PoolUse;
  /** Unfinished checks on the thread pool. */
  #underWay = 0;
  /** `taken` once the code with the first check in this turn of the event loop has ended. */
  #turn: 'free' | 'begun' | 'taken' = 'free';

  /** @param key of the kind that the algorithm takes */
  constructor(key: KeyObject, algorithm: Algorithm) {
    const { digest, ...others } = SIGNATURE_SCHEMES[algorithm];
    this.#digest = digest;
    const place = others.padding === PSS ? PSS_PLACE : DSA_PLACE;
    this.#key = place?.(key, others) ?? key;
    if (place === undefined && others.padding === PSS)
      this.#verifyElsewhere = (signed, signature) =>
        verifyPss(key, SIGNATURE_SCHEMES[algorithm], signed, signature);
    this.#poolUse = choosePoolUse(key, algorithm);
  }

  /**
   * Whether this key signed a JWS. All signatures of access tokens, DPoP proofs and signed introspection
   * responses are verified here.
   *
   * @param jws in compact serialization; its form and header are checked already
   */
  verify(jws: string): boolean | Promise<boolean> {
    const end = jws.lastIndexOf('.');
    const signed = Buffer.from(jws.slice(0, end), 'latin1');
    const signature = Buffer.from(jws.slice(end + 1), 'base64url');
    if (this.#verifyElsewhere !== undefined) return this.#verifyElsewhere(signed, signature);
    const isForPool = this.#poolUse === 'always' || this.#isBusy();
    if (!isForPool) return verify(this.#digest, signed, this.#key, signature);
    this.#underWay += 1;
    return new Promise((resolve, reject) => {
      verify(this.#digest, signed, this.#key, signature, (error, isValid) => {
        this.#underWay -= 1;
        if (error === null) resolve(isValid);
        else reject(error);
      });
    });
  }

  #isBusy(): boolean {
    if (this.#underWay > 0 || this.#turn === 'taken') return true;
    if (this.#turn === 'free') {
      this.#turn = 'begun';
      // After this request's code has ended, and after that of all requests that came with it.
      process.nextTick(() => {
        this.#turn = 'taken';
      });
      setImmediate(() => {
        this.#turn = 'free';
      });
    }
    return false;
  }
}
