import { constants, createPublicKey, hash, type JsonWebKey, verify, X509Certificate } from 'node:crypto';
import {
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  EmbeddedJWK,
  importX509,
  type JWK,
  jwtVerify,
  UnsecuredJWT,
} from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTestIssuer, type Forgery } from '../../../src/testing/index.js';
import { scope } from './decide.js';

const digests = {
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  RS256: 'sha256',
  PS512: 'sha512',
  EdDSA: null,
};
const algorithms = Object.keys(digests) as readonly (keyof typeof digests)[]; // keys of a literal

/**
 * A forgery proves nothing when a careless verifier refuses it for another reason: here careless verifiers
 * accept them.
 */
describe.each(algorithms)('of the forgeries with %s', (algorithm) => {
  let forgeries: readonly Forgery[];
  let published: JWK;

  beforeAll(async () => {
    const issuer = await createTestIssuer({ algorithm });
    forgeries = await issuer.forgeries({ scope });
    const { jwks } = issuer.options.issuer;
    [published = {}] = typeof jwks === 'function' ? (await jwks()).keys : [];
  });

  const tokenOf = (name: string): string =>
    forgeries.find((forgery) => forgery.name === name)?.headers.Authorization?.replace('Bearer ', '') ?? '';
  // Two names of one thing.
  const publicKey = () => createPublicKey({ key: published as JsonWebKey, format: 'jwk' });

  describe.each(["the issuer's kid", 'its own kid'])('those that offer a key, under %s,', (kid) => {
    it('are accepted if you trust "jwk"', { tags: ['JWT-17'] }, async () => {
      const token = tokenOf(`foreign key offered in jwk, under ${kid}`);
      await expect(jwtVerify(token, EmbeddedJWK)).resolves.toMatchObject({ payload: { scope } });
    });

    it('are accepted if you load "jku"', { tags: ['JWT-17'] }, async () => {
      const token = tokenOf(`foreign key offered in jku, under ${kid}`);
      const response = await fetch(String(decodeProtectedHeader(token).jku));
      const keys = createLocalJWKSet(JSON.parse(await response.text()));
      await expect(jwtVerify(token, keys)).resolves.toMatchObject({ payload: { scope } });
    });

    it('are accepted if you load "x5u"', { tags: ['JWT-17'] }, async () => {
      const token = tokenOf(`foreign key offered in x5u, under ${kid}`);
      const response = await fetch(String(decodeProtectedHeader(token).x5u));
      const key = await importX509(await response.text(), algorithm);
      await expect(jwtVerify(token, key)).resolves.toMatchObject({ payload: { scope } });
    });

    it('are accepted if you trust any "x5c"', { tags: ['JWT-17'] }, async () => {
      const token = tokenOf(`foreign key offered in x5c, under ${kid}`);
      const der = Buffer.from(String(decodeProtectedHeader(token).x5c), 'base64');
      const certificate = new X509Certificate(der);
      expect(certificate.subject).toBe('CN=attacker.example');
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      await expect(jwtVerify(token, certificate.publicKey)).resolves.toMatchObject({ payload: { scope } });
    });
  });

  it('are accepted with HS256 if you use the public key as the secret', {
    tags: ['JWT-03'],
  }, async () => {
    const secrets = {
      'the public JWK': JSON.stringify(published),
      'the public key in PEM': publicKey().export({ type: 'spki', format: 'pem' }),
      'the public key in DER': publicKey().export({ type: 'spki', format: 'der' }),
    };
    for (const [form, secret] of Object.entries(secrets)) {
      const token = tokenOf(`alg HS256, signed with ${form}`);
      await expect(jwtVerify(token, Buffer.from(secret))).resolves.toMatchObject({ payload: { scope } });
    }
  });

  it('are accepted with alg none if you accept unsecured tokens', { tags: ['JWT-02'] }, () => {
    expect(UnsecuredJWT.decode(tokenOf('alg none, empty signature')).payload).toMatchObject({ scope });
  });

  it('have a genuine signature if they are about claims, types or encodings', () => {
    const aboutSomethingElse =
      /^(alg|foreign|signed|signature|opaque|dots|five|no credentials)|altered|Bearer|SD-JWT/;
    const signed = forgeries.filter(
      ({ name, reason }) => !aboutSomethingElse.test(name) && reason !== 'missing_credentials',
    );
    expect(signed.length).toBeGreaterThan(90);
    for (const { name } of signed)
      expect(`${name}: ${hasGenuineSignature(tokenOf(name))}`).toBe(`${name}: true`);
  });

  function hasGenuineSignature(token: string): boolean {
    const [header, claims, signature = ''] = token.split('.');
    const padding = algorithm === 'PS512' ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    return verify(
      digests[algorithm],
      Buffer.from(`${header}.${claims}`),
      { key: publicKey(), dsaEncoding: 'ieee-p1363', ...padding },
      Buffer.from(signature, 'base64url'),
    );
  }
});

