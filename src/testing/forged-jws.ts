import { createHmac } from 'node:crypto';
import { type SigningKey, sign } from './signing-key.js';

/** A JSON object, or text or bytes that stand in its place and needn't be JSON. */
export type Part = Readonly<Record<string, unknown>> | string | Uint8Array;

/**
 * Base64url without padding (RFC 7515 §2). An object becomes JSON first; text and bytes are taken as they
 * are.
 */
export function encodePart(part: Part): string {
  const isText = typeof part === 'string' || part instanceof Uint8Array;
  return Buffer.from(isText ? part : JSON.stringify(part)).toString('base64url');
}

/** What a signature is made over. */
export function signingInput(header: Part, claims: Part): string {
  return `${encodePart(header)}.${encodePart(claims)}`;
}

/**
 * A compact JWS over any header and claims, sensible or not. The key's own algorithm signs, whatever `alg`
 * the header names.
 *
 * @returns `header.claims.signature`
 */
export function signedJws(header: Part, claims: Part, key: SigningKey): string {
  return signInput(signingInput(header, claims), key);
}

/** Signs two segments that are encoded already. */
export function signInput(input: string, key: SigningKey): string {
  return `${input}.${sign(input, key).toString('base64url')}`;
}

/** A compact JWS with a given third segment instead of a signature. */
export function unsignedJws(header: Part, claims: Part, signature: string | Uint8Array): string {
  const segment = typeof signature === 'string' ? signature : Buffer.from(signature).toString('base64url');
  return `${signingInput(header, claims)}.${segment}`;
}

/** A compact JWS with an HMAC of SHA-256 (RFC 7518 §3.2), keyed by anything. */
export function hmacJws(header: Part, claims: Part, secret: string | Uint8Array): string {
  const input = signingInput(header, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}
