import { generateKeyPairSync } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { exportJWK, type JWK } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { channels, type DecisionMessage } from '../../../src/diagnostics.js';
import { createConfiguredKeySet } from '../../../src/issuer/configured-keys.js';
import type { Issuer } from '../../../src/issuer/issuer.js';
import type { KeySet } from '../../../src/issuer/key-set.js';
import { TrustedIssuers } from '../../../src/issuer/trusted-issuers.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import type { TrustedIssuer } from '../../../src/options/trusted-issuer.js';
import { createResourceServer } from '../../../src/resource-server.js';
import type { Algorithm } from '../../../src/terms.js';
import {
  encodePart,
  hmacJws,
  type Part,
  signedJws,
  signInput,
  unsignedJws,
} from '../../../src/testing/forged-jws.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { generateSigningKey, type SigningKey, sign } from '../../../src/testing/signing-key.js';
import { ScopeReader } from '../../../src/verification/granted-scopes.js';
import { JwtVerifier } from '../../../src/verification/jwt.js';
import { listenTo } from '../../support/listen-to.js';
import { outcomeOf } from '../../support/outcome.js';
import { AUDIENCE, ISSUER, resolvedIssuer } from '../../support/resolved-issuer.js';

function verifierOf(issuer: Issuer, clock: () => number): JwtVerifier {
  const runtime = { clock, clockToleranceSeconds: 0, fetch: globalThis.fetch, allowInsecureRequests: false };
  const issuers = new TrustedIssuers([issuer], undefined, runtime);
  return new JwtVerifier({ ...runtime, issuers }, new ScopeReader());
}

const CLOCK = () => Date.parse('2030-01-01T00:00:00Z');
const NOW = CLOCK() / 1000;

const rsa = await generateSigningKey('RS256', 'rsa');
const p256 = await generateSigningKey('ES256', 'p256');
const p384 = await generateSigningKey('ES384', 'p384');
const ed25519 = await generateSigningKey('EdDSA', 'ed25519');
const foreign = await generateSigningKey('ES256', 'foreign');

const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', client_id: 'web', exp: NOW + 300 };

/**
 * The key under another name for what it does; its public part without the members of `changes` that are
 * undefined.
 */
function publish({ jwk }: SigningKey, changes: Partial<Record<keyof JWK, unknown>> = {}): JWK {
  return Object.fromEntries(
    Object.entries({ ...jwk, ...changes }).filter(([, value]) => value !== undefined),
  );
}

const withoutAlg = (key: SigningKey): JWK => publish(key, { alg: undefined });

interface Trust extends Partial<Omit<ResourceServerOptions, 'issuer'>> {
  readonly issuer?: Partial<TrustedIssuer>;
}

function serverWith(keys: readonly JWK[], { issuer, ...options }: Trust = {}) {
  return createResourceServer({
    issuer: { issuer: ISSUER, jwks: () => ({ keys: [...keys] }), ...issuer },
    audience: AUDIENCE,
    clock: CLOCK,
    clockToleranceSeconds: 0,
    ...options,
  });
}

/** A token by `key`, signed as `alg` says, which the header says too. */
function tokenBy(
  key: SigningKey,
  alg: Algorithm = key.algorithm,
  header: Record<string, unknown> = {},
): string {
  return signedJws({ alg, typ: 'at+jwt', kid: key.kid, ...header }, claims, { ...key, algorithm: alg });
}

