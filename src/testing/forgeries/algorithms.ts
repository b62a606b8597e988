import type { Algorithm } from '../../options/options.js';
import { hmacJws, signedJws, unsignedJws } from '../forged-jws.js';
import { type AcceptedToken, signWith } from './accepted-token.js';
import { type Forgery, forgedToken } from './forgery.js';

/** Tokens whose header names another algorithm than the issuer's key is for (RFC 8725 §2.1, §3.1). */
export function forgedAlgorithms(accepted: AcceptedToken): readonly Forgery[] {
  return [...unsecured(accepted), ...publicKeyAsSecret(accepted), ...misnamed(accepted)];
}

/** RFC 7518 §3.6: a token without a signature, or with one that nobody looks at. */
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
 * RFC 8725 §2.1: everybody knows the public key, so whoever takes it for an HMAC secret accepts everybody's
 * tokens.
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
  const { algorithm } = accepted.key;
  const named = (alg: unknown): string => signWith(accepted, {}, { alg });
  const sibling = siblingOf(algorithm);
  return [
    forgedToken('alg missing', 'alg_not_allowed', named(undefined)),
    forgedToken('alg in lower case', 'alg_not_allowed', named(algorithm.toLowerCase())),
    forgedToken('alg as an array', 'alg_not_allowed', named([algorithm])),
    forgedToken('alg of another kind of key', 'key_mismatch', named(otherKind(algorithm))),
    ...(sibling === undefined
      ? []
      : [forgedToken('alg that the key can do and is not for', 'key_mismatch', signAs(sibling, accepted))]),
  ];
}

function otherKind(algorithm: Algorithm): Algorithm {
  return algorithm.startsWith('ES') ? 'RS256' : 'ES256';
}

/**
 * Another algorithm that the mathematics of the key allow. Ed25519 keys have none: `EdDSA` is but another
 * name (RFC 9864 §2.2).
 */
function siblingOf(algorithm: Algorithm): Algorithm | undefined {
  if (algorithm.startsWith('ES')) return algorithm === 'ES384' ? 'ES256' : 'ES384';
  if (algorithm.startsWith('RS')) return 'PS256';
  return algorithm.startsWith('PS') ? 'RS256' : undefined;
}

function signAs(algorithm: Algorithm, { header, claims, key }: AcceptedToken): string {
  return signedJws({ ...header, alg: algorithm }, claims, { ...key, algorithm });
}
