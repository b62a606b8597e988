import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { startWorkers } from './start-workerd.js';

const READ = { scope: 'read:inventory' };

/** A Worker whose gate is made when the module is loaded. */
async function startEdge(setup: object, compatibilityDate?: string): Promise<string> {
  const { urls, close } = await startWorkers('edge-workerd', [setup], compatibilityDate);
  onTestFinished(close);
  return `${urls[0]}/stock/42`;
}

describe('a Worker', () => {
  it('discovers the keys, once for requests that come together', async () => {
    const issuer = await (await createTestIssuer()).listen();
    onTestFinished(() => issuer.close());
    const { issuer: identifier, audience } = issuer.options;
    const url = await startEdge({ issuer: identifier, audience });
    const headers = await issuer.authorization(READ);
    const together = await Promise.all(Array.from({ length: 20 }, () => fetch(url, { headers })));
    expect(together.map(({ status }) => status)).toEqual(together.map(() => 200));
    expect((await fetch(url, { headers: await issuer.authorization({ ...READ, exp: 1 }) })).status).toBe(401);
    expect(issuer.requests['/jwks']).toBe(1);
  });

  it('runs with an older compatibility date and the flag nodejs_compat', async () => {
    const issuer = await (await createTestIssuer()).listen();
    onTestFinished(() => issuer.close());
    const { issuer: identifier, audience } = issuer.options;
    const url = await startEdge({ issuer: identifier, audience }, '2025-06-01');
    expect((await fetch(url, { headers: await issuer.authorization(READ) })).status).toBe(200);
    expect((await fetch(url)).status).toBe(401);
  });

  it('answers 503 with the warnings of the default options while the keys are out of reach', async () => {
    const issuer = await (await createTestIssuer()).listen();
    onTestFinished(() => issuer.close());
    issuer.goDown();
    const { issuer: identifier, audience } = issuer.options;
    const url = await startEdge({ issuer: identifier, audience });
    const headers = await issuer.authorization(READ);
    expect((await fetch(url, { headers })).status).toBe(503);
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('signs client assertions by %s', async (algorithm) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const issuer = 'http://localhost/issuer';
    const audience = 'https://inventory.example.com';
    const server = createServer(async (request, response) => {
      const form = new URLSearchParams(await text(request));
      await jwtVerify(form.get('client_assertion') ?? '', publicKey, { audience: issuer, subject: 'api' });
      const answer = { active: true, aud: audience, exp: 4_102_444_800, ...READ };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo; // it listens on TCP
    const introspection = {
      endpoint: `http://127.0.0.1:${port}/introspect`,
      clientId: 'api',
      privateKey: { ...(await exportJWK(privateKey)), alg: algorithm },
    };
    const url = await startEdge({ issuer: { issuer, introspection }, audience });
    expect((await fetch(url, { headers: { authorization: 'Bearer opaque' } })).status).toBe(200);
  });

  it('loads keys again if a renewal ended with the request that began it', async () => {
    const issuer = await createTestIssuer();
    const { jwks } = issuer.options.issuer;
    const keys = JSON.stringify(typeof jwks === 'function' ? await jwks() : jwks);
    let loads = 0;
    // The renewal gets no answer for as long as the request lasts that it began with.
    const server = createServer((_request, response) => {
      loads += 1;
      if (loads !== 2) response.end(keys);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo; // a TCP server has no other address
    const policy = { maxAgeSeconds: 1, cooldownSeconds: 0, timeoutSeconds: 1 };
    const trusted = {
      issuer: issuer.options.issuer.issuer,
      jwksUri: `http://127.0.0.1:${port}/jwks`,
      keys: policy,
    };
    const url = await startEdge({ issuer: trusted, audience: issuer.options.audience });
    const headers = await issuer.authorization(READ);
    while (loads < 3) {
      const signal = AbortSignal.timeout(5000); // one that waits for ever fails here
      expect((await fetch(url, { headers, signal })).status).toBe(200);
    }
  });
});