describe('the algorithm', () => {
  it.each([
    [
      'HS256',
      'a public key as the secret',
      hmacJws({ alg: 'HS256', kid: 'p256' }, claims, JSON.stringify(p256.jwk)),
    ],
    ['none', 'no signature', unsignedJws({ alg: 'none' }, claims, '')],
    ['NONE', 'no signature', unsignedJws({ alg: 'NONE' }, claims, '')],
    ['es256', 'lower case', signedJws({ alg: 'es256', kid: 'p256' }, claims, p256)],
    ['ES256K', 'another curve', signedJws({ alg: 'ES256K', kid: 'p256' }, claims, p256)],
    ['ML-DSA-44', 'another family', signedJws({ alg: 'ML-DSA-44', kid: 'p256' }, claims, p256)],
    ['RSA-OAEP', 'encryption', signedJws({ alg: 'RSA-OAEP', enc: 'A256GCM' }, claims, p256)],
    ['RSA1_5', 'encryption', signedJws({ alg: 'RSA1_5', enc: 'A256GCM' }, claims, p256)],
    ['dir', 'encryption', signedJws({ alg: 'dir', enc: 'A256GCM' }, claims, p256)],
    ['constructor', 'a member of every object', signedJws({ alg: 'constructor' }, claims, p256)],
    ['', 'nothing', signedJws({ alg: '' }, claims, p256)],
    [['ES256'], 'an array', signedJws({ alg: ['ES256'], kid: 'p256' }, claims, p256)],
    [null, 'null', signedJws({ alg: null, kid: 'p256' }, claims, p256)],
  ])(
    'refuses %j: %s',
    { tags: ['JWT-01', 'JWT-02', 'JWT-03', 'JWT-26', 'JWT-29', 'JWT-30'] },
    async (_alg, _what, token) => {
      expect(await outcomeOf(serverWith([publish(p256)]), token)).toBe('alg_not_allowed');
    },
  );

  it('must be on the list', { tags: ['JWT-01'] }, async () => {
    const server = serverWith([publish(p256), publish(p384)], { algorithms: ['ES256'] });
    expect(await outcomeOf(server, tokenBy(p256))).toBe('allowed');
    expect(await outcomeOf(server, tokenBy(p384))).toBe('alg_not_allowed');
  });

  it('must be on the list of the very issuer', { tags: ['JWT-01'] }, async () => {
    const other = 'https://other.example.com';
    const jwks = { keys: [publish(p256), publish(p384)] };
    const server = createResourceServer({
      issuer: [
        { issuer: ISSUER, jwks, algorithms: ['ES256'] },
        { issuer: other, jwks, algorithms: ['ES384'] },
      ],
      audience: AUDIENCE,
      clock: CLOCK,
    });
    const signed = (key: SigningKey, iss: string) =>
      outcomeOf(server, signedJws({ alg: key.algorithm, kid: key.kid }, { ...claims, iss }, key));
    expect(await signed(p256, ISSUER)).toBe('allowed');
    expect(await signed(p384, other)).toBe('allowed');
    expect(await signed(p384, ISSUER)).toBe('alg_not_allowed');
    expect(await signed(p256, other)).toBe('alg_not_allowed');
  });

  it.each([
    { title: 'PS256 with an RS256 key', key: rsa, alg: 'PS256', jwk: publish(rsa), expected: 'key_mismatch' },
    { title: 'RS512 with an RS256 key', key: rsa, alg: 'RS512', jwk: publish(rsa), expected: 'key_mismatch' },
    {
      title: 'PS256 with an RSA key for anything',
      key: rsa,
      alg: 'PS256',
      jwk: withoutAlg(rsa),
      expected: 'allowed',
    },
    {
      title: 'RS512 with an RSA key for anything',
      key: rsa,
      alg: 'RS512',
      jwk: withoutAlg(rsa),
      expected: 'allowed',
    },
    {
      title: 'RS256 with a key for encryption',
      key: rsa,
      alg: 'RS256',
      jwk: publish(rsa, { alg: 'RSA-OAEP' }),
      expected: 'no_matching_key',
    },
    {
      title: 'ES384 with a P-256 key',
      key: p256,
      alg: 'ES384',
      jwk: publish(p256),
      expected: 'key_mismatch',
    },
    {
      title: 'ES384 with a P-256 key for anything',
      key: p256,
      alg: 'ES384',
      jwk: withoutAlg(p256),
      expected: 'key_mismatch',
    },
    {
      title: 'ES256 with a P-384 key for anything',
      key: p384,
      alg: 'ES256',
      jwk: withoutAlg(p384),
      expected: 'key_mismatch',
    },
    {
      title: 'ES256 with a P-256 key that says ES384',
      key: p256,
      alg: 'ES256',
      jwk: publish(p256, { alg: 'ES384' }),
      expected: 'no_matching_key',
    },
    {
      title: 'EdDSA with an EdDSA key',
      key: ed25519,
      alg: 'EdDSA',
      jwk: publish(ed25519),
      expected: 'allowed',
    },
    {
      title: 'Ed25519 with an EdDSA key',
      key: ed25519,
      alg: 'Ed25519',
      jwk: publish(ed25519),
      expected: 'allowed',
    },
    {
      title: 'EdDSA with an Ed25519 key',
      key: ed25519,
      alg: 'EdDSA',
      jwk: publish(ed25519, { alg: 'Ed25519' }),
      expected: 'allowed',
    },
    {
      title: 'Ed25519 with an Ed25519 key',
      key: ed25519,
      alg: 'Ed25519',
      jwk: publish(ed25519, { alg: 'Ed25519' }),
      expected: 'allowed',
    },
    {
      title: 'EdDSA with a key for anything',
      key: ed25519,
      alg: 'EdDSA',
      jwk: withoutAlg(ed25519),
      expected: 'allowed',
    },
    {
      title: 'ES256 by the name of an Ed25519 key',
      key: { ...p256, kid: 'ed25519' },
      alg: 'ES256',
      jwk: withoutAlg(ed25519),
      expected: 'key_mismatch',
    },
  ] as const)('$title: $expected', { tags: ['JWT-05', 'JWT-29'] }, async ({ key, alg, jwk, expected }) => {
    // The second key makes sure that the set is never empty, and that it is the named key that counts.
    expect(await outcomeOf(serverWith([jwk, publish(foreign)]), tokenBy(key, alg))).toBe(expected);
  });

  it('accepts Ed25519 under the listed name only', { tags: ['JWT-29'] }, async () => {
    const server = serverWith([publish(ed25519)], { algorithms: ['Ed25519'] });
    expect(await outcomeOf(server, tokenBy(ed25519, 'Ed25519'))).toBe('allowed');
    expect(await outcomeOf(server, tokenBy(ed25519, 'EdDSA'))).toBe('alg_not_allowed');
  });
});

