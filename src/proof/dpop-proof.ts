import { calculateJwkThumbprint, type JWK } from 'jose';
import { InvalidProofError } from '../errors.js';
import { importVerificationKey } from '../issuer/verification-key.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { LruCache } from '../lib/lru-cache.js';
import { fieldLinesOf, type RequestView } from '../request/view.js';
import type { Algorithm } from '../terms.js';
import { needsExtension, readSegment, splitCompactJws } from '../token/compact-jws.js';
import type { SignatureKey } from '../token/signature.js';

/** The longest proof accepted, in characters. One with an RSA key of 4096 bits has about 2000. */
const MAX_PROOF_LENGTH = 8192;
/** Twice what anyone needs. Only a digest of it is remembered. */
const MAX_JTI_LENGTH = 256;

/** How many clients' keys are kept ready, and how many characters their proofs may have together. */
const MAX_KEYS = 1000;
const MAX_CHARACTERS = 2_000_000;

/**
 * Huge RSA keys would make each signature check slow. The limits: a modulus of 8192 bits, an exponent of 32,
 * in base64url.
 */
const MAX_MODULUS_LENGTH = 1366;
const MAX_EXPONENT_LENGTH = 6;

/** A parsed DPoP proof, not verified (RFC 9449 §4.2). Nothing in it can be trusted. */
export interface Proof {
  /** As it was sent. */
  readonly text: string;
  /** The text of the header: equal for all proofs that a client makes with one key. */
  readonly headerSegment: string;
  readonly claims: ProofClaims;
}

/** The claims of a proof. */
export interface ProofClaims {
  /** The proof's own identifier. */
  readonly jti: string;
  /** The method of the request. */
  readonly htm: string;
  /** The URL of the request. */
  readonly htu: string;
  /** When the proof was made, in seconds since the epoch. */
  readonly iat: number;
  /** From when and until when the proof is valid, as the client says. Most proofs have neither. */
  readonly nbf: number | undefined;
  readonly exp: number | undefined;
  /** The digest of the access token; undefined for a request without one, to a token endpoint. */
  readonly ath: string | undefined;
  /** The value the client took from `DPoP-Nonce`, of any type. */
  readonly nonce: unknown;
}

/**
 * The one proof of a request (RFC 9449 §4.3, number 1).
 *
 * @throws {InvalidProofError} `missing_proof`, `multiple_proofs`
 */
export function readProofLine(request: RequestView): string {
  const [line, another] = fieldLinesOf(request, 'dpop');
  if (line === undefined) throw new InvalidProofError('missing_proof');
  // Some servers join repeated lines; a proof never has a comma.
  if (another !== undefined || line.includes(',')) throw new InvalidProofError('multiple_proofs');
  return line;
}

/**
 * Splits a proof, strictly (RFC 9449 §4.3, numbers 2 and 3). The header stays encoded: usually it was read
 * before.
 *
 * @param hasToken whether it's for a request with an access token, and has to have `"ath"`
 * @throws {InvalidProofError} `malformed_proof`, `proof_missing_claim`
 */
export function parseProof(text: string, hasToken: boolean): Proof {
  const segments = text.length > MAX_PROOF_LENGTH ? undefined : splitCompactJws(text);
  const claims = segments && readSegment(segments[1]);
  if (segments === undefined || claims === undefined) throw new InvalidProofError('malformed_proof');
  return { text, headerSegment: segments[0], claims: readClaims(claims, hasToken) };
}

function readClaims(claims: JsonObject, hasToken: boolean): ProofClaims {
  const { jti, htm, htu, iat, nbf, exp, nonce } = claims;
  const ath = hasToken ? claims.ath : undefined;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  // JSON can express numbers that become Infinity.
  const isDate = (value: unknown): value is number => Number.isFinite(value);
  if (!isText(jti) || !isText(htm) || !isText(htu) || !isDate(iat) || !(isText(ath) || !hasToken))
    throw new InvalidProofError('proof_missing_claim');
  const isDateOrAbsent = (value: unknown): value is number | undefined =>
    value === undefined || isDate(value);
  if (jti.length > MAX_JTI_LENGTH || !isDateOrAbsent(nbf) || !isDateOrAbsent(exp))
    throw new InvalidProofError('malformed_proof');
  return { jti, htm, htu, iat, nbf, exp, ath: isText(ath) ? ath : undefined, nonce };
}

/** The key in the header of a proof. */
interface ProofKey {
  readonly headerSegment: string;
  readonly signatureKey: SignatureKey;
  /** RFC 7638, SHA-256, base64url: the `"jkt"` of access tokens that are bound to this key. */
  readonly thumbprint: string;
}

/**
 * Makes a function that verifies a proof's signature with the key in the proof (RFC 9449 §4.3, numbers 4 to
 * 7) and returns that key's thumbprint. All proofs of a client have the same header, so headers of valid
 * proofs are kept with their imported keys: from a client's second proof on, only the signature costs
 * anything. They're found by the `"jkt"` of the client's token: a short text, unlike the header.
 *
 * It rejects with an {@link InvalidProofError}: `malformed_proof`, `proof_typ_mismatch`,
 * `proof_alg_not_allowed`, `jwk_invalid`, `proof_signature_invalid`.
 *
 * @param algorithms accepted ones; asymmetric
 */
export function createProofVerifier(
  algorithms: readonly Algorithm[],
): (proof: Proof, jkt: unknown) => Promise<string> {
  const keys = new LruCache<string, ProofKey>({ max: MAX_KEYS, maxWeight: MAX_CHARACTERS });
  return async ({ text, headerSegment }, jkt) => {
    const kept = typeof jkt === 'string' ? keys.get(jkt) : undefined;
    const isKept = kept?.headerSegment === headerSegment;
    const key = isKept ? kept : await importProofKey(headerSegment, algorithms);
    // The key is bound to one algorithm, the header's. `kid`, `jku` and `x5c` don't matter here.
    if (!(await key.signatureKey.verify(text))) throw new InvalidProofError('proof_signature_invalid');
    // The header is a part of the text, which stays with it.
    if (!isKept) keys.set(key.thumbprint, key, text.length);
    return key.thumbprint;
  };
}

async function importProofKey(headerSegment: string, algorithms: readonly Algorithm[]): Promise<ProofKey> {
  const header = readSegment(headerSegment);
  if (header === undefined || needsExtension(header)) throw new InvalidProofError('malformed_proof');
  const { typ, alg, jwk } = header;
  if (typ !== 'dpop+jwt') throw new InvalidProofError('proof_typ_mismatch');
  const algorithm = algorithms.find((one) => one === alg);
  if (algorithm === undefined) throw new InvalidProofError('proof_alg_not_allowed');
  // The members of the jwk are the key. Anyone can add anybody's certificate.
  const key = isReasonable(jwk) ? importVerificationKey({ ...jwk, x5c: undefined }) : 'malformed key';
  if (typeof key === 'string' || key.weakness !== undefined || !key.algorithms.has(algorithm))
    throw new InvalidProofError('jwk_invalid');
  const imported: JWK = JSON.parse(key.material);
  const thumbprint = await calculateJwkThumbprint(imported, 'sha256');
  return { headerSegment, signatureKey: key.signatureKey(algorithm), thumbprint };
}

function isReasonable(jwk: unknown): jwk is JsonObject {
  const isShort = (member: unknown, maxLength: number): boolean =>
    member === undefined || (typeof member === 'string' && member.length <= maxLength);
  return isJsonObject(jwk) && isShort(jwk.n, MAX_MODULUS_LENGTH) && isShort(jwk.e, MAX_EXPONENT_LENGTH);
}
