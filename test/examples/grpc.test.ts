import { once } from 'node:events';
import { credentials, logVerbosity, ServerCredentials, setLogVerbosity, status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInventoryClient } from '../../examples/grpc/client.js';
import { type InventoryClient, inventoryService, type Stock } from '../../examples/grpc/inventory.js';
import { createInventoryServer } from '../../examples/grpc/server.js';
import { createClientCredentials } from '../../src/client/index.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createClientCertificate, createTestIssuer } from '../../src/testing/index.js';
import { inventory as audience, start as startDevIssuer } from '../dev-issuer/support.js';
import { codeFor, grpcCaller } from '../support/grpc-call.js';

setLogVerbosity(logVerbosity.NONE); // it logs metadata that it can't take
const issuer = await createTestIssuer({ audience });
const READ = { scope: 'read:inventory' };
const GET_STOCK = '/inventory.Inventory/GetStock';
const request = inventoryService.GetStock?.requestSerialize({ sku: '42' });

async function start(options: ResourceServerOptions, channel = ServerCredentials.createInsecure()) {
  const server = createInventoryServer(options);
  onTestFinished(() => server.forceShutdown());
  return new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', channel, (error, port) => (error ? reject(error) : resolve(port))),
  );
}

/** A server with TLS, and the client of the example. */
async function startBoth(options: ResourceServerOptions, getToken: () => Promise<{ accessToken: string }>) {
  const { certificate, privateKey } = await createClientCertificate({ commonName: 'inventory' });
  const [cert_chain, private_key] = [Buffer.from(certificate), Buffer.from(privateKey)];
  const port = await start(options, ServerCredentials.createSsl(null, [{ cert_chain, private_key }]));
  const channel = credentials.createSsl(cert_chain, null, null, { checkServerIdentity: () => undefined });
  const tokens = {
    getToken: async () => ({
      accessToken: (await getToken()).accessToken,
      tokenType: 'Bearer' as const,
      expiresAt: 0,
      scope: [],
    }),
  };
  const client = createInventoryClient(`localhost:${port}`, channel, tokens);
  onTestFinished(() => client.close());
  return client;
}

const getStock = (client: InventoryClient): Promise<Stock | number> =>
  new Promise((resolve, reject) =>
    client.GetStock({ sku: '42' }, (error, stock) =>
      error ? resolve(error.code) : stock ? resolve(stock) : reject(new Error('neither')),
    ),
  );

describe('the example of gRPC', () => {
  it('refuses every forgery, and answers callers with a token', { tags: ['OPS-09'] }, async () => {
    const call = grpcCaller(await start(issuer.options));
    const forgeries = await issuer.forgeries(READ);
    const proofs = await issuer.dpopForgeries({ method: 'POST', url: `https://localhost${GET_STOCK}` }, READ);
    expect(forgeries.length + proofs.length).toBeGreaterThan(160);
    for (const forgery of forgeries) {
      const { code, message } = await call(GET_STOCK, forgery.headers, request);
      expect({ code, message }, forgery.name).toEqual({ code: codeFor(forgery), message: Buffer.alloc(0) });
    }
    const refusals = [status.INVALID_ARGUMENT, status.UNAUTHENTICATED];
    for (const { name, headers } of proofs)
      expect(refusals, name).toContain((await call(GET_STOCK, headers, request)).code);
    const outcome = await call(GET_STOCK, await issuer.authorization(READ), request);
    expect(outcome.code).toBe(status.OK);
    expect(inventoryService.GetStock?.responseDeserialize(outcome.message)).toMatchObject({ count: 7 });
    expect((await call('/inventory.Inventory/GetVersion', {})).code).toBe(status.OK);
  });

  it('is UNAVAILABLE during an outage of the issuer', async () => {
    const other = await createTestIssuer({ audience });
    other.goDown();
    const call = grpcCaller(await start(other.options));
    expect(await call(GET_STOCK, await other.authorization(READ), request)).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'The access token cannot be verified at the moment',
    });
  });

  it('calls with tokens from a real token endpoint', async () => {
    const { issuer: url } = await startDevIssuer();
    const tokens = createClientCredentials({
      issuer: url,
      clientId: 'order-service',
      clientSecret: 'dev-secret',
      resource: audience,
      origins: ['https://inventory.example.com'],
    });
    const client = await startBoth({ issuer: url, audience }, () => tokens.getToken());
    expect(await getStock(client)).toMatchObject({ sku: '42', count: 7, caller: 'order-service' });
    const reserving = client.Reserve();
    reserving.write({ sku: '42' });
    expect(await once(reserving, 'data')).toMatchObject([{ count: 6 }]);
    reserving.end();
    await once(reserving, 'end');
  });

  it('says UNAVAILABLE on the side of the client if there is no token', async () => {
    const client = await startBoth(issuer.options, () => Promise.reject(new Error('no token endpoint')));
    expect(await getStock(client)).toBe(status.UNAVAILABLE);
  });

  it('ends a stream when its token expires', async () => {
    const exp = Math.ceil(Date.now() / 1000) + 1;
    const accessToken = await issuer.token({ ...READ, exp });
    const options = { ...issuer.options, clockToleranceSeconds: 0 };
    const client = await startBoth(options, async () => ({ accessToken }));
    const watching = client.WatchStock({ sku: '42' });
    expect(await once(watching, 'data')).toMatchObject([{ count: 7, caller: 'test-client' }]);
    watching.resume();
    const [error] = await once(watching, 'error');
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: 'The access token expired' });
    expect(Date.now() - exp * 1000).toBeLessThan(1000);
  });
});