describe('the key', () => {
  it.each([
    [{ use: 'enc' }],
    [{ use: '' }],
    [{ use: undefined, key_ops: ['encrypt'] }],
    [{ use: undefined, key_ops: [] }],
    [{ use: undefined, key_ops: 'verify' }],
    [{ use: 'sig', key_ops: ['sign'] }],
  ])('is not for verifying when it says %j', { tags: ['JWT-06'] }, async (changes) => {
    const server = serverWith([publish(p256, changes), publish(foreign)]);
    expect(await outcomeOf(server, tokenBy(p256))).toBe('no_matching_key');
  });

  it.each([
    [{ use: 'sig' }],
    [{ use: undefined }],
    [{ use: undefined, key_ops: ['verify'] }],
    [{ use: 'sig', key_ops: ['sign', 'verify'] }],
  ])('is for verifying when it says %j', { tags: ['JWT-06'] }, async (changes) => {
    expect(await outcomeOf(serverWith([publish(p256, changes)]), tokenBy(p256))).toBe('allowed');
  });

  it.each([1024, 2040])(
    'is refused when it is an RSA key of %i bits',
    { tags: ['JWT-07'] },
    async (modulusLength) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
      const jwk = { ...(await exportJWK(publicKey)), kid: 'short', alg: 'RS256' };
      const short: SigningKey = { kid: 'short', algorithm: 'RS256', privateKey, publicKey, jwk };
      expect(await outcomeOf(serverWith([jwk]), tokenBy(short))).toBe('key_rejected');
      expect(await outcomeOf(serverWith([jwk, publish(p256)]), tokenBy(p256))).toBe('allowed');
    },
  );

  it.each([
    'unknown',
    '',
    '../../../etc/passwd',
    "' OR 1=1 --",
    'https://attacker.example/jwks',
    '__proto__',
    'constructor',
    'P256',
    'p256 ',
    'x'.repeat(8000),
    null,
    0,
    true,
    ['p256'],
    { kid: 'p256' },
  ])('is not found by the kid %j', { tags: ['JWT-19'] }, async (kid) => {
    const server = serverWith([publish(p256)]);
    expect(await outcomeOf(server, tokenBy(p256, 'ES256', { kid }))).toBe('no_matching_key');
  });

  it('may be named like a member of every object', { tags: ['JWT-19'] }, async () => {
    const server = serverWith([publish(p256, { kid: '__proto__' }), publish(foreign)]);
    expect(await outcomeOf(server, tokenBy({ ...p256, kid: '__proto__' }))).toBe('allowed');
    expect(await outcomeOf(server, tokenBy({ ...foreign, kid: '__proto__' }))).toBe('signature_invalid');
  });

  it('is the only one that fits if the token names none', { tags: ['JWT-20'] }, async () => {
    const nameless = tokenBy(p256, 'ES256', { kid: undefined });
    expect(await outcomeOf(serverWith([publish(p256), publish(p384), publish(rsa)]), nameless)).toBe(
      'allowed',
    );
    expect(await outcomeOf(serverWith([publish(p256), publish(foreign)]), nameless)).toBe('ambiguous_key');
    expect(await outcomeOf(serverWith([publish(p384)]), nameless)).toBe('no_matching_key');
  });

  it.each(['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256'])(
    'is not taken from %s in the header, and nothing is fetched for it',
    { tags: ['JWT-17', 'KEY-10'] },
    async (parameter) => {
      const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json({ keys: [p256.jwk] }));
      const server = serverWith([], {
        issuer: { jwks: undefined, jwksUri: `${ISSUER}/jwks` },
        fetch,
      } as unknown as Trust); // an explicit undefined stands for an absent option
      const offers: Record<string, unknown> = {
        jwk: foreign.jwk,
        jku: 'https://attacker.example/jwks',
        x5u: 'https://attacker.example/certificate',
        x5c: ['MIIB'],
        x5t: 'AAAA',
        'x5t#S256': 'AAAA',
      };
      const header = { [parameter]: offers[parameter] };
      expect(await outcomeOf(server, tokenBy(p256, 'ES256', header))).toBe('allowed');
      const forged = tokenBy({ ...foreign, kid: 'p256' }, 'ES256', header);
      expect(await outcomeOf(server, forged)).toBe('signature_invalid');
      expect(new Set(fetch.mock.calls.map(([url]) => url))).toEqual(new Set([`${ISSUER}/jwks`]));
    },
  );
});

