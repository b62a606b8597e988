import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent, fetch as undiciFetch } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { ofServer } from '../support/tls-server.js';

const audience = 'https://inventory.example.com';
const { jwks } = (await createTestIssuer({ audience })).options.issuer;
const documents: Readonly<Record<string, unknown>> = {
  '/jwks': typeof jwks === 'function' ? await jwks() : jwks,
  '/introspect': { active: true, aud: audience, client_id: 'order-service', exp: 4_102_444_800 },
};

type Misbehaviour = (request: Http2ServerRequest) => void;

/** An issuer on HTTP/2, and a resource server that asks it over one connection. */
async function scene() {
  const once: Misbehaviour[] = [];
  const requests: string[] = [];
  const { privateKey: key, certificate: cert } = ofServer;
  const server = createSecureServer({ key, cert }, (request, response) => {
    requests.push(`HTTP/${request.httpVersion} ${request.url}`);
    const misbehave = once.shift();
    if (misbehave !== undefined) misbehave(request);
    else {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(documents[request.url]));
    }
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const issuer = `https://localhost:${port}`;
  const dispatcher = new Agent({ allowH2: true, connect: { ca: [cert] } });
  onTestFinished(async () => {
    await dispatcher.destroy();
    server.close();
  });
  const introspection = { endpoint: `${issuer}/introspect`, clientId: 'api', clientSecret: 'secret' };
  const resourceServer = createResourceServer({
    issuer: { issuer, jwksUri: `${issuer}/jwks`, introspection },
    audience,
    // `as`: the same interface, declared in several places.
    fetch: ((url: string, init: object) =>
      undiciFetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch,
    refusalWarnings: 'off',
  });
  return { resourceServer, once, requests };
}

it.each<[string, Misbehaviour]>([
  ['goes away', ({ stream }) => stream.session?.goaway(0)],
  ['goes away and closes the connection', ({ stream }) => stream.session?.destroy()],
  ['resets the request', ({ stream }) => stream.close(2)],
  ['refuses the request', ({ stream }) => stream.close(7)],
])('asks an issuer on HTTP/2 that %s once more', { tags: ['KEY-14', 'INT-06'] }, async (_what, misbehave) => {
  const { resourceServer, once, requests } = await scene();
  await resourceServer.verify('first'); // now there's a connection
  once.push(misbehave);
  await resourceServer.ready();
  once.push(misbehave);
  expect(await resourceServer.verify('second')).toMatchObject({ clientId: 'order-service' });
  const [first, ...others] = requests.map((request) => request.replace('HTTP/2.0 ', ''));
  expect(first).toBe('/introspect');
  expect(others.slice(-4)).toEqual(['/jwks', '/jwks', '/introspect', '/introspect']);
});
