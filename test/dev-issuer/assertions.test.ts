import { decodeJwt, exportJWK, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import * as openid from 'openid-client';
import { describe, expect, it } from 'vitest';
import { createClientCredentials } from '../../src/client/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import type { DevIssuerOptions } from '../../tools/dev-issuer/index.js';
import { basic, inventory, listen, type Parameters, post, start } from './support.js';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const CLUSTER = 'https://kubernetes.default.svc';
const ACCOUNT = 'system:serviceaccount:shop:orders';
const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000;

const [key, foreignKey] = await Promise.all([
  generateSigningKey('ES256', 'cluster-1'),
  generateSigningKey('ES256', 'cluster-1'),
]);

async function assert(
  claims: Readonly<Record<string, unknown>>,
  signer: SigningKey = key,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT({ iss: CLUSTER, sub: ACCOUNT, exp: NOW + 3600, ...claims })
    .setProtectedHeader({ alg: signer.algorithm, kid: signer.kid, ...header })
    .sign(signer.privateKey);
}

async function startWithCluster(more: Partial<DevIssuerOptions> = {}, singleUse = true) {
  const order = { clientId: 'order-service', scopes: ['read:inventory'], claims: { tier: 'gold' } };
  return start(
    {
      assertionIssuers: [{ issuer: CLUSTER, jwks: { keys: [key.jwk] }, singleUse }],
      clients: [
        { ...order, workload: { issuer: CLUSTER, subject: ACCOUNT } },
        { clientId: 'with-secret', clientSecret: 's', scopes: ['read:inventory'] },
      ],
      ...more,
    },
    { clock: () => NOW * 1000 },
  );
}

async function ask(endpoint: string, assertion: string, more: Parameters = [], headers: Parameters = []) {
  const parameters: Parameters = [['grant_type', JWT_BEARER], ['assertion', assertion], ...more];
  const { status, body } = await post(endpoint, parameters, headers);
  return { status, ...JSON.parse(body) };
}

describe('the JWT bearer grant (RFC 7523 §2.1)', () => {
  it('gives a workload a token for what its platform says of it, without other credentials', async () => {
    const { issuer, tokenEndpoint } = await startWithCluster();
    const answer = await ask(tokenEndpoint, await assert({ aud: issuer }));
    expect(answer).toMatchObject({ status: 200, token_type: 'Bearer', scope: 'read:inventory' });
    expect(decodeJwt(answer.access_token)).toMatchObject({
      sub: ACCOUNT,
      client_id: 'order-service',
      tier: 'gold',
      aud: inventory,
    });
  });

  it('gives an authenticated client one about any subject, as openid-client asks for it', async () => {
    const { issuer } = await startWithCluster();
    const authentication = openid.ClientSecretPost('s');
    const configuration = await openid.discovery(new URL(issuer), 'with-secret', undefined, authentication, {
      execute: [openid.allowInsecureRequests],
    });
    expect(configuration.serverMetadata().grant_types_supported).toContain(JWT_BEARER);
    const assertion = await assert({ aud: `${issuer}/token`, sub: 'alice' });
    const { access_token } = await openid.genericGrantRequest(configuration, JWT_BEARER, { assertion });
    expect(decodeJwt(access_token)).toMatchObject({ sub: 'alice', client_id: 'with-secret' });
  });

  it('takes an assertion once if it has an identifier, unless its issuer makes them for longer', async () => {
    const once = await startWithCluster();
    const named = await assert({ aud: once.issuer, jti: 'a-1' });
    expect(await ask(once.tokenEndpoint, named)).toMatchObject({ status: 200 });
    expect(await ask(once.tokenEndpoint, named)).toMatchObject({ status: 400, error: 'invalid_grant' });
    const unnamed = await assert({ aud: once.issuer });
    for (let time = 0; time < 2; time += 1)
      expect(await ask(once.tokenEndpoint, unnamed)).toMatchObject({ status: 200 });
    const often = await startWithCluster({}, false);
    const projected = await assert({ aud: often.issuer, jti: 'a-1' });
    for (let time = 0; time < 2; time += 1)
      expect(await ask(often.tokenEndpoint, projected)).toMatchObject({ status: 200 });
  });

  it('does not use an assertion up for a request that is made again with a nonce', async () => {
    const { issuer, tokenEndpoint } = await startWithCluster({ dpopNonce: true });
    const assertion = await assert({ aud: issuer, jti: 'a-1' });
    const headers = [['DPoP', 'x']] as const;
    expect(await ask(tokenEndpoint, assertion, [], headers)).toMatchObject({ error: 'invalid_dpop_proof' });
    expect(await ask(tokenEndpoint, assertion)).toMatchObject({ status: 200 });
  });

  const other = 'https://other.example.com';
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>, SigningKey?, object?])[] = [
    ['of an issuer that is not trusted', { iss: other }],
    ['signed by a foreign key', {}, foreignKey],
    ['signed by a key that nobody knows', {}, key, { kid: 'unknown' }],
    ['for another server', { aud: other }],
    ['for another server too', { aud: ['ISSUER', other] }],
    ['for nobody', { aud: undefined }],
    ['for an empty list', { aud: [] }],
    ['that expired', { exp: NOW - 60 }],
    ['without an end', { exp: undefined }],
    ['that is not valid yet', { nbf: NOW + 60 }],
    ['with a number for an identifier', { jti: 7 }],
    ['with a text for its end', { exp: 'never' }],
  ];

  for (const [name, claims, signer, header] of rows)
    it(`refuses an assertion ${name}`, async () => {
      const { issuer, tokenEndpoint } = await startWithCluster();
      const { aud = issuer } = claims;
      const audience = Array.isArray(aud) ? aud.map((one) => (one === 'ISSUER' ? issuer : one)) : aud;
      const named = 'aud' in claims && claims.aud === undefined ? {} : { aud: audience };
      const assertion = await assert({ ...claims, aud: undefined, ...named }, signer, header);
      const answer = await ask(tokenEndpoint, assertion, [], [basic('with-secret', 's')]);
      expect(answer).toEqual({ status: 400, error: 'invalid_grant', error_description: expect.any(String) });
    });

  it('refuses what is no assertion, or none for this client', async () => {
    const { issuer, tokenEndpoint } = await startWithCluster();
    const secret = [basic('with-secret', 's')];
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const claims = Buffer.from(JSON.stringify({ iss: CLUSTER, sub: 'a', aud: issuer, exp: NOW + 9 }));
    for (const assertion of ['x', 'a.b.c', `${none}.${claims.toString('base64url')}.`])
      expect(await ask(tokenEndpoint, assertion, [], secret)).toMatchObject({
        status: 400,
        error: 'invalid_grant',
      });
    expect(await ask(tokenEndpoint, '', [], secret)).toMatchObject({ status: 400, error: 'invalid_request' });
    // Nobody is that workload.
    expect(await ask(tokenEndpoint, await assert({ aud: issuer, sub: 'alice' }))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
    const scope = [['scope', 'admin']] as const;
    expect(await ask(tokenEndpoint, await assert({ aud: issuer }), scope)).toMatchObject({
      status: 400,
      error: 'invalid_scope',
    });
  });
});

