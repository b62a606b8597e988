import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { type CertificatePem, channels, type IntrospectionMessage } from '../../src/index.js';
import { type ClientCertificate, createClientCertificate } from '../../src/testing/index.js';
import {
  type AskedRequest,
  active,
  client,
  INTROSPECT,
  opaque,
  publishEndpoint,
  recorded,
} from '../support/introspection.js';
import { listenTo } from '../support/listen-to.js';
import { startMisbehavingIssuer, status } from '../support/misbehaving-issuer.js';
import { protect } from '../support/protected-api.js';
import { sendOverTls } from '../support/tls-client.js';
import { pemOf, startTlsServer } from '../support/tls-server.js';

const [ofServer, ofApi] = await Promise.all([
  createClientCertificate({ commonName: '127.0.0.1' }),
  createClientCertificate({ commonName: 'inventory-api' }),
]);

/** An introspection endpoint over TLS, with a certificate that nobody vouches for. */
async function listen(
  log: AskedRequest[],
  onSocket: (socket: TLSSocket) => void = () => undefined,
): Promise<string> {
  const { privateKey: key, certificate: cert } = ofServer;
  const server: Server = createServer(
    { key, cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      onSocket(request.socket as TLSSocket); // an https server has no other
      recorded(log, active())(response);
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server has no other address
}

/** A `fetch` that shows a certificate, and takes that of the server whatever it is. */
const fetchWith =
  (certificate: ClientCertificate): typeof globalThis.fetch =>
  async (input, init) => {
    const { origin, pathname } = new URL(String(input));
    const { status, headers, body } = await sendOverTls(origin, {
      path: pathname,
      method: init?.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: String(init?.body),
      certificate,
    });
    return new Response(body, { status, headers: { 'Content-Type': headers['content-type'] ?? '' } });
  };

it('shows no token to an endpoint with an untrusted certificate', { tags: ['INT-03'] }, async () => {
  const asked: AskedRequest[] = [];
  const messages = listenTo<IntrospectionMessage>(channels.introspection);
  const issuer = await listen(asked);
  const api = protect({
    issuer: { issuer, introspection: { ...client, endpoint: `${issuer}${INTROSPECT}` } },
  });
  expect(await api.get(opaque())).toBe('503 introspection_unavailable');
  expect(messages).toMatchObject([{ event: 'failed', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' }]);
  expect(asked).toEqual([]);
});

it('authenticates by the certificate that the option fetch brings', { tags: ['INT-02'] }, async () => {
  const asked: AskedRequest[] = [];
  const shown: Buffer[] = [];
  const issuer = await listen(asked, (socket) => shown.push(socket.getPeerCertificate().raw));
  const introspection = {
    clientId: 'inventory-api',
    authenticationMethod: 'self_signed_tls_client_auth',
    endpoint: `${issuer}${INTROSPECT}`,
  } as const;
  const api = protect({ issuer: { issuer, introspection }, fetch: fetchWith(ofApi) });
  expect(await api.get(opaque())).toBe('200');
  expect(asked[0]?.form.get('client_id')).toBe('inventory-api');
  expect(asked[0]?.headers).not.toHaveProperty('authorization');
  const pem = ofApi.certificate.replace(/-----[A-Z ]+-----|\s/g, '');
  expect(shown.map((der) => der.toString('base64'))).toEqual([pem]);
});

/** An endpoint that knows its clients by their certificates, and what has been shown to it. */
async function startEndpoint(accepted: () => ClientCertificate) {
  const asked: AskedRequest[] = [];
  const shown: string[] = [];
  const { origin, close } = await startTlsServer((request, response) => {
    const { raw } = (request.socket as TLSSocket).getPeerCertificate(); // an https server has no other sockets
    const thumbprint = createHash('sha256')
      .update(raw ?? '')
      .digest('base64url');
    shown.push(thumbprint);
    const isKnown = thumbprint === accepted().thumbprint;
    recorded(asked, isKnown ? active() : status(401, { error: 'invalid_client' }))(response);
  });
  onTestFinished(close);
  return { url: `${origin}${INTROSPECT}`, asked, shown };
}

it('authenticates by the option certificate, at the place that the metadata name for that', {
  tags: ['INT-02'],
}, async () => {
  const endpoint = await startEndpoint(() => ofApi);
  const issuer = await startMisbehavingIssuer();
  publishEndpoint(issuer, [], { mtls_endpoint_aliases: { introspection_endpoint: endpoint.url } });
  const introspection = { clientId: 'inventory-api', certificate: pemOf(ofApi) };
  const api = protect({ issuer: { issuer: issuer.url, introspection } }, { realTimers: true });
  expect(await api.get(opaque())).toBe('200');
  expect(endpoint.shown).toEqual([ofApi.thumbprint]);
  expect(Object.fromEntries(endpoint.asked[0]?.form ?? [])).toEqual({
    client_id: 'inventory-api',
    token: opaque(),
    token_type_hint: 'access_token',
  });
  expect(endpoint.asked[0]?.headers).not.toHaveProperty('authorization');
});

it('shows a certificate beside a secret', { tags: ['INT-02'] }, async () => {
  const endpoint = await startEndpoint(() => ofApi);
  const introspection = { ...client, endpoint: endpoint.url, certificate: pemOf(ofApi) };
  const issuer = 'https://auth.example.com';
  const api = protect({ issuer: { issuer, introspection } }, { realTimers: true });
  expect(await api.get(opaque())).toBe('200');
  expect(endpoint.shown).toEqual([ofApi.thumbprint]);
  expect(endpoint.asked[0]?.headers.authorization).toMatch(/^Basic /);
});

it('uses a certificate that was rotated, after a refusal at once', { tags: ['INT-02'] }, async () => {
  let current = ofApi;
  let accepted = ofApi;
  const endpoint = await startEndpoint(() => accepted);
  const certificate = () => pemOf(current);
  const introspection = { clientId: 'inventory-api', endpoint: endpoint.url, certificate };
  const issuer = 'https://auth.example.com';
  const api = protect({ issuer: { issuer, introspection } }, { realTimers: true });
  expect(await api.get(opaque(1))).toBe('200');
  current = ofServer;
  expect(await api.get(opaque(2))).toBe('200'); // it isn't asked for more than once a minute
  accepted = ofServer;
  expect(await api.get(opaque(3))).toBe('200');
  const [old, rotated] = [ofApi.thumbprint, ofServer.thumbprint];
  expect(endpoint.shown).toEqual([old, old, old, rotated]);
});

it("says which option is to blame if a certificate can't be used", {
  tags: ['INT-02', 'OPS-01'],
}, async () => {
  const endpoint = await startEndpoint(() => ofApi);
  const { cert, key } = pemOf(ofApi);
  const ask = async (certificate: () => CertificatePem | Promise<CertificatePem>) => {
    const introspection = { clientId: 'inventory-api', endpoint: endpoint.url, certificate };
    const issuer = 'https://auth.example.com';
    const { server } = protect({ issuer: { issuer, introspection } }, { realTimers: true });
    return server.verify(opaque()).catch((error: unknown) => error);
  };
  expect(await ask(() => ({ cert, key: ofServer.privateKey }))).toMatchObject({
    reason: 'introspection_auth_failed',
    cause: { message: 'the function certificate: certificate.key is not the key of the certificate' },
  });
  expect(await ask(() => ({ cert, key }))).toMatchObject({
    reason: 'introspection_unavailable',
    cause: { message: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    hint: expect.stringContaining('caFile'),
  });
  expect(await ask(() => pemOf(ofServer))).toMatchObject({
    reason: 'introspection_auth_failed',
    hint: expect.stringContaining('certificate'),
  });
  expect(() =>
    protect({
      issuer: {
        issuer: 'https://auth.example.com',
        introspection: { clientId: 'api', certificate: { cert, key: '' } },
      },
    }),
  ).toThrow(/introspection.certificate.key" takes a private key in PEM/);
});
