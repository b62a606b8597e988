import type { Algorithm } from '../../index.js';
import { hmacJws, signedJws, signingInput, unsignedJws } from '../forged-jws.js';
import { sign } from '../signing-key.js';
import { type AcceptedToken, type Forgery, forgedToken, signWith } from './forgery.js';

/** Tokens whose header names an algorithm that the issuer's key isn't for (RFC 8725 §2.1, §3.1). */
export function forgedAlgorithms(accepted: AcceptedToken): readonly Forgery[] {
  return [...unsecured(accepted), ...publicKeyAsSecret(accepted), ...misnamed(accepted)];
}

/** RFC 7518 §3.6: a token without a signature, or with one that isn't checked. */
function unsecured(accepted: AcceptedToken): readonly Forgery[] {
  const { header, claims } = accepted;
  const [, , signature = ''] = signWith(accepted).split('.');
  return ['none', 'None', 'NONE', 'nOnE'].flatMap((alg) => {
    const forge = (third: string): string => unsignedJws({ ...header, alg }, claims, third);
    return [
      forgedToken(`alg ${alg}, empty signature`, 'alg_not_allowed', forge('')),
      forgedToken(`alg ${alg}, copied signature`, 'alg_not_allowed', forge(signature)),
    ];
  });
}

/**
 * RFC 8725 §2.1: the key is public, so a server that takes it for an HMAC secret accepts tokens that anyone
 * can make.
 */
function publicKeyAsSecret({ header, claims, key }: AcceptedToken): readonly Forgery[] {
  const secrets: readonly (readonly [form: string, secret: string | Uint8Array])[] = [
    ['the public key in PEM', key.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['the public key in DER', key.publicKey.export({ type: 'spki', format: 'der' })],
    ['the public JWK', JSON.stringify(key.jwk)],
    ['an empty secret', ''],
  ];
  return secrets.map(([form, secret]) =>
    forgedToken(
      `alg HS256, signed with ${form}`,
      'alg_not_allowed',
      hmacJws({ ...header, alg: 'HS256' }, claims, secret),
    ),
  );
}

function misnamed(accepted: AcceptedToken): readonly Forgery[] {
  const { header, claims, key } = accepted;
  const { algorithm } = key;
  const named = (alg: unknown): string => signWith(accepted, {}, { alg });
  const otherKind: Algorithm = algorithm.startsWith('ES') ? 'RS256' : 'ES256';
  const sibling = siblingAlgorithm(algorithm);
  const bySibling = sibling && signedJws({ ...header, alg: sibling }, claims, { ...key, algorithm: sibling });
  return [
    forgedToken('alg missing', 'alg_not_allowed', named(undefined)),
    forgedToken('alg in lower case', 'alg_not_allowed', named(algorithm.toLowerCase())),
    forgedToken('alg as an array', 'alg_not_allowed', named([algorithm])),
    forgedToken('alg of another kind of key', 'key_mismatch', named(otherKind)),
    ...(bySibling === undefined
      ? []
      : [forgedToken('alg that the key supports but is not for', 'key_mismatch', bySibling)]),
  ];
}

/**
 * Another algorithm that the mathematics of the key allows. Ed25519 keys have none: `EdDSA` is only another
 * name for theirs (RFC 9864 §2.2).
 */
function siblingAlgorithm(algorithm: Algorithm): Algorithm | undefined {
  if (algorithm.startsWith('ES')) return algorithm === 'ES384' ? 'ES256' : 'ES384';
  if (algorithm.startsWith('RS')) return 'PS256';
  return algorithm.startsWith('PS') ? 'RS256' : undefined;
}

/** Tokens whose signature isn't the issuer's over these very bytes (RFC 7515 §5.2, RFC 7518 §3.4). */
export function forgedSignatures(accepted: AcceptedToken): readonly Forgery[] {
  return [...otherContent(accepted), ...otherBytes(accepted), ...otherForms(accepted)];
}

function otherContent(accepted: AcceptedToken): readonly Forgery[] {
  const { header, claims } = accepted;
  // The genuine claims may have one of this name.
  const extra = { 'urn:example:extra': claims['urn:example:extra'] !== true };
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
  const input = signingInput(header, claims);
  const signature = sign(input, key);
  const flipped = Buffer.from(signature);
  flipped.writeUInt8(flipped.readUInt8(0) ^ 1, 0);

  const rows: [name: string, signature: Uint8Array][] = [
    ['one bit flipped', flipped],
    ['truncated', signature.subarray(0, -1)],
    ['one byte longer', Buffer.concat([signature, Buffer.of(0)])],
    ['zeros only', Buffer.alloc(signature.length)],
    ['empty', Buffer.alloc(0)],
  ];
  if (key.algorithm.startsWith('ES')) rows.push(['in DER', sign(input, key, 'der')]);
  return rows.map(([name, bytes]) =>
    forgedToken(`signature: ${name}`, 'signature_invalid', unsignedJws(header, claims, bytes)),
  );
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The right signature, in a form that decodes to the same bytes and that RFC 7515 §2 doesn't allow. */
function otherForms(accepted: AcceptedToken): readonly Forgery[] {
  const token = signWith(accepted);
  const [header = '', claims = '', signature = ''] = token.split('.');
  const rows: [name: string, token: string][] = [
    ['missing with its dot', `${header}.${claims}`],
    ['padded', `${token}${'='.repeat((4 - (signature.length % 4)) % 4 || 1)}`],
  ];
  // A length divisible by 4 leaves no bits over (ES384, ES512).
  if (signature.length % 4 !== 0) {
    const last = BASE64URL.indexOf(token.slice(-1));
    rows.push(['with stray trailing bits', `${token.slice(0, -1)}${BASE64URL.charAt(last | 1)}`]);
  }
  return rows.map(([name, forged]) => forgedToken(`signature: ${name}`, 'malformed_token', forged));
}
