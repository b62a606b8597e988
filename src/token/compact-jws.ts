import { InvalidTokenError } from '../errors.js';
import { type JsonObject, readJsonObject } from '../lib/json.js';
import type { Algorithm } from '../terms.js';

/**
 * The longest access token accepted, in characters. Node's own limit for all header fields together is the
 * same.
 */
export const MAX_TOKEN_LENGTH = 16_384;

/** The parts of a JWS in compact serialization, still encoded and not to be trusted. */
type Segments = readonly [header: string, claims: string, signature: string];

/** How many segments an opaque token has, and an encrypted one (RFC 7516 §3.1). */
const OPAQUE = 1;
const ENCRYPTED = 5;
const NOT_SIGNED =
  'the token is opaque or encrypted, not a signed JWT; does the client ask for this API (audience or ' +
  'resource)? If the issuer has only opaque tokens, set introspection';

/**
 * Splits an access token (RFC 7515 §3.1), strictly: three segments of canonical base64url. A lenient decoder
 * would accept many spellings of one token.
 *
 * @throws {InvalidTokenError} `token_too_large`, `malformed_token`
 */
export function splitToken(token: string): Segments {
  if (token.length > MAX_TOKEN_LENGTH) throw new InvalidTokenError('token_too_large');
  const segments = splitCompactJws(token);
  if (segments === undefined) throw new InvalidTokenError('malformed_token', explainMalformed(token));
  return segments;
}

/** What a token without three segments probably is. */
function explainMalformed(token: string): string | undefined {
  if (token === 'undefined' || token === 'null')
    return 'the client sent the word undefined or null instead of a token';
  const count = token.split('.', ENCRYPTED + 1).length;
  return count === OPAQUE || count === ENCRYPTED ? NOT_SIGNED : undefined;
}

/**
 * The JSON object in a segment of a token, see {@link readJsonObject}.
 *
 * @throws {InvalidTokenError} `malformed_token`
 */
export function parseSegment(segment: string): Record<string, unknown> {
  const value = readSegment(segment);
  if (value === undefined) throw new InvalidTokenError('malformed_token');
  return value;
}

/** The JSON object in a segment; undefined if there's something else. */
export function readSegment(segment: string): Record<string, unknown> | undefined {
  return readJsonObject(Buffer.from(segment, 'base64url'));
}

/** The segments of a JWS in compact serialization. Undefined unless `text` is exactly one. */
export function splitCompactJws(text: string): Segments | undefined {
  const segments = JWS.exec(text)?.slice(1);
  return segments?.every(hasCanonicalEnd) ? (segments as [string, string, string]) : undefined;
}

/**
 * Reads `alg` if it exactly equals one of the accepted algorithms, case included. So neither `none` in any
 * spelling nor HMAC gets further (RFC 8725 §3.1).
 *
 * @throws {InvalidTokenError} `alg_not_allowed`
 */
export function readAlgorithm({ alg }: JsonObject, accepted: ReadonlySet<string>): Algorithm {
  if (typeof alg !== 'string' || !accepted.has(alg)) throw new InvalidTokenError('alg_not_allowed');
  return alg as Algorithm; // the set has nothing else in it
}

/**
 * Whether a header requires an extension. This package supports no critical one (RFC 7515 §4.1.11), and a JWT
 * has no unencoded claims (RFC 7797 §7).
 */
export function needsExtension(header: JsonObject): boolean {
  return Object.hasOwn(header, 'crit') || (Object.hasOwn(header, 'b64') && header.b64 !== true);
}

/**
 * The media type in a `typ` header, in lower case and without the optional `application/` (RFC 7515 §4.1.9).
 */
export function mediaType(typ: unknown): string | undefined {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
}

const JWS = /^([\w-]*)\.([\w-]*)\.([\w-]*)$/;
const BASE64URL = /^[\w-]*$/;
/**
 * The possible last characters, by the length of the last group of four: those whose unused bits are zero
 * (RFC 4648 §3.5).
 */
const LAST_CHARACTERS = [undefined, '', 'AQgw', 'AEIMQUYcgkosw048'] as const;

/**
 * Whether a segment is base64url without padding, exactly as in RFC 4648 §5. A decoder skips everything else,
 * including padding and stray bits, so without this check one token would have many spellings.
 */
export function isCanonicalBase64url(segment: string): boolean {
  return BASE64URL.test(segment) && hasCanonicalEnd(segment);
}

function hasCanonicalEnd(segment: string): boolean {
  const allowed = LAST_CHARACTERS[segment.length % 4];
  return allowed === undefined || allowed.includes(segment.slice(-1));
}
