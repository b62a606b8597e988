import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import {
  type ChannelOptions,
  credentials,
  type Server as GrpcServer,
  logVerbosity,
  Metadata,
  ServerCredentials,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { authenticate, requireScope } from '../../adapters/grpc/index.js';
import { Inventory, type InventoryClient, inventoryService } from '../../examples/grpc/inventory.js';
import { createInventory } from '../../examples/nestjs-microservices/inventory.js';
import { OrderService } from '../../examples/nestjs-microservices/order-service.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { codeFor, grpcCaller } from '../support/grpc-call.js';

setLogVerbosity(logVerbosity.NONE); // it logs metadata that it can't take
const issuer = await createTestIssuer();
const READ = { scope: 'read:inventory' };

async function start(service: MicroserviceOptions, options: ResourceServerOptions = issuer.options) {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(createInventory(options), {
    ...service,
    logger: false,
    abortOnError: false,
  });
  onTestFinished(() => app.close());
  await app.listen();
  return app;
}

async function startTcp(options?: ResourceServerOptions) {
  const app = await start({ transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } }, options);
  const { port } = app.unwrap<Server>().address() as AddressInfo; // it listens on TCP
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
  });
  onTestFinished(() => client.close());
  return client;
}

async function startGrpc(options?: ResourceServerOptions, channelOptions?: ChannelOptions): Promise<number> {
  let listening = Promise.resolve(0);
  await start(
    {
      transport: Transport.GRPC,
      options: {
        url: '127.0.0.1:0',
        package: 'inventory',
        protoPath: 'examples/grpc/inventory.proto',
        ...(channelOptions && { channelOptions }),
        // Nest tells nobody which port it got, so here's another one.
        onLoadPackageDefinition: (_package: unknown, server: GrpcServer) => {
          listening = new Promise((resolve, reject) =>
            server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
              error ? reject(error) : resolve(port),
            ),
          );
        },
      },
    },
    options,
  );
  return listening;
}

describe('the example of microservices over TCP', () => {
  it('answers messages with a token in the payload', async () => {
    const tokens = async () => ({
      accessToken: await issuer.token(READ),
      tokenType: 'Bearer' as const,
      expiresAt: 0,
      scope: [],
    });
    const orders = new OrderService(await startTcp(), { getToken: tokens });
    expect(await orders.findStock('42')).toEqual({ sku: '42', count: 7, caller: 'test-client' });
  });

  it('refuses every forgery, and during an outage', { tags: ['OPS-09'] }, async () => {
    const ask = async (client: Awaited<ReturnType<typeof startTcp>>, headers: object) => {
      const { authorization = Reflect.get(headers, 'Authorization') } = headers as { authorization?: string };
      const answer = firstValueFrom(client.send('stock', { authorization, sku: '42' }));
      return answer.catch((refusal: unknown) => ({ refusal }));
    };
    const client = await startTcp();
    const url = 'https://localhost/';
    for (const { headers, name, reason } of await issuer.forgeries(READ))
      expect(await ask(client, headers), name).toMatchObject({ refusal: { status: 'error', reason } });
    for (const { headers, name } of await issuer.dpopForgeries({ method: 'POST', url }, READ))
      expect(await ask(client, headers), name).toMatchObject({ refusal: { reason: expect.any(String) } });
    expect(await ask(client, await issuer.authorization(READ))).toMatchObject({ count: 7 });
    const other = await createTestIssuer();
    other.goDown();
    expect(await ask(await startTcp(other.options), await other.authorization(READ))).toMatchObject({
      refusal: { error: 'temporarily_unavailable', retryAfterSeconds: expect.any(Number) },
    });
  });
});

describe('the example of microservices over gRPC', () => {
  const GET_STOCK = '/inventory.Inventory/GetStock';
  const request = inventoryService.GetStock?.requestSerialize({ sku: '42' });

  it('refuses every forgery with the right status, and answers callers with a token', {
    tags: ['OPS-09'],
  }, async () => {
    const call = grpcCaller(await startGrpc());
    for (const forgery of await issuer.forgeries(READ)) {
      const { code, message } = await call(GET_STOCK, forgery.headers, request);
      expect({ code, message }, forgery.name).toEqual({ code: codeFor(forgery), message: Buffer.alloc(0) });
    }
    const refusals = [status.INVALID_ARGUMENT, status.UNAUTHENTICATED];
    const url = `https://localhost${GET_STOCK}`;
    for (const { name, headers } of await issuer.dpopForgeries({ method: 'POST', url }, READ))
      expect(refusals, name).toContain((await call(GET_STOCK, headers, request)).code);
    const { code, message } = await call(GET_STOCK, await issuer.authorization(READ), request);
    expect(code).toBe(status.OK);
    expect(inventoryService.GetStock?.responseDeserialize(message)).toMatchObject({ caller: 'test-client' });
    expect((await call('/inventory.Inventory/GetVersion', {})).code).toBe(status.OK);
  });

  it('takes no token from the payload', { tags: ['OPS-09'] }, async () => {
    const call = grpcCaller(await startGrpc());
    expect((await call(GET_STOCK, {}, request)).code).toBe(status.UNAUTHENTICATED);
  });

  it('is UNAVAILABLE during an outage', async () => {
    const other = await createTestIssuer();
    other.goDown();
    const call = grpcCaller(await startGrpc(other.options));
    expect((await call(GET_STOCK, await other.authorization(READ), request)).code).toBe(status.UNAVAILABLE);
  });

  it('may have the interceptor of the entry grpc as well', async () => {
    const interceptors = [authenticate(issuer.options, { '/inventory.Inventory/*': requireScope('other') })];
    const call = grpcCaller(await startGrpc(issuer.options, { interceptors }));
    const { code, challenge } = await call(GET_STOCK, await issuer.authorization(READ), request);
    expect(code).toBe(status.PERMISSION_DENIED);
    expect(challenge).toContain('scope="other"');
    const both = await issuer.authorization({ scope: 'read:inventory other' });
    expect((await call(GET_STOCK, both, request)).code).toBe(status.OK);
  });

  it('ends a stream when its token expires', async () => {
    const port = await startGrpc();
    const exp = Math.ceil(Date.now() / 1000) + 1;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${await issuer.token({ ...READ, exp })}`);
    const client = new Inventory(
      `127.0.0.1:${port}`,
      credentials.createInsecure(),
    ) as object as InventoryClient;
    onTestFinished(() => client.close());
    const watching = client.WatchStock({ sku: '42' }, metadata);
    expect(await once(watching, 'data')).toMatchObject([{ caller: 'test-client' }]);
    watching.resume();
    const [error] = await once(watching, 'error');
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: 'The access token expired' });
  });
});
