import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { decodeJwt, exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';
import { clientCredentialsGrant, customFetch, discovery, TlsClientAuth } from 'openid-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClientCertificate } from '../../src/testing/index.js';
import { sendOverTls } from '../support/tls-client.js';
import type { Running, TlsOptions } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const AUDIENCE = 'https://inventory.example.com';
const BILLING = 'https://billing.example.com';
const CLIENT_ID = 'order-service';
const API = { clientId: 'billing-api', clientSecret: 'a-secret-of-the-api' };
const [ofServers, mine, others] = await Promise.all([
  createClientCertificate({ commonName: '127.0.0.1' }),
  createClientCertificate({ commonName: CLIENT_ID }),
  createClientCertificate({ commonName: 'thief' }),
]);
const tls: TlsOptions = {
  key: ofServers.privateKey,
  cert: ofServers.certificate,
  requestCert: true,
  rejectUnauthorized: false,
};

/** As a client with its certificate does it; the one of the server may be any. */
const fetchWith =
  (certificate?: typeof mine) =>
  async (url: string | URL | Request, init: { method?: string; headers?: unknown; body?: unknown } = {}) => {
    const { origin, pathname, search } = new URL(url instanceof Request ? url.url : url);
    const { status, headers, body } = await sendOverTls(origin, {
      path: `${pathname}${search}`,
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers((init.headers ?? {}) as Record<string, string>)), // what openid-client gives
      ...(init.body !== undefined && init.body !== null && { body: String(init.body) }),
      certificate,
    });
    return new Response(body, { status, headers: { 'Content-Type': headers['content-type'] ?? '' } });
  };

/**
 * How the client authenticates itself with its certificate: by the subject of one that an authority vouches
 * for (RFC 8705 §2.1), or by the certificate itself (§2.2).
 */
const METHODS = ['tls_client_auth', 'self_signed_tls_client_auth'] as const;
type Method = (typeof METHODS)[number];

/** A real authorization server over TLS. */
async function startProvider(method: Method): Promise<Server> {
  // The client's certificate is its own authority, and no other is known.
  const server = createServer({ ...tls, ca: [mine.certificate] });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // It warns of Node 20, where it works, and of its storage in memory.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const { default: Provider } = await import('oidc-provider');
  const signing = await generateKeyPair('ES256', { extractable: true });
  const certificate = new X509Certificate(mine.certificate);
  const configuration: Configuration = {
    jwks: { keys: [{ ...(await exportJWK(signing.privateKey)), alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: method,
        tls_client_certificate_bound_access_tokens: true,
        id_token_signed_response_alg: 'ES256',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        ...(method === 'tls_client_auth'
          ? { tls_client_auth_subject_dn: certificate.subject }
          : { jwks: { keys: [keyWithCertificate(certificate)] } }),
      },
      {
        client_id: API.clientId,
        client_secret: API.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'ES256',
        grant_types: [],
        response_types: [],
        redirect_uris: [],
      },
    ],
    clientAuthMethods: [method, 'client_secret_basic'],
    ttl: { ClientCredentials: 600 },
    scopes: ['read:inventory'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      devInteractions: { enabled: false },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: ({ req }) => certificateOf(req.socket),
        certificateAuthorized: ({ req }) => (req.socket as TLSSocket).authorized,
        certificateSubjectMatches: ({ req }, _property, expected) =>
          certificateOf(req.socket)?.subject === expected,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => ({
          audience,
          scope: 'read:inventory',
          accessTokenFormat: audience === BILLING ? 'opaque' : 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
  server.on('request', new Provider(issuerOf(server), configuration).callback());
  return server;
}

function certificateOf(socket: Socket): X509Certificate | undefined {
  const { raw } = (socket as TLSSocket).getPeerCertificate(); // of an https server
  return raw && new X509Certificate(raw);
}

function keyWithCertificate({ publicKey, raw }: X509Certificate) {
  return { ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] };
}

function issuerOf(server: Server): string {
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return `https://127.0.0.1:${port}`;
}

describe.each(METHODS)('certificate-bound tokens of a real authorization server, by %s', (method) => {
  let provider: Server;
  let token: string;
  let opaque: string;

  beforeAll(async () => {
    provider = await startProvider(method);
    const client = await discovery(new URL(issuerOf(provider)), CLIENT_ID, {}, TlsClientAuth(), {
      [customFetch]: fetchWith(mine),
    });
    const tokenFor = async (resource: string): Promise<string> =>
      (await clientCredentialsGrant(client, { scope: 'read:inventory', resource })).access_token;
    token = await tokenFor(AUDIENCE);
    opaque = await tokenFor(BILLING);
  });

  afterAll(async () => {
    vi.restoreAllMocks();
    provider.closeAllConnections();
    await new Promise((resolve) => {
      provider.close(resolve);
    });
  });

  it('are for the client with its certificate only', async () => {
    const thief = await discovery(new URL(issuerOf(provider)), CLIENT_ID, {}, TlsClientAuth(), {
      [customFetch]: fetchWith(others),
    });
    await expect(clientCredentialsGrant(thief, { resource: AUDIENCE })).rejects.toThrow();
  });

  it('are bound to the certificate that the client got them with', { tags: ['MTL-01'] }, () => {
    expect(decodeJwt(token).cnf).toEqual({ 'x5t#S256': mine.thumbprint });
  });

  it.each(harnesses)(
    'open $name for that certificate only',
    { tags: ['MTL-01', 'MTL-02', 'MTL-04'] },
    async (harness) => {
      const options = { issuer: issuerOf(provider), audience: AUDIENCE, fetch: fetchWith(), mtls: true };
      const api: Running = await harness.start(options, { tls });
      try {
        const headers = { Authorization: `Bearer ${token}` };
        const response = await sendOverTls(api.url, { headers, certificate: mine });
        expect(JSON.parse(response.body)).toEqual({
          sku: '42',
          caller: CLIENT_ID,
          scopes: ['read:inventory'],
        });
        expect(await sendOverTls(api.url, { headers, certificate: others })).toMatchObject({ status: 401 });
        expect(await sendOverTls(api.url, { headers })).toMatchObject({ status: 401 });
      } finally {
        await api.close();
      }
    },
  );

  it('open an API that asks about them, for that certificate only', { tags: ['MTL-03'] }, async () => {
    expect(opaque).not.toContain('.');
    const [harness] = harnesses;
    const issuer = { issuer: issuerOf(provider), introspection: API };
    const api = await harness?.start({ issuer, audience: BILLING, fetch: fetchWith(), mtls: true }, { tls });
    try {
      const headers = { Authorization: `Bearer ${opaque}` };
      const sendWith = (certificate?: typeof mine) => sendOverTls(api?.url ?? '', { headers, certificate });
      expect(await sendWith(mine)).toMatchObject({ status: 200 });
      expect(await sendWith(others)).toMatchObject({ status: 401 });
      expect(await sendWith()).toMatchObject({ status: 401 });
    } finally {
      await api?.close();
    }
  });

  it('do not open an API that does not look at certificates', { tags: ['MTL-05'] }, async () => {
    const [harness] = harnesses;
    const options = { issuer: issuerOf(provider), audience: AUDIENCE, fetch: fetchWith() };
    const api = await harness?.start(options, { tls });
    try {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await sendOverTls(api?.url ?? '', { headers, certificate: mine });
      expect(response).toMatchObject({ status: 401 });
      expect(JSON.parse(response.body)).toMatchObject({ error: 'invalid_token' });
    } finally {
      await api?.close();
    }
  });
});