describe('of the forgeries of DPoP proofs', () => {
  const request = { method: 'GET', url: 'https://api.example.com/stock/42' };
  let forgeries: readonly Forgery[];

  beforeAll(async () => {
    forgeries = await (await createTestIssuer()).dpopForgeries(request);
  });

  const read = ({ headers: { Authorization = '', DPoP: proof = '' } }: Forgery) => ({
    token: Authorization.replace('DPoP ', ''),
    proof,
    header: decodeProtectedHeader(proof),
  });

  // Two names of one thing.
  const publicKey = (jwk: JWK) => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });

  /** A proof that fits its request, and a token bound to the key in it. */
  async function fitting(name: string): Promise<{ readonly proof: string; readonly jwk: JWK }> {
    const forgery = forgeries.find((one) => one.name === name);
    if (forgery === undefined) throw new Error(`there's no forgery "${name}"`);
    const { token, proof, header } = read(forgery);
    const jwk = header.jwk as JWK; // every proof below has one
    expect(decodeJwt(proof)).toMatchObject({
      htm: request.method,
      htu: request.url,
      ath: hash('sha256', token, 'base64url'),
    });
    expect(decodeJwt(token).cnf).toEqual({ jkt: await calculateJwkThumbprint(jwk) });
    return { proof, jwk };
  }

  it('are accepted with HS256 if you use the public key as the secret', async () => {
    const secrets: Readonly<Record<string, (jwk: JWK) => string | Uint8Array>> = {
      'the public key': (jwk) => JSON.stringify(jwk),
      'the public key in PEM': (jwk) => publicKey(jwk).export({ type: 'spki', format: 'pem' }).toString(),
      'the public key in DER': (jwk) => publicKey(jwk).export({ type: 'spki', format: 'der' }),
    };
    for (const [form, secret] of Object.entries(secrets)) {
      const { proof, jwk } = await fitting(`proof with an HMAC by ${form}`);
      await expect(jwtVerify(proof, Buffer.from(secret(jwk)))).resolves.toBeDefined();
    }
  });

  it('are accepted with alg none if you accept unsecured proofs', async () => {
    const { proof } = await fitting('proof with alg "none" and an empty signature');
    expect(UnsecuredJWT.decode(proof).payload).toMatchObject({ htu: request.url });
  });

  it('are accepted with a symmetric key if you take any algorithm', async () => {
    const { proof, jwk } = await fitting('jwk symmetric');
    await expect(jwtVerify(proof, Buffer.from(jwk.k ?? '', 'base64url'))).resolves.toBeDefined();
  });

  it.each(['a short RSA key', 'an RSA exponent of 1'])(
    "are accepted with %s if you don't look at the key",
    async (which) => {
      const { proof, jwk } = await fitting(`jwk with ${which}`);
      const [header, claims, signature = ''] = proof.split('.');
      const [input, bytes] = [Buffer.from(`${header}.${claims}`), Buffer.from(signature, 'base64url')];
      expect(verify('sha256', input, publicKey(jwk), bytes)).toBe(true);
    },
  );

  it('have a genuine signature by the bound key if they are about claims or types', async () => {
    const aboutClaims = /^(?:proof_(?:typ|missing|expired|in)|h\w\w_mismatch|ath_)/;
    const signed = forgeries.filter(
      ({ name, reason }) => aboutClaims.test(reason) && name !== 'access token as the proof',
    );
    expect(signed.length).toBeGreaterThan(45);
    for (const forgery of signed) {
      const { token, proof, header } = read(forgery);
      await expect(compactVerify(proof, EmbeddedJWK), forgery.name).resolves.toBeDefined();
      const jkt = await calculateJwkThumbprint(header.jwk as JWK); // it has just verified the proof
      expect([forgery.name, decodeJwt(token).cnf]).toEqual([forgery.name, { jkt }]);
    }
  });
});