describe('an assertion of a platform in place of a secret (RFC 7523 §2.2)', () => {
  const askAs = async (endpoint: string, assertion: string) => {
    const parameters: Parameters = [
      ['grant_type', 'client_credentials'],
      ['client_assertion_type', ASSERTION_TYPE],
      ['client_assertion', assertion],
    ];
    const { status, body } = await post(endpoint, parameters, []);
    return { status, ...JSON.parse(body) };
  };

  it('authenticates the client that is its workload', async () => {
    const { issuer, tokenEndpoint } = await startWithCluster();
    const answer = await askAs(tokenEndpoint, await assert({ aud: issuer }));
    expect(answer.status).toBe(200);
    expect(decodeJwt(answer.access_token)).toMatchObject({
      client_id: 'order-service',
      sub: 'order-service',
    });
  });

  it('is refused if it is forged, used before, or about another workload', async () => {
    const { issuer, tokenEndpoint } = await startWithCluster();
    const used = await assert({ aud: issuer, jti: 'a-1' });
    expect(await askAs(tokenEndpoint, used)).toMatchObject({ status: 200 });
    const refused = [
      used,
      await assert({ aud: issuer }, foreignKey),
      await assert({ aud: issuer, sub: 'system:serviceaccount:shop:others' }),
      await assert({ aud: issuer, iss: 'order-service', sub: 'order-service' }),
      await assert({ aud: issuer, exp: NOW - 60 }),
    ];
    for (const assertion of refused)
      expect(await askAs(tokenEndpoint, assertion)).toMatchObject({ status: 401, error: 'invalid_client' });
  });

  it.each([
    [
      'a workload of an issuer that nobody named',
      { assertionIssuers: [] },
      /names none of "assertionIssuers"/,
    ],
    ['an issuer without keys', { assertionIssuers: [{ issuer: CLUSTER }] }, /needs jwks or jwksUri/],
    [
      'keys at plain http',
      { assertionIssuers: [{ issuer: CLUSTER, jwksUri: 'http://a.example' }] },
      /plain http/,
    ],
  ])('refuses %s at the start', async (_, options, message) => {
    await expect(startWithCluster(options)).rejects.toThrow(message);
  });
});

