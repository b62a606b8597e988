import { generateKeyPairSync, hash } from 'node:crypto';
import type { JWK } from 'jose';
import { proofParts, publicJwk } from '../dpop-key.js';
import { hmacJws, type Part, signedJws, signingInput, unsignedJws } from '../forged-jws.js';
import { toSigningKey } from '../signing-key.js';
import type { AcceptedProof } from './accepted-proof.js';
import { type Forgery, type ForgeryReason, forgedRequest } from './forgery.js';

/** Of an RSA key of 2048 bits, and so of its signatures. */
const MODULUS_BYTES = 256;
/** In front of a SHA-256 digest (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** RFC 9449 §4.3, numbers 5 and 6: keys that anyone can sign with. The tokens are bound to them. */
export async function breakableKeys(accepted: AcceptedProof): Promise<readonly Forgery[]> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // RFC 7518 §3.3
  const shortKey = await toSigningKey(privateKey, 'RS256', 'dpop-key');
  const symmetric = { kty: 'oct', k: Buffer.from('secret').toString('base64url') };
  const withoutSecret = { kty: 'RSA', n: Buffer.alloc(MODULUS_BYTES, 0xbb).toString('base64url'), e: 'AQ' };
  type Sign = (header: Part, claims: Part) => string;
  const rows: readonly (readonly [name: string, ForgeryReason, alg: string, jwk: JWK, sign: Sign])[] = [
    [
      'jwk symmetric',
      'proof_alg_not_allowed',
      'HS256',
      symmetric,
      (header, claims) => hmacJws(header, claims, 'secret'),
    ],
    [
      'jwk with a short RSA key',
      'jwk_invalid',
      'RS256',
      publicJwk(shortKey),
      (header, claims) => signedJws(header, claims, shortKey),
    ],
    [
      'jwk with an RSA exponent of 1',
      'jwk_invalid',
      'RS256',
      withoutSecret,
      (header, claims) => unsignedJws(header, claims, padDigest(signingInput(header, claims))),
    ],
  ];
  const forgeries = rows.map(async ([name, reason, alg, jwk, sign]) => {
    const token = await accepted.tokenBoundTo(jwk);
    const request = { ...accepted, token, header: { alg, jwk } };
    const { header, claims } = proofParts(accepted.key, request, accepted.now);
    const proof = sign(header, claims);
    return forgedRequest(name, reason, { Authorization: `DPoP ${token}`, DPoP: proof });
  });
  return Promise.all(forgeries);
}

/** The padded digest that RS256 signs (RFC 8017 §9.2). With the exponent 1 it's the signature. */
function padDigest(input: string): Buffer {
  const digest = Buffer.concat([DIGEST_INFO, hash('sha256', input, 'buffer')]);
  const padding = Buffer.alloc(MODULUS_BYTES - 3 - digest.length, 0xff);
  return Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), digest]);
}
