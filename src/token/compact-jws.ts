import { InvalidTokenError } from '../errors.js';

/** The longest access token that is looked at, in characters. Node's own limit for all header fields together is as large. */
export const MAX_TOKEN_LENGTH = 16_384;

/** An access token taken apart but not verified. Nothing in it can be trusted. */
export interface CompactJws {
  readonly header: Readonly<Record<string, unknown>>;
  /** The claims' bytes, decoded only when the header is acceptable. */
  readonly claimsBytes: Uint8Array;
}

/**
 * Takes a JWS in compact serialisation apart (RFC 7515 §3.1), strictly: three segments of canonical base64url. A lenient decoder would let many
 * spellings of one token through.
 *
 * @throws {InvalidTokenError} `token_too_large`, `malformed_token`
 */
export function parseCompactJws(token: string): CompactJws {
  if (token.length > MAX_TOKEN_LENGTH) throw new InvalidTokenError('token_too_large');
  const segments = token.split('.', 4);
  const [header, claims, signature] = segments;
  if (segments.length !== 3 || header === undefined || claims === undefined || signature === undefined) {
    throw new InvalidTokenError('malformed_token');
  }
  const headerBytes = decodeSegment(header);
  const claimsBytes = decodeSegment(claims);
  decodeSegment(signature);
  return { header: parseJsonObject(headerBytes), claimsBytes };
}

/**
 * The JSON object in `bytes` (RFC 7519 §7.2). Of a repeated member the last one counts, as for `JSON.parse`, here and in every later step.
 *
 * @throws {InvalidTokenError} `malformed_token`: not UTF-8, not JSON, not an object, or preceded by a byte order mark
 */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new InvalidTokenError('malformed_token');
  }
  if (!isJsonObject(value)) throw new InvalidTokenError('malformed_token');
  return value;
}

/** Whether a value from `JSON.parse` is an object: not an array, not null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ignoreBOM keeps the mark in the text, where JSON.parse refuses it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeSegment(segment: string): Uint8Array {
  const bytes = Buffer.from(segment, 'base64url');
  // Buffer skips what is not base64url, padding and stray bits of the last character included: only a canonical segment survives the way back.
  if (bytes.toString('base64url') !== segment) throw new InvalidTokenError('malformed_token');
  return bytes;
}
