import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClientCredentials } from '../../src/client/index.js';
import { createResourceServer } from '../../src/index.js';
import {
  createClientCertificate,
  createDpopKey,
  createServerCertificate,
  type DpopKey,
} from '../../src/testing/index.js';
import type { DevIssuer, DevIssuerOptions } from '../../tools/dev-issuer/index.js';
import { sendOverTls } from '../support/tls-client.js';
import { basic, credentials, getJson, inventory, post, start, temporaryFolder } from './support.js';

const grant = ['grant_type', 'client_credentials'] as const;

/** What a resource server of this package makes of a request. */
async function decide(issuer: string, headers: Record<string, string>, certificate?: Buffer) {
  const server = createResourceServer({ issuer, audience: inventory, mtls: true });
  onTestFinished(() => server.close());
  const request = {
    method: 'GET',
    url: `${inventory}/stock/42`,
    header: (name: string) => {
      const found = Object.entries(headers).find(([field]) => field.toLowerCase() === name);
      return found?.[1];
    },
    clientCertificate: () => certificate,
  };
  const decision = await server.authenticate(request);
  return decision.kind === 'allowed' ? '200' : `${decision.error.status} ${decision.error.reason}`;
}

describe('tokens that are bound to a DPoP key (RFC 9449)', () => {
  const ask = async (issuer: DevIssuer, proof: string | readonly string[], headers = [credentials]) => {
    const proofs = [proof].flat().map((line) => ['DPoP', line] as const);
    const {
      status,
      headers: fields,
      body,
    } = await post(issuer.tokenEndpoint, [grant], [...headers, ...proofs]);
    return { status, nonce: fields['dpop-nonce'], ...JSON.parse(body) };
  };
  const proofFor = (key: DpopKey, issuer: DevIssuer, more: object = {}) =>
    key.proof({ method: 'POST', url: issuer.tokenEndpoint, ...more });

  it('are bound to the key of the proof, and opened by it alone', { tags: ['DPP-17'] }, async () => {
    const issuer = await start();
    const key = await createDpopKey();
    const { status, token_type, access_token: token } = await ask(issuer, await proofFor(key, issuer));
    expect([status, token_type]).toEqual([200, 'DPoP']);
    expect(decodeJwt(token).cnf).toEqual({ jkt: key.thumbprint });
    const url = `${inventory}/stock/42`;
    expect(await decide(issuer.issuer, await key.headers({ url, token }))).toBe('200');
    expect(await decide(issuer.issuer, { Authorization: `Bearer ${token}` })).toBe('401 dpop_downgrade');
    expect(await decide(issuer.issuer, { Authorization: `DPoP ${token}` })).toBe('401 missing_proof');
    const another = await createDpopKey();
    expect(await decide(issuer.issuer, await another.headers({ url, token }))).toBe('401 jkt_mismatch');
  });

  it('are got by openid-client, with and without nonces', async () => {
    for (const dpopNonce of [false, true]) {
      const { issuer } = await start({ dpopNonce });
      const authentication = openid.ClientSecretPost('dev-secret');
      const configuration = await openid.discovery(
        new URL(issuer),
        'order-service',
        undefined,
        authentication,
        {
          execute: [openid.allowInsecureRequests],
        },
      );
      expect(configuration.serverMetadata().dpop_signing_alg_values_supported).toContain('ES256');
      const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair());
      const tokens = await openid.clientCredentialsGrant(configuration, { resource: inventory }, { DPoP });
      expect(tokens.token_type).toBe('dpop');
      expect(decodeJwt(tokens.access_token)).toHaveProperty('cnf.jkt');
    }
  });

  it('are asked for with a nonce where the issuer wants one', async () => {
    const issuer = await start({ dpopNonce: true });
    const key = await createDpopKey();
    const refused = await ask(issuer, await proofFor(key, issuer));
    expect(refused).toMatchObject({
      status: 400,
      error: 'use_dpop_nonce',
      nonce: expect.stringMatching(/^\S+$/),
    });
    expect(await ask(issuer, await proofFor(key, issuer, { nonce: 'made-up' }))).toMatchObject({
      status: 400,
      error: 'use_dpop_nonce',
    });
    expect(await ask(issuer, await proofFor(key, issuer, { nonce: refused.nonce }))).toMatchObject({
      status: 200,
      token_type: 'DPoP',
    });
  });

  it('are introspected with their type', async () => {
    const issuer = await start();
    const key = await createDpopKey();
    const { access_token: token } = await ask(issuer, await proofFor(key, issuer));
    const { body } = await post(
      issuer.introspectionEndpoint,
      [['token', token]],
      [basic('inventory-service', 'api-secret')],
    );
    expect(JSON.parse(body)).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: key.thumbprint },
    });
  });

  const forgeries: Readonly<Record<string, object>> = {
    'for another method': { method: 'GET' },
    'for another URL': { url: 'https://auth.example.com/token' },
    'for the token endpoint with a slash more': { claims: { htu: 'http://127.0.0.1/token/' } },
    'too old': { claims: { iat: 1 } },
    'from the future': { claims: { iat: 9_999_999_999 } },
    'without an identifier': { claims: { jti: undefined } },
    'of another type': { header: { typ: 'JWT' } },
    'signed by nobody': { header: { alg: 'none' } },
    'signed with a secret': { header: { alg: 'HS256' } },
    'with a private key in it': { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' } } },
    'without a key': { header: { jwk: undefined } },
  };

  it.each(Object.entries(forgeries))('are refused for a proof %s', async (_, forgery) => {
    const issuer = await start();
    const answer = await ask(issuer, await proofFor(await createDpopKey(), issuer, forgery));
    expect(answer).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
    expect(answer).not.toHaveProperty('access_token');
  });

  it('are refused for a proof that was used before, for several, and for text', async () => {
    const issuer = await start();
    const key = await createDpopKey();
    const proof = await proofFor(key, issuer);
    expect(await ask(issuer, proof)).toMatchObject({ status: 200 });
    const others = [proof, [await proofFor(key, issuer), await proofFor(key, issuer)], 'x', 'a.b.c', ' '];
    for (const one of others)
      expect(await ask(issuer, one)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
  });

  it('are the only ones of a client that says so', async () => {
    const clients = [{ clientId: 'order-service', clientSecret: 'dev-secret', dpopBoundAccessTokens: true }];
    const issuer = await start({ clients });
    const { status, body } = await post(issuer.tokenEndpoint, [grant]);
    expect([status, JSON.parse(body).error]).toEqual([400, 'invalid_dpop_proof']);
    expect(await ask(issuer, await proofFor(await createDpopKey(), issuer))).toMatchObject({ status: 200 });
  });

  it('are got by the client of this package', async () => {
    const issuer = await start({ dpopNonce: true });
    const client = createClientCredentials({
      ...{ issuer: issuer.issuer, clientId: 'order-service', clientSecret: 'dev-secret' },
      ...{ scope: 'read:inventory', resource: inventory, dpop: true },
    });
    onTestFinished(() => client.close());
    const headers = await client.headers({ url: `${inventory}/stock/42` });
    expect(await decide(issuer.issuer, { ...headers })).toBe('200');
  });
});