describe('the signature', () => {
  const N = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'); // the order of P-256
  const input = `${encodePart({ alg: 'ES256', typ: 'at+jwt', kid: 'p256' })}.${encodePart(claims)}`;
  const signature = sign(input, p256);
  const number = (value: bigint, bytes = 32): Buffer =>
    Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  const integer = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
  const withSignature = (bytes: Buffer): string => `${input}.${bytes.toString('base64url')}`;
  const server = serverWith([publish(p256)]);

  it('is accepted as it is', { tags: ['JWT-08'] }, async () => {
    expect(await outcomeOf(server, withSignature(signature))).toBe('allowed');
  });

  it.each([
    ['r zero', Buffer.concat([number(0n), s])],
    ['s zero', Buffer.concat([r, number(0n)])],
    ['both zero', Buffer.alloc(64)],
    ['r = n', Buffer.concat([number(N), s])],
    ['s = n', Buffer.concat([r, number(N)])],
    ['both n', Buffer.concat([number(N), number(N)])],
    ['both one', Buffer.concat([number(1n), number(1n)])],
    ['r + n', Buffer.concat([number((integer(r) + N) % 2n ** 256n), s])],
    ['all bits set', Buffer.alloc(64, 0xff)],
    ['r and s swapped', Buffer.concat([s, r])],
    ['empty', Buffer.alloc(0)],
    ['63 bytes', signature.subarray(0, 63)],
    ['65 bytes', Buffer.concat([signature, Buffer.of(0)])],
    ['a zero byte before', Buffer.concat([Buffer.of(0), signature])],
    ['r alone', r],
    ['as wide as for P-384', Buffer.concat([number(integer(r), 48), number(integer(s), 48)])],
    ['as wide as for P-521', Buffer.concat([number(integer(r), 66), number(integer(s), 66)])],
    ['in DER', sign(input, p256, 'der')],
  ])('is refused: %s', { tags: ['JWT-09', 'JWT-08'] }, async (_, bytes) => {
    expect(await outcomeOf(server, withSignature(bytes))).toBe('signature_invalid');
  });

  it('verifies in its malleated form too, which says the same', { tags: ['JWT-10'] }, async () => {
    const malleated = withSignature(Buffer.concat([r, number(N - integer(s))]));
    expect(malleated).not.toBe(withSignature(signature));
    const [one, other] = await Promise.all([
      server.verify(withSignature(signature)),
      server.verify(malleated),
    ]);
    expect(other).toEqual(one);
  });

  it.each([rsa, p384, ed25519])(
    'is refused in any other length: $algorithm',
    { tags: ['JWT-08'] },
    async (key) => {
      const others = serverWith([publish(key)]);
      const token = tokenBy(key);
      const [header, content, last = ''] = token.split('.');
      const bytes = Buffer.from(last, 'base64url');
      expect(await outcomeOf(others, token)).toBe('allowed');
      for (const changed of [
        bytes.subarray(1),
        bytes.subarray(0, -1),
        Buffer.concat([Buffer.of(0), bytes]),
        Buffer.concat([bytes, Buffer.of(0)]),
        Buffer.alloc(bytes.length),
        Buffer.alloc(0),
      ]) {
        const forged = `${header}.${content}.${changed.toString('base64url')}`;
        expect(await outcomeOf(others, forged)).toBe('signature_invalid');
      }
    },
  );

  it('is valid for exactly this header and these claims', { tags: ['ATP-10'] }, async () => {
    const [, , last] = tokenBy(p256).split('.');
    const header = encodePart({ alg: 'ES256', typ: 'at+jwt', kid: 'p256' });
    expect(await outcomeOf(server, `${header}.${encodePart({ ...claims, sub: 'root' })}.${last}`)).toBe(
      'signature_invalid',
    );
    // The same claims in other words are other bytes.
    expect(await outcomeOf(server, `${header}.${encodePart(`${JSON.stringify(claims)} `)}.${last}`)).toBe(
      'signature_invalid',
    );
  });
});

