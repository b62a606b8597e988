import { isJsonObject } from '../../src/token/compact-jws.js';

/** A token and what can be read in it. Nothing is verified. */
export interface TokenDescription {
  readonly token: string;
  /** Undefined where the part is no JSON object, as in some forgeries. */
  readonly header: object | undefined;
  readonly claims: object | undefined;
}

/** Decodes the first two segments of a compact JWS (RFC 7515 §7.1), as far as they can be decoded. */
export function describeToken(token: string): TokenDescription {
  const [header, claims] = token.split('.');
  return { token, header: decode(header), claims: decode(claims) };
}

function decode(segment: string | undefined): object | undefined {
  try {
    const part: unknown = JSON.parse(Buffer.from(segment ?? '', 'base64url').toString());
    return isJsonObject(part) ? part : undefined;
  } catch {
    return undefined; // not JSON, which is what there is to say about it
  }
}