describe('tokens that are bound to a certificate (RFC 8705)', () => {
  /** With its certificate, its key and those of clients in files. */
  async function startWithTls(mtlsPort: number | undefined, clients: DevIssuerOptions['clients']) {
    const folder = await temporaryFolder();
    const [server, mine, thief] = await Promise.all([
      createServerCertificate(),
      createClientCertificate({ commonName: 'order-service' }),
      createClientCertificate({ commonName: 'order-service' }),
    ]);
    const inFile = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const certificate = await inFile('mine.pem', mine.certificate);
    const issuer = await start({
      clients: clients?.map((client) => ({ ...client, ...(client.certificate && { certificate }) })) ?? [],
      tls: {
        cert: await inFile('cert.pem', server.certificate),
        key: await inFile('key.pem', server.privateKey),
        ca: certificate,
        ...(mtlsPort !== undefined && { mtlsPort }),
      },
    });
    return { issuer, mine, thief };
  }

  const fetchWith =
    (certificate: { readonly certificate: string; readonly privateKey: string }): openid.CustomFetch =>
    async (url, { method, headers, body }) => {
      const { origin, pathname } = new URL(url);
      const answer = await sendOverTls(origin, {
        ...{ path: pathname, method, headers, certificate },
        ...(body !== undefined && body !== null && { body: String(body) }),
      });
      return new Response(answer.body, {
        status: answer.status,
        headers: { 'Content-Type': 'application/json' },
      });
    };

  const methods = [
    ['self_signed_tls_client_auth', { certificate: 'file' }],
    ['tls_client_auth', { tlsClientAuth: { subjectDn: 'CN=order-service' } }],
  ] as const;

  it.each(methods)('are got by openid-client over https by %s', async (method, member) => {
    const { issuer, mine, thief } = await startWithTls(undefined, [{ clientId: 'order-service', ...member }]);
    expect(issuer.issuer).toMatch(/^https:/);
    const tokenOf = async (certificate: typeof mine) => {
      const configuration = await openid.discovery(
        new URL(issuer.issuer),
        'order-service',
        undefined,
        openid.TlsClientAuth(),
        { [openid.customFetch]: fetchWith(certificate) },
      );
      expect(configuration.serverMetadata().token_endpoint_auth_methods_supported).toContain(method);
      return (await openid.clientCredentialsGrant(configuration, { resource: inventory })).access_token;
    };
    const token = await tokenOf(mine);
    expect(decodeJwt(token).cnf).toEqual({ 'x5t#S256': mine.thumbprint });
    await expect(tokenOf(thief)).rejects.toMatchObject({ error: 'invalid_client', status: 401 });
  });

  it('are got at the alias for clients with certificates, and opened by the certificate alone', async () => {
    const { issuer, mine, thief } = await startWithTls(0, [
      { clientId: 'order-service', certificate: 'file' },
    ]);
    const metadata = await getJson(`${issuer.issuer}/.well-known/oauth-authorization-server`);
    expect(metadata).toMatchObject({
      tls_client_certificate_bound_access_tokens: true,
      token_endpoint: expect.stringMatching(/^http:/),
      mtls_endpoint_aliases: { token_endpoint: issuer.mtlsTokenEndpoint },
    });
    const configuration = new openid.Configuration(
      metadata,
      'order-service',
      { use_mtls_endpoint_aliases: true },
      openid.TlsClientAuth(),
    );
    configuration[openid.customFetch] = fetchWith(mine);
    const { access_token } = await openid.clientCredentialsGrant(configuration);
    const headers = { Authorization: `Bearer ${access_token}` };
    const der = (pem: string) => Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    expect(await decide(issuer.issuer, headers, der(mine.certificate))).toBe('200');
    expect(await decide(issuer.issuer, headers, der(thief.certificate))).toBe('401 certificate_mismatch');
    expect(await decide(issuer.issuer, headers)).toBe('401 certificate_missing');
  });

  it('are refused without a certificate, at the port that asks for none too', async () => {
    const clients = [
      { clientId: 'order-service', certificate: 'file' },
      { clientId: 'bound', clientSecret: 's', tlsClientCertificateBoundAccessTokens: true },
    ];
    const { issuer } = await startWithTls(0, clients);
    const id = ['client_id', 'order-service'] as const;
    const refused = await post(issuer.tokenEndpoint, [grant, id], []);
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([401, 'invalid_client']);
    const unbound = await post(issuer.tokenEndpoint, [grant], [basic('bound', 's')]);
    expect([unbound.status, JSON.parse(unbound.body).error]).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['a certificate without https', { clients: [{ clientId: 'a', certificate: 'file' }] }, /needs "tls"/],
    [
      'an authority that nobody named',
      {
        clients: [{ clientId: 'a', tlsClientAuth: { sanDns: 'a' } }],
        tls: { cert: 'a', key: 'b' },
      },
      /needs "tls.ca"/,
    ],
    [
      'two names at once',
      { clients: [{ clientId: 'a', tlsClientAuth: { sanDns: 'a', sanUri: 'b' } }] },
      /one of/,
    ],
    ['a key without its certificate', { tls: { key: 'b' } }, /tls\.cert/],
    ['files that are not there', { tls: { cert: '/none', key: '/none' } }, /there is no such file/],
  ])('refuses %s at the start', async (_, options, message) => {
    // What a configuration file may say, types or not.
    await expect(start(options as DevIssuerOptions)).rejects.toThrow(message);
  });
});