describe('header and claims', () => {
  const server = serverWith([publish(p256)]);
  const signed = (header: Part, content: Part = claims) =>
    outcomeOf(server, signedJws(header, content, p256));
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'p256' };

  it.each([
    { crit: ['exp'] },
    { crit: [] },
    { crit: null },
    { crit: 'b64' },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { b64: false },
    { b64: null },
    { b64: 'true' },
  ])('refuses the extension %j', { tags: ['JWT-15', 'JWT-16'] }, async (extension) => {
    expect(await signed({ ...header, ...extension })).toBe('crit_unsupported');
  });

  it('accepts b64: true, which changes nothing', { tags: ['JWT-16'] }, async () => {
    expect(await signed({ ...header, b64: true })).toBe('allowed');
  });

  it('takes the last of repeated members, in header and claims alike', { tags: ['JWT-14'] }, async () => {
    const repeated = (json: object, first: string): string => `{${first},${JSON.stringify(json).slice(1)}`;
    expect(await signed(repeated(header, '"alg":"none"'))).toBe('allowed');
    expect(await signed(`${JSON.stringify(header).slice(0, -1)},"alg":"none"}`)).toBe('alg_not_allowed');
    expect(await signed(header, repeated(claims, '"aud":"urn:other"'))).toBe('allowed');
    expect(await signed(header, `${JSON.stringify(claims).slice(0, -1)},"aud":"urn:other"}`)).toBe(
      'aud_mismatch',
    );
    const auth = await server.verify(signedJws(header, repeated(claims, '"sub":"root"'), p256));
    expect([auth.subject, auth.claims.sub]).toEqual(['alice', 'alice']);
  });

  it.each(['1e999', '-1e999', '1e400', '9007199254740993', '"1900000000"'])(
    'refuses exp %s, however it is spelled',
    { tags: ['JWT-21'] },
    async (exp) => {
      expect(await signed(header, `${JSON.stringify(claims).slice(0, -1)},"exp":${exp}}`)).toBe(
        'invalid_claim',
      );
    },
  );

  it('refuses a token within a token', { tags: ['JWT-28'] }, async () => {
    const inner = tokenBy(p256);
    expect(await signed({ ...header, cty: 'JWT' }, inner)).toBe('malformed_token');
    expect(await signed({ ...header, cty: 'JWT' }, JSON.stringify(inner))).toBe('malformed_token');
  });

  it('decompresses nothing', { tags: ['JWT-27'] }, async () => {
    const deflated = deflateRawSync(JSON.stringify(claims));
    expect(await signed({ ...header, zip: 'DEF' }, deflated)).toBe('malformed_token');
  });

  it('refuses a genuine token that is too large', { tags: ['JWT-25'] }, async () => {
    expect(await signed(header, { ...claims, filler: 'x'.repeat(12_500) })).toBe('token_too_large');
    expect(await signed(header, { ...claims, filler: 'x'.repeat(11_500) })).toBe('allowed');
  });

  it('compares times with the clock to the millisecond', { tags: ['OPS-19'] }, async () => {
    let now = NOW;
    const exact = serverWith([publish(p256)], { clock: () => now * 1000, clockToleranceSeconds: 0 });
    const token = signedJws(header, { ...claims, nbf: NOW, iat: NOW, exp: NOW + 9.5 }, p256);
    const outcomes: string[] = [];
    for (now of [NOW - 0.001, NOW, NOW + 9.499, NOW + 9.5]) outcomes.push(await outcomeOf(exact, token));
    expect(outcomes).toEqual(['not_yet_valid', 'allowed', 'allowed', 'expired']);
  });

  it('tolerates five seconds unless told otherwise', { tags: ['JWT-23'] }, async () => {
    let now = NOW;
    const usual = serverWith([publish(p256)], { clock: () => now * 1000 });
    const untold = createResourceServer({
      issuer: { issuer: ISSUER, jwks: { keys: [publish(p256)] } },
      audience: AUDIENCE,
      clock: () => now * 1000,
    });
    const token = signedJws(header, { ...claims, exp: NOW }, p256);
    now = NOW + 4.999;
    expect(await outcomeOf(untold, token)).toBe('allowed');
    expect(await outcomeOf(usual, token)).toBe('expired');
    now = NOW + 5;
    expect(await outcomeOf(untold, token)).toBe('expired');
  });
});

