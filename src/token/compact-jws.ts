import { isUtf8 } from 'node:buffer';
import { InvalidTokenError } from '../errors.js';

/** The longest access token that is looked at, in characters. Node's own limit for all header fields together is as large. */
export const MAX_TOKEN_LENGTH = 16_384;

/** A look-up of headers by their segment. */
export interface KnownHeaders {
  get(segment: string): Readonly<Record<string, unknown>> | undefined;
}

/** An access token taken apart but not verified. Nothing in it can be trusted. */
export interface CompactJws {
  /** The text of the header: equal for all tokens that an issuer signs with one key. */
  readonly headerSegment: string;
  readonly header: Readonly<Record<string, unknown>>;
  /** Whether the header was read before. */
  readonly isHeaderKnown: boolean;
  /** The claims' bytes, decoded only when the header is acceptable. */
  readonly claimsBytes: Buffer;
}

/**
 * Takes a JWS in compact serialisation apart (RFC 7515 §3.1), strictly: three segments of canonical base64url. A lenient decoder would let many
 * spellings of one token through.
 *
 * @param knownHeaders headers that were read before, by their segment
 * @throws {InvalidTokenError} `token_too_large`, `malformed_token`
 */
export function parseCompactJws(token: string, knownHeaders?: KnownHeaders): CompactJws {
  if (token.length > MAX_TOKEN_LENGTH) throw new InvalidTokenError('token_too_large');
  const segments = splitCompactJws(token);
  if (segments === undefined) throw new InvalidTokenError('malformed_token');
  const [header, claims] = segments;
  const known = knownHeaders?.get(header);
  return {
    headerSegment: header,
    header: known ?? parseJsonObject(Buffer.from(header, 'base64url')),
    isHeaderKnown: known !== undefined,
    claimsBytes: Buffer.from(claims, 'base64url'),
  };
}

/**
 * The JSON object in `bytes`, see {@link readJsonObject}.
 *
 * @throws {InvalidTokenError} `malformed_token`
 */
export function parseJsonObject(bytes: Buffer): Record<string, unknown> {
  const value = readJsonObject(bytes);
  if (value === undefined) throw new InvalidTokenError('malformed_token');
  return value;
}

/** Header, claims and signature of a JWS in compact serialisation, still encoded; undefined where `text` is none to the letter. */
export function splitCompactJws(
  text: string,
): readonly [header: string, claims: string, signature: string] | undefined {
  const segments = text.split('.', 4);
  const [header, claims, signature] = segments;
  if (segments.length !== 3 || header === undefined || claims === undefined || signature === undefined) {
    return undefined;
  }
  return segments.every(isCanonicalBase64url) ? [header, claims, signature] : undefined;
}

/**
 * The JSON object in `bytes` (RFC 7519 §7.2). Of a repeated member the last one counts, as for `JSON.parse`, here and in every later step.
 *
 * @returns undefined where it is not UTF-8, not JSON, not an object, or preceded by a byte order mark
 */
export function readJsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString()); // which keeps a byte order mark in the text, where JSON.parse refuses it
  } catch {
    return undefined;
  }
  return isJsonObject(value) ? value : undefined;
}

/** Whether a value from `JSON.parse` is an object: not an array, not null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BASE64URL = /^[\w-]*$/;
/** What the last character may be, by how many characters the last group of four has: those whose left-over bits are zero (RFC 4648 §3.5). */
const LAST_CHARACTERS = [undefined, '', 'AQgw', 'AEIMQUYcgkosw048'] as const;

/**
 * Whether a segment is base64url without padding as RFC 4648 §5 writes it. A decoder skips everything else, padding and stray bits included, so that without this
 * check one token would have many spellings.
 */
export function isCanonicalBase64url(segment: string): boolean {
  const allowed = LAST_CHARACTERS[segment.length % 4];
  return BASE64URL.test(segment) && (allowed === undefined || allowed.includes(segment.slice(-1)));
}
