import {
  constants,
  createHash,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign as signBytes,
} from 'node:crypto';

export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
export const AUDIENCE = 'https://inventory.example.com';
export const CLIENT = 'order-service';
export const SCOPE = 'read:inventory';

/** Longer than any run: no token of a pool may expire while it is measured. */
const LIFETIME_SECONDS = 24 * 3600;

const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', undefined],
};

/** What `crypto.sign` and `crypto.verify` take for each algorithm (RFC 7518 §3.3–3.5, RFC 8037 §3.1). */
const SIGNATURES = {
  RS256: { digest: 'sha256', parameters: {} },
  PS256: { digest: 'sha256', parameters: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  ES256: { digest: 'sha256', parameters: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, parameters: {} },
};

/**
 * The first and third argument of `crypto.sign` and `crypto.verify`. The parameters are members of the key itself: with `{ key, ...parameters }`, as Node
 * documents it, Node 24 takes 9 µs longer.
 */
export function signatureParameters(algorithm, key) {
  const { digest, parameters } = SIGNATURES[algorithm];
  return { digest, key: Object.assign(key, parameters) };
}

export function createSigningKey(algorithm, kid = `${algorithm}-key`) {
  const { privateKey, publicKey } = generateKeyPairSync(...KEY_TYPES[algorithm]);
  return {
    algorithm,
    kid,
    privateKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
    pem: publicKey.export({ format: 'pem', type: 'spki' }),
  };
}

/** An access token as RFC 9068 §2 has it; `claims` and `header` go over the usual ones. */
export function mint(key, issuer, claims = {}, header = {}) {
  const now = Math.floor(Date.now() / 1000);
  return sign(
    key,
    { alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...header },
    {
      iss: issuer,
      aud: AUDIENCE,
      sub: CLIENT,
      client_id: CLIENT,
      iat: now,
      exp: now + LIFETIME_SECONDS,
      jti: randomUUID(),
      scope: `${SCOPE} write:orders`,
      ...claims,
    },
  );
}

function sign(key, header, claims) {
  const input = `${encode(header)}.${encode(claims)}`;
  const { digest, key: signingKey } = signatureParameters(key.algorithm, key.privateKey);
  return `${input}.${signBytes(digest, Buffer.from(input), signingKey).toString('base64url')}`;
}

/** A proof of possession for a GET request with this token (RFC 9449 §4.2). */
export function mintProof(key, url, token) {
  const { kty, crv, x, y, n, e } = key.jwk;
  return sign(
    key,
    { typ: 'dpop+jwt', alg: key.algorithm, jwk: { kty, crv, x, y, n, e } },
    {
      jti: randomUUID(),
      htm: 'GET',
      htu: url,
      iat: Math.floor(Date.now() / 1000),
      ath: createHash('sha256').update(token).digest('base64url'),
    },
  );
}

/** What `"jkt"` of a token says that is bound to this key (RFC 7638). */
export function thumbprintOf({ jwk: { kty, crv, x, y, n, e } }) {
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** `count` tokens that differ in their `"jti"` alone. */
export function mintMany(count, key, issuer, claims, header) {
  return Array.from({ length: count }, () => mint(key, issuer, claims, header));
}

/** What every contestant must refuse before it is measured. Signed right where only a claim is wrong. @param header as of `mint` */
export function forgeries(key, issuer, header) {
  const now = Math.floor(Date.now() / 1000);
  const foreignKey = createSigningKey(key.algorithm, key.kid);
  return {
    'a forged token': mint(foreignKey, issuer, {}, header),
    'an expired token': mint(key, issuer, { iat: now - 7200, exp: now - 3600 }, header),
    'a token for another audience': mint(key, issuer, { aud: 'https://other.example.com' }, header),
  };
}

/**
 * Tokens that are refused without a look at any key, or at least could be. Each call makes others, so that nobody can remember them.
 */
export const garbage = {
  'text without dots': () => randomBytes(300).toString('base64url'),
  'three random segments': () =>
    [30, 200, 64].map((size) => randomBytes(size).toString('base64url')).join('.'),
  'alg none': (_key, issuer) => `${encode({ alg: 'none' })}.${encode({ iss: issuer, jti: randomUUID() })}.`,
  'a header and noise': (key) =>
    `${encode({ alg: key.algorithm, kid: key.kid })}.${randomBytes(200).toString('base64url')}.${noise(key)}`,
};

/** Well-formed tokens that do not hold. */
export const refusable = {
  'expired, of a trusted issuer': (key, issuer) =>
    mint(key, issuer, { exp: Math.floor(Date.now() / 1000) - 3600 }),
  'of another issuer': (key) => mint(key, 'https://other.example.com'),
  'with a wrong signature': (key, issuer) => withSignature(mint(key, issuer), noise(key)),
};

/** Tokens that name a key that does not exist, each another one. */
export function withUnknownKid(count, key, issuer) {
  const template = mint(key, issuer).split('.');
  return Array.from({ length: count }, () =>
    [encode({ alg: key.algorithm, typ: 'at+jwt', kid: randomUUID() }), template[1], template[2]].join('.'),
  );
}

function encode(json) {
  return Buffer.from(JSON.stringify(json)).toString('base64url');
}

/** Bytes of the length of a signature. Cut from digests, since a flood needs many of them. */
function noise({ algorithm }) {
  const length = KEY_TYPES[algorithm][0] === 'rsa' ? 256 : 64;
  let bytes = createHash('sha512').update(randomUUID()).digest();
  while (bytes.length < length) bytes = Buffer.concat([bytes, bytes]);
  return bytes.subarray(0, length).toString('base64url');
}

function withSignature(token, signature) {
  return `${token.slice(0, token.lastIndexOf('.'))}.${signature}`;
}