describe('several issuers', () => {
  const one = 'https://one.example.com';
  const two = 'https://two.example.com/tenant';

  async function setUp() {
    const lookUps: string[] = [];
    const trust = (issuer: string, key: SigningKey, options: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
      issuer,
      jwks: () => {
        lookUps.push(issuer);
        return { keys: [publish(key, { kid: 'same' })] };
      },
      ...options,
    });
    const server = createResourceServer({
      issuer: [trust(one, p256), trust(two, foreign, { audience: 'urn:two', tokenType: 'at+jwt' })],
      audience: AUDIENCE,
      clock: CLOCK,
    });
    const signed = (key: SigningKey, changes: Record<string, unknown>, typ = 'at+jwt') =>
      outcomeOf(
        server,
        signedJws({ alg: 'ES256', typ, kid: 'same' }, { ...claims, iat: NOW, jti: '1', ...changes }, key),
      );
    return { signed, lookUps };
  }

  it('each have their own keys, even under the same kid', { tags: ['JWT-18'] }, async () => {
    const { signed } = await setUp();
    expect(await signed(p256, { iss: one })).toBe('allowed');
    expect(await signed(foreign, { iss: two, aud: 'urn:two' })).toBe('allowed');
    expect(await signed(foreign, { iss: one })).toBe('signature_invalid');
    expect(await signed(p256, { iss: two, aud: 'urn:two' })).toBe('signature_invalid');
  });

  it('each have their own audience and token type', { tags: ['JWT-18'] }, async () => {
    const { signed } = await setUp();
    expect(await signed(p256, { iss: one, aud: 'urn:two' })).toBe('aud_mismatch');
    expect(await signed(foreign, { iss: two })).toBe('aud_mismatch');
    expect(await signed(p256, { iss: one }, 'JWT')).toBe('allowed');
    expect(await signed(foreign, { iss: two, aud: 'urn:two' }, 'JWT')).toBe('typ_mismatch');
  });

  it.each([
    'https://three.example.com',
    'https://one.example.com/',
    'https://two.example.com/tenant/',
    'https://ONE.example.com',
    'https://one.example.com:443',
    'https://two.example.com/tenant/../tenant',
    'https://two.example.com/%74enant',
    'one.example.com',
    '',
    '__proto__',
    'constructor',
    undefined,
    null,
    42,
    [one],
    [one, two],
    { [one]: true },
  ])(
    "aren't guessed: iss %j is refused, and no key is asked for",
    { tags: ['ATP-02', 'JWT-18'] },
    async (iss) => {
      const { signed, lookUps } = await setUp();
      expect(await signed(p256, { iss })).toBe('iss_mismatch');
      expect(lookUps).toEqual([]);
    },
  );

  it('are asked for their keys only when a token names them', { tags: ['JWT-18'] }, async () => {
    const { signed, lookUps } = await setUp();
    await signed(p256, { iss: one });
    expect(lookUps).toEqual([one]);
  });

  it.each([
    [ISSUER, `${ISSUER}/`],
    [`${ISSUER}/`, ISSUER],
    [`${ISSUER}/tenant`, `${ISSUER}/tenant/`],
  ])(
    'are named in the diagnostics when %s and %s differ by a slash',
    { tags: ['ATP-02'] },
    async (configured, sent) => {
      const messages = listenTo<DecisionMessage>(channels.decision);
      const server = serverWith([publish(p256)], { issuer: { issuer: configured } });
      expect(await outcomeOf(server, signedJws({ alg: 'ES256' }, { ...claims, iss: sent }, p256))).toBe(
        'iss_mismatch',
      );
      expect(await outcomeOf(server, signedJws({ alg: 'ES256' }, { ...claims, iss: 'urn:x' }, p256))).toBe(
        'iss_mismatch',
      );
      expect(messages.map(({ hint }) => hint)).toEqual([
        'the issuer differs from a configured one only by a trailing slash',
        undefined,
      ]);
    },
  );
});

describe('the order of checks', () => {
  it("asks for no key if the token can't be valid", { tags: ['OPS-06'] }, async () => {
    const jwks = vi.fn(() => ({ keys: [publish(p256)] }));
    const server = serverWith([], { issuer: { jwks } });
    const issuer = await createTestIssuer({ issuer: ISSUER, audience: AUDIENCE, clock: CLOCK });
    const needKeys = [
      'signature_invalid',
      'no_matching_key',
      'key_mismatch',
      'unsupported_confirmation',
      'dpop_downgrade',
    ];
    const cheap = (await issuer.forgeries()).filter(({ reason }) => !needKeys.includes(reason));
    for (const { headers } of cheap) {
      await server.authenticate(new Request('https://api.example.com/', { headers: { ...headers } }));
    }
    expect(cheap.length).toBeGreaterThan(60);
    expect(jwks).not.toHaveBeenCalled();
  });

  it("doesn't blame the token for a bug", { tags: ['OPS-10'] }, async () => {
    const notAKey = { ...p256, signatureKey: () => Object.create(null) };
    const broken = { findNow: () => notAKey } as unknown as KeySet; // what a bug of ours would make of a key
    const verifier = verifierOf({ ...resolvedIssuer(), keySet: broken }, CLOCK);
    await expect(async () => verifier.verify(tokenBy(p256))).rejects.toThrow(TypeError);
  });

  it("doesn't blame the token for an outage", { tags: ['JWT-32', 'OPS-10'] }, async () => {
    const server = serverWith([], { issuer: { jwks: () => Promise.reject(new Error('down')) } });
    expect(await outcomeOf(server, tokenBy(p256))).toBe('jwks_unavailable');
  });
});

