import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { channels, type IntrospectionMessage } from '../../src/index.js';
import { type ClientCertificate, createClientCertificate } from '../../src/testing/index.js';
import { type AskedRequest, active, client, INTROSPECT, opaque, recorded } from '../support/introspection.js';
import { listenTo } from '../support/listen-to.js';
import { protect } from '../support/protected-api.js';
import { sendOverTls } from '../support/tls-client.js';

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
