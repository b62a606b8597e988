import { hash } from 'node:crypto';
import { proofParts, publicJwk } from '../dpop-key.js';
import { hmacJws, type Part, signedJws, signingInput, unsignedJws } from '../forged-jws.js';
import { sign } from '../signing-key.js';
import { unlike } from '../unlike.js';
import type { AcceptedProof } from './accepted-proof.js';
import { breakableKeys } from './breakable-keys.js';
import { type Changes, type Forgery, type ForgeryReason, forgedRequest } from './forgery.js';

/** A proof under a name, and why it must be refused. */
type Row = readonly [name: string, reason: ForgeryReason, proof: string];
type ChangedPart = readonly [name: string, reason: ForgeryReason, changes: Changes];

/** More than the longest time for which a proof can be accepted, in seconds. */
const LONG = 1200;

/** The whole table of forged proofs (RFC 9449 §4.3, §7). */
export async function forgeProofs(accepted: AcceptedProof): Promise<readonly Forgery[]> {
  const rows = [
    ...encodings(accepted),
    ...[...types(), ...algorithms(accepted), ...keys(accepted), ...extensions()].map(changedHeader(accepted)),
    ...[...requests(accepted), ...tokens(accepted), ...times(accepted), ...missing(), ...otherTypes()].map(
      changedClaims(accepted),
    ),
    ...withoutPrivateKey(accepted),
    ...signatures(accepted),
  ];
  return [
    ...schemes(accepted),
    ...(await breakableKeys(accepted)),
    ...rows.map(([name, reason, proof]) =>
      forgedRequest(name, reason, { Authorization: `DPoP ${accepted.token}`, DPoP: proof }),
    ),
  ];
}

/**
 * The proof itself, or with some claims and header parameters changed and then signed by the client's key.
 */
function signProof(accepted: AcceptedProof, claims: Changes = {}, header: Changes = {}): string {
  const parts = proofParts(accepted.key, { ...accepted, claims, header }, accepted.now);
  return signedJws(parts.header, parts.claims, accepted.key);
}

const changedHeader =
  (accepted: AcceptedProof) =>
  ([name, reason, changes]: ChangedPart): Row => [name, reason, signProof(accepted, {}, changes)];

const changedClaims =
  (accepted: AcceptedProof) =>
  ([name, reason, changes]: ChangedPart): Row => [name, reason, signProof(accepted, changes)];

/** RFC 9449 §7: a bound token, the scheme and the proof belong together. */
function schemes(accepted: AcceptedProof): readonly Forgery[] {
  const { token, tokenOfAnother, unboundToken } = accepted;
  const proofFor = (other: string) => signProof({ ...accepted, token: other });
  const proof = proofFor(token);
  const rows: readonly (readonly [string, ForgeryReason, Record<string, string>])[] = [
    ['proof missing', 'missing_proof', { Authorization: `DPoP ${token}` }],
    ['bound token as a bearer token', 'dpop_downgrade', { Authorization: `Bearer ${token}` }],
    [
      'bound token as a bearer token, with its proof',
      'dpop_downgrade',
      { Authorization: `Bearer ${token}`, DPoP: proof },
    ],
    [
      'bound token of another client',
      'jkt_mismatch',
      { Authorization: `DPoP ${tokenOfAnother}`, DPoP: proofFor(tokenOfAnother) },
    ],
    [
      'token that is not bound',
      'token_not_bound',
      { Authorization: `DPoP ${unboundToken}`, DPoP: proofFor(unboundToken) },
    ],
    [
      'token that is not bound, without a proof',
      'token_not_bound',
      { Authorization: `DPoP ${unboundToken}` },
    ],
    ['DPoP without a token', 'malformed_credentials', { Authorization: 'DPoP', DPoP: proof }],
    [
      'DPoP with two tokens',
      'malformed_credentials',
      { Authorization: `DPoP ${token} ${token}`, DPoP: proof },
    ],
  ];
  return rows.map(([name, reason, headers]) => forgedRequest(name, reason, headers));
}

/** RFC 9449 §4.3, numbers 1 and 2. */
function encodings(accepted: AcceptedProof): readonly Row[] {
  const { key } = accepted;
  const { header, claims } = proofParts(key, accepted, accepted.now);
  const proof = signProof(accepted);
  const signed = (first: Part, second: Part): string => signedJws(first, second, key);
  const malformed: Readonly<Record<string, string>> = {
    'proof empty': '',
    'proof opaque': '2YotnFZFEjr1zCsicMWpAA',
    'proof with a scheme in front': `DPoP ${proof}`,
    'proof in quotes': `"${proof}"`,
    'proof of two parts': proof.split('.').slice(0, 2).join('.'),
    'proof of five parts': `${proof}.AAAA.AAAA`,
    'proof padded': `${proof}=`,
    'proof with a header that is an array': signed(`[${JSON.stringify(header)}]`, claims),
    'proof with claims that are an array': signed(header, `[${JSON.stringify(claims)}]`),
    'proof with claims that are not JSON': signed(header, 'claims'),
    'proof with claims behind a byte order mark': signed(header, `\ufeff${JSON.stringify(claims)}`),
    'proof with claims that are not UTF-8': signed(header, Buffer.from('{"jti":"\xff"}', 'latin1')),
    'proof longer than any': signed(header, { ...claims, 'urn:example:extra': 'x'.repeat(6200) }),
    'jti longer than any': signed(header, { ...claims, jti: 'x'.repeat(2000) }),
  };
  return [
    ['two proofs in a list', 'multiple_proofs', `${proof}, ${signProof(accepted)}`],
    ['one proof twice in a list', 'multiple_proofs', `${proof},${proof}`],
    ...Object.entries(malformed).map(([name, text]): Row => [name, 'malformed_proof', text]),
    // A signed JWT of the issuer, without anything that makes a proof.
    ['access token as the proof', 'proof_missing_claim', accepted.token],
  ];
}