describe('isAccessToken', () => {
  const bare = { iss: ISSUER, aud: AUDIENCE, exp: NOW + 300, kind: 'access' };
  const signed = (content: Record<string, unknown>, typ: string | undefined = 'JWT') =>
    signedJws({ alg: 'ES256', kid: 'p256', typ }, content, p256);

  it('decides about a token without the usual marks', { tags: ['ATP-17'] }, async () => {
    const isAccessToken = vi.fn<NonNullable<TrustedIssuer['isAccessToken']>>(
      (_header, { kind }) => kind === 'access',
    );
    const server = serverWith([publish(p256)], { issuer: { isAccessToken } });
    expect(await outcomeOf(server, signed(bare))).toBe('allowed');
    expect(await outcomeOf(server, signed({ ...bare, kind: 'id' }))).toBe('not_an_access_token');
    expect(isAccessToken.mock.calls[0]).toEqual([{ alg: 'ES256', kid: 'p256', typ: 'JWT' }, bare]);
  });

  it('can refuse a token with the usual marks', { tags: ['ATP-17'] }, async () => {
    const server = serverWith([publish(p256)], { issuer: { isAccessToken: () => false } });
    expect(await outcomeOf(server, tokenBy(p256))).toBe('not_an_access_token');
  });

  it('sees nothing but verified tokens, and cannot change them', { tags: ['OPS-09'] }, async () => {
    const seen: unknown[] = [];
    const isAccessToken: TrustedIssuer['isAccessToken'] = (header, content) => {
      seen.push(header, content);
      expect(() => Object.assign(content, { sub: 'root' })).toThrow(TypeError);
      return true;
    };
    const server = serverWith([publish(p256)], { issuer: { isAccessToken } });
    expect(await outcomeOf(server, signedJws({ alg: 'ES256', kid: 'p256' }, claims, foreign))).toBe(
      'signature_invalid',
    );
    expect(seen).toEqual([]);
    expect(await outcomeOf(server, tokenBy(p256))).toBe('allowed');
    expect(seen.map((value) => Object.isFrozen(value))).toEqual([true, true]);
  });
});

describe('the access token', () => {
  const verify = (content: Record<string, unknown>, issuer: Partial<TrustedIssuer> = {}) =>
    serverWith([publish(p256)], { issuer }).verify(
      signedJws({ alg: 'ES256', typ: 'at+jwt', kid: 'p256' }, { ...claims, ...content }, p256),
    );

  it('keeps user and client apart', { tags: ['ATP-13'] }, async () => {
    const { issuer, subject, clientId, audience, expiresAt, scopes } = await verify({
      scope: 'read write read',
    });
    expect({ issuer, subject, clientId, audience, expiresAt, scopes }).toEqual({
      issuer: ISSUER,
      subject: 'alice',
      clientId: 'web',
      audience: [AUDIENCE],
      expiresAt: NOW + 300,
      scopes: ['read', 'write'],
    });
  });

  it('names who acts by the outermost act, and keeps those before it readable', {
    tags: ['ATP-13'],
  }, async () => {
    const act = { sub: 'orders', client_id: 'order-service', act: { sub: 'shop' } };
    const auth = await verify({ act });
    expect(auth.actor).toEqual({ subject: 'orders', issuer: undefined, clientId: 'order-service' });
    expect(auth).toMatchObject({ subject: 'alice', clientId: 'web', claims: { act } });
    expect(Object.isFrozen(auth.actor)).toBe(true);
    for (const absent of [undefined, null]) expect((await verify({ act: absent })).actor).toBeUndefined();
  });

  it('grants nothing if a claim is missing', { tags: ['ATP-15', 'SCP-05'] }, async () => {
    const auth = await verify({ sub: undefined, client_id: undefined });
    expect(auth.subject).toBeUndefined();
    expect(auth.clientId).toBeUndefined();
    expect(auth.scopes).toEqual([]);
  });

  it.each([
    { title: 'a string', claim: undefined, content: { scope: 'a b' }, expected: ['a', 'b'] },
    { title: 'an array by default', claim: undefined, content: { scope: ['a'] }, expected: [] },
    { title: 'an object', claim: undefined, content: { scope: { a: true } }, expected: [] },
    { title: 'null', claim: undefined, content: { scope: null }, expected: [] },
    {
      title: 'other claims by default',
      claim: undefined,
      content: { scp: 'a', roles: ['b'], permissions: ['c'] },
      expected: [],
    },
    {
      title: 'an array where the option names scope',
      claim: 'scope',
      content: { scope: ['a', 'b'] },
      expected: ['a', 'b'],
    },
    { title: 'a string claim', claim: 'scp', content: { scp: 'a b', scope: 'c' }, expected: ['a', 'b'] },
    { title: 'an array claim', claim: 'scp', content: { scp: ['a', 'b', 'a'] }, expected: ['a', 'b'] },
    {
      title: 'an array with other values',
      claim: 'scp',
      content: { scp: ['a', 1, null, 'b c', '', ['d'], 'e'] },
      expected: ['a', 'e'],
    },
    { title: 'an object claim', claim: 'scp', content: { scp: { a: true } }, expected: [] },
    { title: 'an absent claim', claim: 'scp', content: { scope: 'a' }, expected: [] },
    {
      title: 'a path',
      claim: 'realm_access.roles',
      content: { realm_access: { roles: ['a'] } },
      expected: ['a'],
    },
    { title: 'a longer path', claim: 'a.b.c', content: { a: { b: { c: 'x y' } } }, expected: ['x', 'y'] },
    {
      title: 'a path that ends early',
      claim: 'realm_access.roles',
      content: { realm_access: ['a'] },
      expected: [],
    },
    {
      title: 'a name with dots',
      claim: 'https://example.com/scopes',
      content: { 'https://example.com/scopes': ['a'] },
      expected: ['a'],
    },
    {
      title: 'a name with dots before the path',
      claim: 'a.b',
      content: { 'a.b': 'name', a: { b: 'path' } },
      expected: ['name'],
    },
    { title: 'inherited members', claim: 'constructor.name', content: {}, expected: [] },
  ])(
    'reads the scopes from $title: $expected',
    { tags: ['SCP-04', 'SCP-08', 'SCP-09'] },
    async ({ claim, content, expected }) => {
      const auth = await verify(content, claim === undefined ? {} : { scopeClaim: claim });
      expect(auth.scopes).toEqual(expected);
    },
  );

  it.each([
    ['azp', { azp: 'app' }, 'app'],
    ['cid', { cid: 'app' }, 'app'],
    ['act.client', { act: { client: 'app' } }, 'app'],
    ['azp', { azp: 42 }, undefined],
    ['azp', {}, undefined],
    ['constructor.name', {}, undefined],
  ])('reads the client from %s of %j: %s', { tags: ['ATP-13'] }, async (clientIdClaim, content, expected) => {
    expect((await verify(content, { clientIdClaim })).clientId).toBe(expected);
  });

  it('carries claims named like members of every object, and stays what it is', {
    tags: ['OPS-11'],
  }, async () => {
    const content = JSON.parse(
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":"x","hasOwnProperty":"y","valueOf":1}',
    );
    const auth = await serverWith([publish(p256)]).verify(
      signedJws(
        '{"alg":"ES256","kid":"p256","__proto__":{"typ":"x"},"constructor":1}',
        `${JSON.stringify(claims).slice(0, -1)},${JSON.stringify(content).slice(1)}`,
        p256,
      ),
    );
    expect(Object.getPrototypeOf(auth.claims)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(auth.header)).toBe(Object.prototype);
    expect(auth.claims.admin).toBeUndefined();
    expect(auth.header.typ).toBeUndefined();
    expect(Object.hasOwn(auth.claims, '__proto__')).toBe(true);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
    expect(Object.getPrototypeOf({ ...auth.claims })).toBe(Object.prototype);
  });
});