describe('the keys of a client at a URL', () => {
  async function publish() {
    const published: { keys: JWK[]; status: number } = { keys: [], status: 200 };
    let fetches = 0;
    const url = await listen((_request, response) => {
      fetches += 1;
      response.writeHead(published.status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ keys: published.keys }));
    });
    return { published, jwksUri: `${url}/keys`, fetches: () => fetches };
  }
  const clientKey = (kid: string) => generateSigningKey('ES256', kid);

  async function getToken(issuer: string, { privateKey, kid }: SigningKey) {
    const client = createClientCredentials({
      issuer,
      clientId: 'key-service',
      privateKey: { ...(await exportJWK(privateKey)), kid },
    });
    return client.getToken().finally(() => client.close());
  }

  it('are fetched once, and again for one that is unknown, but not for each', async () => {
    const { published, jwksUri, fetches } = await publish();
    const { issuer } = await start({ clients: [{ clientId: 'key-service', jwksUri }] });
    const [first, second, third] = await Promise.all(['k-1', 'k-2', 'k-3'].map(clientKey));
    if (first === undefined || second === undefined || third === undefined) throw new Error('no keys');
    published.keys = [first.jwk];
    await getToken(issuer, first);
    await getToken(issuer, first);
    expect(fetches()).toBe(1);
    published.keys = [first.jwk, second.jwk]; // the client rotates its key
    await getToken(issuer, second);
    expect(fetches()).toBe(2);
    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(getToken(issuer, third)).rejects.toMatchObject({ error: 'invalid_client' });
    expect(fetches()).toBe(2); // within the cool-down
  });

  it('are an outage of theirs when they are out of reach, and no fault of the client', async () => {
    const { published, jwksUri } = await publish();
    published.status = 500;
    const { issuer, tokenEndpoint } = await start({ clients: [{ clientId: 'key-service', jwksUri }] });
    const key = await clientKey('k-1');
    const assertion = await new SignJWT({ iss: 'key-service', sub: 'key-service', aud: issuer, jti: 'j' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k-1' })
      .setExpirationTime('1 minute')
      .sign(key.privateKey);
    const { status, headers, body } = await post(
      tokenEndpoint,
      [
        ['grant_type', 'client_credentials'],
        ['client_assertion_type', ASSERTION_TYPE],
        ['client_assertion', assertion],
      ],
      [],
    );
    expect([status, JSON.parse(body).error]).toEqual([503, 'temporarily_unavailable']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  it('are at one place only', async () => {
    const clients = [{ clientId: 'a', jwks: { keys: [key.jwk] }, jwksUri: 'https://a.example' }];
    await expect(start({ clients })).rejects.toThrow(/can't be combined with jwks/);
    const elsewhere = [{ clientId: 'a', jwksUri: 'http://a.example' }];
    await expect(start({ clients: elsewhere })).rejects.toThrow(/clients\[0\]\.jwksUri.*https/);
  });
});

it.each<[who: string, headers: Parameters]>([
  ['a client', [basic('order-service', 'dev-secret')]],
  ['a workload', []],
])('says to %s that it has no JWT bearer grant if no issuer of assertions is named', async (_, headers) => {
  const { tokenEndpoint } = await start();
  const answer = await ask(tokenEndpoint, await (await createTestIssuer()).token(), [], headers);
  expect(answer).toMatchObject({ status: 400, error: 'unsupported_grant_type' });
});