/** RFC 9449 §4.3, number 4. */
function types(): readonly ChangedPart[] {
  const others: readonly unknown[] = [undefined, null, 'JWT', 'at+jwt', 'dpop', 'DPoP+JWT', ['dpop+jwt']];
  return others.map((typ) => [`proof with typ ${JSON.stringify(typ)}`, 'proof_typ_mismatch', { typ }]);
}

/** RFC 9449 §4.3, number 5. */
function algorithms({ key }: AcceptedProof): readonly ChangedPart[] {
  const others: readonly unknown[] = [undefined, null, 'none', 'HS256', 'es256', 'ES256K', [key.algorithm]];
  return others.map((alg) => [`proof with alg ${JSON.stringify(alg)}`, 'proof_alg_not_allowed', { alg }]);
}

/** RFC 9449 §4.3, numbers 6 and 7: a public key, in the header itself. */
function keys({ key, foreignKey }: AcceptedProof): readonly ChangedPart[] {
  const jwk = publicJwk(key);
  const set = { keys: [jwk] };
  const rows: Readonly<Record<string, Changes>> = {
    'jwk missing': { jwk: undefined },
    'jwk missing, jku in its place': {
      jwk: undefined,
      jku: `data:application/jwk-set+json,${JSON.stringify(set)}`,
    },
    'jwk missing, kid in its place': { jwk: undefined, kid: key.kid },
    'jwk null': { jwk: null },
    'jwk as a string': { jwk: JSON.stringify(jwk) },
    'jwk as an array': { jwk: [jwk] },
    'jwk as a key set': { jwk: set },
    'jwk with the private key': { jwk: key.privateKey.export({ format: 'jwk' }) },
    'jwk with a private member that is empty': { jwk: { ...jwk, d: '' } },
    'jwk of an unknown type': { jwk: { ...jwk, kty: 'ec' } },
    'jwk of an unknown curve': { jwk: { ...jwk, crv: 'secp256k1' } },
    'jwk of another curve': { jwk: { ...jwk, crv: 'P-384' } },
    'jwk with a point off the curve': { jwk: { ...jwk, y: publicJwk(foreignKey).y } },
    'jwk without a coordinate': { jwk: { ...jwk, y: undefined } },
    'jwk with a coordinate in a list': { jwk: { ...jwk, x: [jwk.x] } },
    'jwk for encryption': { jwk: { ...jwk, use: 'enc' } },
    'jwk for another algorithm': { jwk: { ...jwk, alg: 'ES384' } },
    'jwk of another kind than alg': { alg: 'RS256' },
  };
  return Object.entries(rows).map(([name, changes]) => [name, 'jwk_invalid', changes]);
}

/** RFC 7515 §4.1.11. */
function extensions(): readonly ChangedPart[] {
  return [
    ['proof with crit', 'malformed_proof', { crit: ['urn:example:ext'], 'urn:example:ext': true }],
    ['proof with crit empty', 'malformed_proof', { crit: [] }],
    ['proof with b64 false', 'malformed_proof', { b64: false }],
  ];
}

/** RFC 9449 §4.3, numbers 8 and 9. */
function requests({ method, url }: AcceptedProof): readonly ChangedPart[] {
  const { protocol, host, hostname, port, pathname } = new URL(url);
  const targets: Readonly<Record<string, string>> = {
    'of another host': `${protocol}//${unlike('attacker.example', hostname)}${pathname}`,
    'of another port': `${protocol}//${hostname}:${port === '4443' ? '8443' : '4443'}${pathname}`,
    'of another scheme': `${protocol === 'https:' ? 'http:' : 'https:'}//${host}${pathname}`,
    'with a user name': `${protocol}//user@${host}${pathname}`,
    'with one more slash at the end': `${url}/`,
    'with one more slash at the beginning': `${protocol}//${host}/${pathname}`,
    'with a path below': `${url}/more`,
    'of the server alone': `${protocol}//${host}${unlike('/*', pathname)}`,
    'without scheme': `//${host}${pathname}`,
    'without scheme and host': `${pathname}*`,
    'with a space in front': ` ${url}`,
  };
  const methods: Readonly<Record<string, string>> = {
    'of another method': method === 'DELETE' ? 'PATCH' : 'DELETE',
    'in lower case': method.toLowerCase(),
    'with a space at the end': `${method} `,
  };
  return [
    ...Object.entries(methods).map(([name, htm]): ChangedPart => [`htm ${name}`, 'htm_mismatch', { htm }]),
    ...Object.entries(targets).map(([name, htu]): ChangedPart => [`htu ${name}`, 'htu_mismatch', { htu }]),
  ];
}