/**
 * RFC 7515, appendix A.2 and A.3: the claims name an issuer that is no URL and no audience, so options could
 * not trust it; the verifier itself takes them with the issuer as the client of a list.
 */
describe('the vectors of RFC 7515', () => {
  const content =
    'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
  const vectors = [
    {
      alg: 'RS256',
      token: `eyJhbGciOiJSUzI1NiJ9.${content}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
      jwk: {
        kty: 'RSA',
        n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
        e: 'AQAB',
      },
    },
    {
      alg: 'ES256',
      token: `eyJhbGciOiJFUzI1NiJ9.${content}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
      jwk: {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      },
    },
  ];

  it.each(vectors)(
    'verifies $alg, and no other signature',
    { tags: ['OPS-20'] },
    async ({ alg, token, jwk }) => {
      const issuer = {
        ...resolvedIssuer({ clientIds: ['joe'], clientIdClaim: 'iss' }),
        issuer: 'joe',
        keySet: createConfiguredKeySet([jwk], 'joe'),
      };
      const verifier = verifierOf(issuer, () => 1_300_819_379_999);
      const { accessToken } = await verifier.verify(token);
      const { header, claims: verified } = accessToken;
      expect(header).toEqual({ alg });
      expect(verified).toEqual({ iss: 'joe', exp: 1_300_819_380, 'http://example.com/is_root': true });
      const flipped = token.replace(
        /\.(.)([^.]*)$/,
        (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`,
      );
      await expect(async () => verifier.verify(flipped)).rejects.toMatchObject({
        reason: 'signature_invalid',
      });
      const late = verifierOf(issuer, () => 1_300_819_380_000);
      await expect(async () => late.verify(token)).rejects.toMatchObject({ reason: 'expired' });
    },
  );

  it('refuses the HS256 token of appendix A.1 for its algorithm', { tags: ['OPS-20'] }, async () => {
    const token = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${content}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    expect(await outcomeOf(serverWith([publish(p256)]), token)).toBe('alg_not_allowed');
  });

  it('refuses the unsecured token of appendix A.5 for its algorithm', {
    tags: ['OPS-20', 'JWT-02'],
  }, async () => {
    expect(await outcomeOf(serverWith([publish(p256)]), `eyJhbGciOiJub25lIn0.${content}.`)).toBe(
      'alg_not_allowed',
    );
  });
});

describe('a signed token of every algorithm', () => {
  it.each([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['PS384', rsa],
    ['PS512', rsa],
    ['ES256', p256],
    ['ES384', p384],
    ['EdDSA', ed25519],
    ['Ed25519', ed25519],
  ] as const)('accepts %s', { tags: ['JWT-01'] }, async (algorithm, key) => {
    const input = `${encodePart({ alg: algorithm, kid: key.kid })}.${encodePart(claims)}`;
    const token = signInput(input, { ...key, algorithm });
    expect(await outcomeOf(serverWith([withoutAlg(key)]), token)).toBe('allowed');
  });
});
