import { connect as connectHttp2, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { getAuth, resourceServer } from '../../adapters/fastify/index.js';
import { createResourceServer } from '../../src/index.js';
import { createClientCertificate, createTestIssuer } from '../../src/testing/index.js';
import { sendOverTls, type TlsRequest } from '../support/tls-client.js';
import type { Running, TlsOptions } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const issuer = await createTestIssuer();
const [ofServer, mine, others] = await Promise.all([
  createClientCertificate({ commonName: '127.0.0.1' }),
  createClientCertificate(),
  createClientCertificate(),
]);

/** Asks for a certificate and takes any: the token says which one it has to be. */
const tls: TlsOptions = {
  key: ofServer.privateKey,
  cert: ofServer.certificate,
  requestCert: true,
  rejectUnauthorized: false,
};
const options = { ...issuer.options, mtls: true };
const READ = { scope: 'read:inventory' };
const bound = await issuer.authorization({ ...READ, cnf: { 'x5t#S256': mine.thumbprint } });
const unbound = await issuer.authorization(READ);

describe.each(harnesses)('$name over TLS', (harness) => {
  let api: Running;
  beforeAll(async () => {
    api = await harness.start(options, { tls });
  });
  afterAll(() => api.close());

  const statusOf = async (sent: TlsRequest): Promise<number> => (await sendOverTls(api.url, sent)).status;

  it('accepts the certificate that the token is bound to, even self-signed', {
    tags: ['MTL-01', 'MTL-04', 'MTL-07'],
  }, async () => {
    const before = api.handled();
    const response = await sendOverTls(api.url, { headers: bound, certificate: mine });
    expect(response).toMatchObject({ status: 200 });
    expect(JSON.parse(response.body)).toMatchObject({ caller: 'test-client' });
    expect(api.handled() - before).toBe(1);
  });

  it.each([
    ['another certificate', others],
    ['no certificate', undefined],
  ])('refuses %s', { tags: ['MTL-01', 'MTL-02'] }, async (_name, certificate) => {
    const before = api.handled();
    const response = await sendOverTls(api.url, { headers: bound, certificate });
    expect(response.status).toBe(401);
    expect(JSON.parse(response.body)).toMatchObject({ error: 'invalid_token' });
    expect(response.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(api.handled() - before).toBe(0);
  });

  it('treats other tokens as bearer tokens', { tags: ['MTL-05'] }, async () => {
    expect(await statusOf({ headers: unbound })).toBe(200);
    expect(await statusOf({ headers: unbound, certificate: others })).toBe(200);
  });

  it("doesn't accept a certificate in a header", { tags: ['MTL-08'] }, async () => {
    expect(await statusOf({ headers: { ...bound, 'Client-Cert': mine.clientCertField } })).toBe(401);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'keeps the certificate of a resumed session, or the lack of one: %s',
    { tags: ['MTL-07'] },
    async (version) => {
      const begun = await sendOverTls(api.url, { headers: bound, certificate: mine, version });
      expect(begun).toMatchObject({ status: 200, wasResumed: false });
      const resumed = await sendOverTls(api.url, { headers: bound, session: begun.session, version });
      expect(resumed).toMatchObject({ status: 200, wasResumed: true });

      const without = await sendOverTls(api.url, { headers: unbound, version });
      expect(without).toMatchObject({ status: 200, wasResumed: false });
      const { session } = without;
      const still = await sendOverTls(api.url, { headers: bound, session, certificate: mine, version });
      expect(still).toMatchObject({ status: 401, wasResumed: true });
    },
  );
});

describe('HTTP/2', () => {
  /** What the given client gets, with the compatibility API of Node at the other end. */
  async function statusOf(port: number, certificate?: typeof mine): Promise<number> {
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      ...(certificate && { cert: certificate.certificate, key: certificate.privateKey }),
    });
    try {
      const stream = session.request({ ':path': '/whoami', authorization: bound.Authorization });
      return await new Promise<number>((resolve, reject) => {
        session.on('error', reject);
        stream.on('error', reject);
        stream.on('response', (headers) => resolve(Number(headers[':status'])));
        stream.resume();
      });
    } finally {
      session.destroy();
    }
  }

  it('uses the certificate of the session for its streams', { tags: ['MTL-07'] }, async () => {
    const server = createResourceServer(options);
    const peers: (string | undefined)[] = [];
    const listener = createSecureServer(tls, async (request, response) => {
      peers.push(request.socket.remoteAddress);
      const decision = await server.authenticate(request as never); // the HTTP/2 compatibility API has what is looked at
      response.writeHead(decision.kind === 'allowed' ? 200 : decision.answer.status).end();
    });
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      listener.close();
    });
    const { port } = listener.address() as AddressInfo; // a TCP server has no other address
    expect(await statusOf(port, mine)).toBe(200);
    expect(await statusOf(port, others)).toBe(401);
    expect(await statusOf(port)).toBe(401);
    expect(peers).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
  });

  it('works with Fastify too', { tags: ['MTL-07'] }, async () => {
    const app = fastify({ http2: true, https: tls });
    await app.register(resourceServer, options);
    app.get('/whoami', (request) => ({ caller: getAuth(request).clientId }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => app.close());
    const { port } = app.server.address() as AddressInfo; // a TCP server has no other address
    expect(await statusOf(port, mine)).toBe(200);
    expect(await statusOf(port, others)).toBe(401);
    expect(await statusOf(port)).toBe(401);
  });
});
