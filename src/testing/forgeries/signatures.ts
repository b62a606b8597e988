import { encodePart, unsignedJws } from '../forged-jws.js';
import { signatureOf } from '../signing-key.js';
import { type AcceptedToken, signWith } from './accepted-token.js';
import { type Forgery, forgedToken } from './forgery.js';

/** Tokens whose signature is not the issuer's over these very bytes (RFC 7515 §5.2, RFC 7518 §3.4). */
export function forgedSignatures(accepted: AcceptedToken): readonly Forgery[] {
  return [...otherContent(accepted), ...otherBytes(accepted), ...otherForms(accepted)];
}

function otherContent(accepted: AcceptedToken): readonly Forgery[] {
  const { header, claims } = accepted;
  const extra = { 'urn:example:extra': true };
  const [, , signature = ''] = signWith(accepted).split('.');
  return [
    forgedToken(
      'claims altered after signing',
      'signature_invalid',
      unsignedJws(header, { ...claims, ...extra }, signature),
    ),
    forgedToken(
      'header altered after signing',
      'signature_invalid',
      unsignedJws({ ...header, ...extra }, claims, signature),
    ),
  ];
}

function otherBytes(accepted: AcceptedToken): readonly Forgery[] {
  const { header, claims, key } = accepted;
  const input = `${encodePart(header)}.${encodePart(claims)}`;
  const signature = signatureOf(input, key);
  const flipped = Buffer.from(signature);
  flipped.writeUInt8(flipped.readUInt8(0) ^ 1, 0);

  const rows: [name: string, signature: Uint8Array][] = [
    ['one bit flipped', flipped],
    ['truncated', signature.subarray(0, -1)],
    ['one byte longer', Buffer.concat([signature, Buffer.of(0)])],
    ['zeros only', Buffer.alloc(signature.length)],
    ['empty', Buffer.alloc(0)],
  ];
  if (key.algorithm.startsWith('ES')) rows.push(['in DER', signatureOf(input, key, 'der')]);
  return rows.map(([name, bytes]) =>
    forgedToken(`signature: ${name}`, 'signature_invalid', unsignedJws(header, claims, bytes)),
  );
}

/** The right signature, in a form that decodes to the same bytes and that RFC 7515 §2 does not allow. */
function otherForms(accepted: AcceptedToken): readonly Forgery[] {
  const token = signWith(accepted);
  const [header = '', claims = '', signature = ''] = token.split('.');
  const rows: [name: string, token: string][] = [
    ['missing with its dot', `${header}.${claims}`],
    ['padded', `${token}${'='.repeat((4 - (signature.length % 4)) % 4 || 1)}`],
  ];
  // A length divisible by 4 leaves no bits over (ES384, ES512).
  if (signature.length % 4 !== 0) rows.push(['with stray trailing bits', withTrailingBits(token)]);
  return rows.map(([name, forged]) => forgedToken(`signature: ${name}`, 'malformed_token', forged));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function withTrailingBits(token: string): string {
  const last = ALPHABET.indexOf(token.slice(-1));
  return `${token.slice(0, -1)}${ALPHABET.charAt(last | 1)}`;
}
