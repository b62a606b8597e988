import { encodePart, signedJws, signInput } from '../forged-jws.js';
import { type AcceptedToken, type Forgery, forgedToken, signWith } from './forgery.js';

const BOM = Buffer.of(0xef, 0xbb, 0xbf);
/** UTF-8 never has the byte 0xFF. */
const NOT_UTF8 = Buffer.from('{"urn:example:extra":"\xff",', 'latin1');

/**
 * Signed by the issuer's key but not a JWT: other structure, other encoding, other content (RFC 7519 §7.2).
 */
export function forgedEncodings(accepted: AcceptedToken): readonly Forgery[] {
  const tokens = { ...structures(accepted), ...contents(accepted) };
  return Object.entries(tokens).map(([name, token]) => forgedToken(name, 'malformed_token', token));
}

function structures(accepted: AcceptedToken): Record<string, string> {
  const { header, claims, key } = accepted;
  const token = signWith(accepted);
  const encrypted = encodePart({ ...header, alg: 'RSA-OAEP-256', enc: 'A256GCM' });
  // Five question marks have an aligned group of three, whose last sextet is 63: `/`, in base64url `_`.
  const inBase64 = Buffer.from(JSON.stringify({ ...claims, 'urn:example:extra': '?????' })).toString(
    'base64',
  );
  return {
    'opaque token': '2YotnFZFEjr1zCsicMWpAA',
    'dots only': '..',
    'five parts, as an encrypted token': `${encrypted}.${'AAAA.'.repeat(3)}AAAA`,
    'a disclosure appended, as in SD-JWT': `${token}~`,
    'claims in the alphabet of base64': signInput(
      `${encodePart(header)}.${inBase64.replace(/=+$/, '')}`,
      key,
    ),
  };
}

function contents({ header, claims, key }: AcceptedToken): Record<string, string> {
  const headerJson = JSON.stringify(header);
  const claimsJson = JSON.stringify(claims);
  const afterBom = (json: string): Buffer => Buffer.concat([BOM, Buffer.from(json)]);
  const notUtf8 = (json: string): Buffer => Buffer.concat([NOT_UTF8, Buffer.from(json.slice(1))]);
  return {
    'header empty': signedJws('', claims, key),
    'header not JSON': signedJws('header', claims, key),
    'header as an array': signedJws(`[${headerJson}]`, claims, key),
    'header with a byte order mark': signedJws(afterBom(headerJson), claims, key),
    'header not UTF-8': signedJws(notUtf8(headerJson), claims, key),
    'claims empty': signedJws(header, '', key),
    'claims not JSON': signedJws(header, 'claims', key),
    'claims null': signedJws(header, 'null', key),
    'claims as an array': signedJws(header, `[${claimsJson}]`, key),
    'claims as a string': signedJws(header, JSON.stringify(claimsJson), key),
    'claims with a byte order mark': signedJws(header, afterBom(claimsJson), key),
    'claims not UTF-8': signedJws(header, notUtf8(claimsJson), key),
  };
}
