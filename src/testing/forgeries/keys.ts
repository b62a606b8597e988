import { X509Certificate } from 'node:crypto';
import { selfSignedCertificate } from '../certificate.js';
import { signedJws } from '../forged-jws.js';
import { unlike } from '../unlike.js';
import { type AcceptedToken, type Changes, type Forgery, forgedToken, signWith } from './forgery.js';

/** Tokens signed by a key that the issuer didn't publish, or that name an unknown key. */
export function forgedKeys(accepted: AcceptedToken): readonly Forgery[] {
  return [...foreignKeys(accepted), ...offeredKeys(accepted), ...unknownKeyIds(accepted)];
}

function foreignKeys({ header, claims, foreignKey }: AcceptedToken): readonly Forgery[] {
  return [
    forgedToken(
      "signed by a foreign key under the issuer's kid",
      'signature_invalid',
      signedJws(header, claims, foreignKey),
    ),
    forgedToken(
      'signed by a foreign key under its own kid',
      'no_matching_key',
      signedJws({ ...header, kid: foreignKey.kid }, claims, foreignKey),
    ),
  ];
}

/**
 * RFC 8725 §3.10: the header offers the key that verifies the signature. All of it is genuine, and the URLs
 * are `data:` URLs that `fetch` reads, so a server that trusts such a header accepts the token, without a
 * network.
 */
function offeredKeys({ header, claims, foreignKey }: AcceptedToken): readonly Forgery[] {
  const certificate = selfSignedCertificate(foreignKey, 'attacker.example');
  const dataUrl = (mediaType: string, content: string): string =>
    `data:${mediaType};base64,${Buffer.from(content).toString('base64')}`;
  const jwkSet = JSON.stringify({ keys: [{ ...foreignKey.jwk, kid: header.kid }, foreignKey.jwk] });
  const offers: Changes = {
    jwk: foreignKey.jwk,
    jku: dataUrl('application/jwk-set+json', jwkSet),
    x5c: [certificate.toString('base64')],
    x5u: dataUrl('application/pem-certificate-chain', new X509Certificate(certificate).toString()),
  };
  return Object.entries(offers).flatMap(([parameter, offer]) => {
    const offering = { ...header, [parameter]: offer };
    return [
      forgedToken(
        `foreign key offered in ${parameter}, under the issuer's kid`,
        'signature_invalid',
        signedJws(offering, claims, foreignKey),
      ),
      forgedToken(
        `foreign key offered in ${parameter}, under its own kid`,
        'no_matching_key',
        signedJws({ ...offering, kid: foreignKey.kid }, claims, foreignKey),
      ),
    ];
  });
}

/** RFC 8725 §3.10: a `kid` is a string to compare, never a path or a member name. */
function unknownKeyIds(accepted: AcceptedToken): readonly Forgery[] {
  const keyIds: readonly (readonly [name: string, kid: unknown])[] = [
    ['unknown', unlike('unknown-key', accepted.key.kid)],
    ['empty', ''],
    ['as a path', '../../../../dev/null'],
    ['as a member of every object', '__proto__'],
    ['as a number', 0],
    ['as an array', [accepted.key.kid]],
    ['null', null],
  ];
  return keyIds
    .filter(([, kid]) => kid !== accepted.key.kid)
    .map(([name, kid]) => forgedToken(`kid ${name}`, 'no_matching_key', signWith(accepted, {}, { kid })));
}
