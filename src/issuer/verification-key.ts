import { createPublicKey, hash, X509Certificate } from 'node:crypto';
import { isJsonObject, type JsonObject, withoutNull } from '../lib/json.js';
import type { Algorithm } from '../terms.js';
import { SignatureKey } from '../token/signature.js';

/** Minimum RSA modulus (RFC 7518 §3.3, §3.5). */
export const MIN_RSA_BITS = 2048;
const MAX_KEY_ID_LENGTH = 512;
/** More than the 256 bits that an RSA exponent may have (FIPS 186-5 §A.1.1), in base64url. */
const MAX_EXPONENT_LENGTH = 64;
/**
 * What a public key consists of. All of it must be text (RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2), which the
 * import doesn't enforce.
 */
const MATERIAL_MEMBERS = ['n', 'e', 'x', 'y'] as const;
export const PUBLIC_MEMBERS: readonly string[] = ['kty', 'crv', ...MATERIAL_MEMBERS];
export const PRIVATE_MEMBERS: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * The algorithms of each kind of key (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). Kinds have the names that
 * JWKs use: `"kty"`, and `"crv"` unless it's RSA.
 */
const ALGORITHMS_BY_KIND: ReadonlyMap<string | undefined, readonly Algorithm[]> = new Map([
  ['RSA', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  ['EC P-521', ['ES512']],
  ['OKP Ed25519', ['Ed25519', 'EdDSA']],
]);

/** A public key of an issuer, ready to verify signatures. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** The key's certificate as `x5t` and `x5t#S256` identify it, each with its name in front. */
  readonly thumbprints: readonly string[];
  /** The algorithms that this key may be used with: those of its type, narrowed by its `alg`. */
  readonly algorithms: ReadonlySet<string>;
  /** Why no signature by this key is accepted; undefined if it's strong enough. */
  readonly weakness: 'rsa_too_short' | undefined;
  /** Equal for equal keys. Tells a key that stayed from one that was replaced under the same `kid`. */
  readonly fingerprint: string;
  /**
   * The public members of its JWK, in JSON: equal for keys that are mathematically the same, whatever their
   * id and algorithm.
   */
  readonly material: string;
  /** Modulus of an RSA key in bits, undefined for others. */
  readonly bits: number | undefined;
  /** The key, ready for one of its algorithms. */
  signatureKey(algorithm: Algorithm): SignatureKey;
}

/** Why a member of a key set is left out (RFC 7517 §5). Fixed texts, for diagnostics. */
export type SkipCause =
  | 'not a JSON object'
  | 'private key published'
  | 'symmetric key'
  | 'unknown key type'
  | 'not for verifying signatures'
  | 'unknown algorithm'
  | 'unusable kid'
  | 'malformed key';

/** A usable member of a key set, before its key material is checked. */
interface UsableMember extends Pick<VerificationKey, 'kid' | 'thumbprints'> {
  readonly jwk: JsonObject;
  readonly algorithms: readonly [Algorithm, ...Algorithm[]];
}

/**
 * Turns a member of a key set into a key, or says why it's left out. Never throws: one odd key must not
 * affect the others.
 */
export function importVerificationKey(member: unknown): VerificationKey | SkipCause {
  const usable = readMember(member);
  if (typeof usable === 'string') return usable;
  const { jwk, kid, thumbprints, algorithms } = usable;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    const weakness = bits !== undefined && bits < MIN_RSA_BITS ? 'rsa_too_short' : undefined;
    const material = JSON.stringify(jwk);
    const fingerprint = JSON.stringify([kid, thumbprints, algorithms, material]);
    const ready = new Map(algorithms.map((algorithm) => [algorithm, new SignatureKey(key, algorithm)]));
    const signatureKey = (algorithm: Algorithm): SignatureKey =>
      ready.get(algorithm) ?? new SignatureKey(key, algorithm);
    return {
      kid,
      thumbprints,
      algorithms: new Set(algorithms),
      weakness,
      fingerprint,
      material,
      bits,
      signatureKey,
    };
  } catch {
    // Anything that the import rejects: missing or out-of-range members, a point off the curve.
    return 'malformed key';
  }
}

/**
 * Checks a member without importing it: what it's for, and that it's a public key of a known type. Null
 * counts as absent.
 */