/** RFC 9449 §4.3, number 12. */
function tokens({ token, unboundToken }: AcceptedProof): readonly ChangedPart[] {
  const digests: Readonly<Record<string, string>> = {
    'of another token': hash('sha256', unboundToken, 'base64url'),
    'of the token with its scheme': hash('sha256', `DPoP ${token}`, 'base64url'),
    'in hex': hash('sha256', token, 'hex'),
    padded: hash('sha256', token, 'base64'),
    'of SHA-512': hash('sha512', token, 'base64url'),
    'as the token itself': token,
  };
  return Object.entries(digests).map(([name, ath]) => [`ath ${name}`, 'ath_mismatch', { ath }]);
}

/** RFC 9449 §4.3, number 11. */
function times({ now }: AcceptedProof): readonly ChangedPart[] {
  const fixed: readonly ChangedPart[] = [
    ['proof made in 1970', 'proof_expired', { iat: 0 }],
    ['proof made before 1970', 'proof_expired', { iat: -1 }],
    ['proof made in milliseconds', 'proof_in_future', { iat: now * 1000 }],
  ];
  return [
    ['proof made long ago', 'proof_expired', { iat: now - LONG }],
    ['proof made in the future', 'proof_in_future', { iat: now + LONG }],
    // By a clock that was set to 1970 those would be genuine.
    ...(now > LONG ? fixed : []),
    ['proof that says it expired', 'proof_expired', { exp: now - LONG }],
    ['proof that says it begins later', 'proof_in_future', { nbf: now + LONG }],
  ];
}

/** RFC 9449 §4.3, number 3. */
function missing(): readonly ChangedPart[] {
  return ['jti', 'htm', 'htu', 'iat', 'ath'].map((name) => [
    `proof without ${name}`,
    'proof_missing_claim',
    { [name]: undefined },
  ]);
}

function otherTypes(): readonly ChangedPart[] {
  const rows: readonly (readonly [name: string, value: unknown])[] = [
    ['jti', ''],
    ['jti', 42],
    ['htm', ['GET']],
    ['htu', null],
    ['iat', '1'],
    ['iat', null],
    ['iat', [1]],
    ['ath', true],
  ];
  return rows.map(([name, value]) => [
    `proof with ${name} ${JSON.stringify(value)}`,
    'proof_missing_claim',
    { [name]: value },
  ]);
}

/** RFC 9449 §4.3, number 5: algorithms with which anyone can make proofs for the client's key. */
function withoutPrivateKey(accepted: AcceptedProof): readonly Row[] {
  const { key, now } = accepted;
  const { header, claims } = proofParts(key, accepted, now);
  const byHmac = (secret: string | Uint8Array) => hmacJws({ ...header, alg: 'HS256' }, claims, secret);
  const { publicKey } = key;
  const proofs: Readonly<Record<string, string>> = {
    'proof with alg "none" and an empty signature': unsignedJws({ ...header, alg: 'none' }, claims, ''),
    'proof with an HMAC by the public key': byHmac(JSON.stringify(header.jwk)),
    'proof with an HMAC by the public key in PEM': byHmac(
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ),
    'proof with an HMAC by the public key in DER': byHmac(publicKey.export({ type: 'spki', format: 'der' })),
  };
  return Object.entries(proofs).map(([name, proof]) => [name, 'proof_alg_not_allowed', proof]);
}

/** RFC 9449 §4.3, number 6. */
function signatures(accepted: AcceptedProof): readonly Row[] {
  const { key, foreignKey, now } = accepted;
  const { header, claims } = proofParts(key, accepted, now);
  const input = signingInput(header, claims);
  const signature = sign(input, key);
  const altered = { ...claims, 'urn:example:extra': true };
  const proofs: Readonly<Record<string, string>> = {
    'proof signed by another key': signedJws(header, claims, foreignKey),
    'proof with claims altered after signing': unsignedJws(header, altered, signature),
    'proof with the jwk altered after signing': unsignedJws(
      { ...header, jwk: publicJwk(foreignKey) },
      claims,
      signature,
    ),
    'proof without a signature': unsignedJws(header, claims, ''),
    'proof with a signature of zeros': unsignedJws(header, claims, Buffer.alloc(64)),
    'proof with a truncated signature': unsignedJws(header, claims, signature.subarray(1)),
    'proof with a signature in DER': unsignedJws(header, claims, sign(input, key, 'der')),
  };
  return Object.entries(proofs).map(([name, proof]) => [name, 'proof_signature_invalid', proof]);
}
