import { InvalidProofError } from '../errors.js';
import { type JsonObject, readJsonObject } from '../lib/json.js';
import { fieldLinesOf, type RequestView } from '../request/view.js';
import { needsExtension, splitCompactJws } from '../token/compact-jws.js';

/** The longest proof that is looked at, in characters. One with an RSA key of 4096 bits has about 2000. */
const MAX_PROOF_LENGTH = 8192;
/** Twice the length of what anybody needs; what is remembered of it is a digest. */
const MAX_JTI_LENGTH = 256;

/** A DPoP proof taken apart but not verified (RFC 9449 §4.2). Nothing in it can be trusted. */
export interface Proof {
  /** As it was sent. */
  readonly text: string;
  /** The text of the header: equal for all proofs that a client makes with one key. */
  readonly headerSegment: string;
  readonly claims: ProofClaims;
}

/** The claims of a proof for a request with an access token. */
export interface ProofClaims {
  /** The proof's own identifier. */
  readonly jti: string;
  /** The method of the request. */
  readonly htm: string;
  /** The URL of the request. */
  readonly htu: string;
  /** When the proof was made, in seconds since the epoch. */
  readonly iat: number;
  /** From when on and until when the client says that it's valid; most proofs say neither. */
  readonly nbf: number | undefined;
  readonly exp: number | undefined;
  /** The digest of the access token. */
  readonly ath: string;
  /** What the client took from `DPoP-Nonce`, of whatever type. */
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
  // Some servers join repeated lines, and no proof has a comma.
  if (another !== undefined || line.includes(',')) throw new InvalidProofError('multiple_proofs');
  return line;
}

/**
 * Takes a proof apart, strictly (RFC 9449 §4.3, numbers 2 and 3). The header stays encoded: most often it was
 * read before.
 *
 * @throws {InvalidProofError} `malformed_proof`, `proof_missing_claim`
 */
export function parseProof(text: string): Proof {
  const segments = text.length > MAX_PROOF_LENGTH ? undefined : splitCompactJws(text);
  const claims = segments && decode(segments[1]);
  if (segments === undefined || claims === undefined) throw new InvalidProofError('malformed_proof');
  return { text, headerSegment: segments[0], claims: readClaims(claims) };
}

/**
 * The header of a proof.
 *
 * @throws {InvalidProofError} `malformed_proof`
 */
export function readProofHeader(segment: string): JsonObject {
  const header = decode(segment);
  if (header === undefined || needsExtension(header)) throw new InvalidProofError('malformed_proof');
  return header;
}

function decode(segment: string): Record<string, unknown> | undefined {
  return readJsonObject(Buffer.from(segment, 'base64url'));
}

function readClaims({ jti, htm, htu, iat, nbf, exp, ath, nonce }: JsonObject): ProofClaims {
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  // JSON can spell numbers that become Infinity.
  const isDate = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
  if (!isText(jti) || !isText(htm) || !isText(htu) || !isText(ath) || !isDate(iat))
    throw new InvalidProofError('proof_missing_claim');
  const isDateOrAbsent = (value: unknown): value is number | undefined =>
    value === undefined || isDate(value);
  if (jti.length > MAX_JTI_LENGTH || !isDateOrAbsent(nbf) || !isDateOrAbsent(exp))
    throw new InvalidProofError('malformed_proof');
  return { jti, htm, htu, iat, nbf, exp, ath, nonce };
}