export function readMember(given: unknown): UsableMember | SkipCause {
  if (!isJsonObject(given)) return 'not a JSON object';
  const said = withoutNull(given);
  const certificate = readCertificate(said);
  const member = certificate === undefined ? said : withKeyMembers(said, certificate);
  if (member.kty === 'oct') return 'symmetric key';
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(member, name))) return 'private key published';
  const ofKind = findAlgorithms(readKind(member));
  if (ofKind.length === 0) return 'unknown key type';
  if (!isForVerifying(member)) return 'not for verifying signatures';
  const [first, ...others] = narrowedByAlg(ofKind, member);
  if (first === undefined) return 'unknown algorithm';
  const { kid } = member;
  if (kid !== undefined && !isKeyId(kid)) return 'unusable kid';
  if (MATERIAL_MEMBERS.some((name) => Object.hasOwn(member, name) && typeof member[name] !== 'string'))
    return 'malformed key';
  if (member.kty === 'RSA' && !isRsaExponent(member.e)) return 'malformed key';
  const thumbprints = readThumbprints(member, certificate);
  const published = PUBLIC_MEMBERS.filter((name) => member[name] !== undefined);
  const jwk = Object.fromEntries(published.map((name) => [name, member[name]]));
  return { jwk, kid, thumbprints, algorithms: [first, ...others] };
}

/** Whether `value` can be a key id: a string of reasonable length. It's only ever compared. */
export function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_KEY_ID_LENGTH;
}

/** The first certificate of `x5c` (RFC 7517 §4.7); undefined if there's none that can be read. */
function readCertificate({ x5c }: JsonObject): X509Certificate | undefined {
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  if (typeof first !== 'string') return undefined;
  try {
    return new X509Certificate(Buffer.from(first, 'base64'));
  } catch {
    return undefined;
  }
}

/** If a key has only a certificate, the certificate's key counts; otherwise its own members do. */
function withKeyMembers(member: JsonObject, certificate: X509Certificate): JsonObject {
  if (MATERIAL_MEMBERS.some((name) => Object.hasOwn(member, name))) return member;
  try {
    // Node decodes the key only when it's asked for it.
    return { ...certificate.publicKey.export({ format: 'jwk' }), ...member };
  } catch {
    return member; // a kind of key that OpenSSL doesn't know, or that no JWK can be
  }
}

/** Those that the key has, or else those of its certificate (RFC 7517 §4.8, §4.9). */
function readThumbprints(member: JsonObject, certificate: X509Certificate | undefined): readonly string[] {
  return (['x5t#S256', 'x5t'] as const).flatMap((name) => {
    const own = member[name];
    if (typeof own === 'string') return [`${name} ${own}`];
    if (certificate === undefined) return [];
    return [`${name} ${hash(name === 'x5t' ? 'sha1' : 'sha256', certificate.raw, 'base64url')}`];
  });
}

/**
 * The algorithms that fit a kind of key; empty for an unknown kind.
 *
 * @param kind `"kty"` of a JWK, and `"crv"` unless it's RSA: `RSA`, `EC P-256`
 */
export function findAlgorithms(kind: string | undefined): readonly Algorithm[] {
  return ALGORITHMS_BY_KIND.get(kind) ?? [];
}

function readKind({ kty, crv }: JsonObject): string | undefined {
  if (kty === 'RSA') return kty;
  return typeof kty === 'string' && typeof crv === 'string' ? `${kty} ${crv}` : undefined;
}

/**
 * A JWK's `alg` binds the key to one algorithm (RFC 8725 §3.1). The two names of Ed25519 are one algorithm.
 */
function narrowedByAlg(ofKind: readonly Algorithm[], jwk: JsonObject): readonly Algorithm[] {
  if (!Object.hasOwn(jwk, 'alg')) return ofKind;
  const named = ofKind.filter((algorithm) => algorithm === jwk.alg);
  return named.length > 0 && ofKind.includes('EdDSA') ? ofKind : named;
}

/** RFC 7517 §4.2, §4.3. */
function isForVerifying({ use, key_ops: operations }: JsonObject): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

/**
 * RFC 8017 §3.1: odd and at least 3. The import accepts others, and with 1 anyone can make signatures. It
 * takes minutes for one of a million digits.
 */
function isRsaExponent(e: unknown): boolean {
  if (typeof e !== 'string' || e.length > MAX_EXPONENT_LENGTH) return false;
  const exponent = BigInt(`0x0${Buffer.from(e, 'base64url').toString('hex')}`);
  return exponent >= 3n && exponent % 2n === 1n;
}
