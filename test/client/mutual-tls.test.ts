import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { authenticate, getAuth } from '../../adapters/express/index.js';
import { type ClientCredentialsOptions, createClientCredentials } from '../../src/client/index.js';
import { createClientCertificate } from '../../src/testing/index.js';
import { INVENTORY, registered } from './support/authorization-server.js';
import {
  byName,
  type MtlsAuthorizationServer,
  pemOf,
  selfSigned,
  startMtlsAuthorizationServer,
  startTlsServer,
} from './support/mtls-server.js';

const [mine, next, others] = await Promise.all([
  createClientCertificate({ commonName: 'order-service' }),
  createClientCertificate({ commonName: 'order-service' }),
  createClientCertificate({ commonName: 'other-service' }),
]);

async function startInventory({ issuer, jwks }: MtlsAuthorizationServer): Promise<string> {
  const app = express();
  app.use(
    authenticate({ issuer: { issuer, jwks: { keys: [...jwks.keys] } }, audience: INVENTORY, mtls: true }),
  );
  app.get('/stock/:sku', (req, res) => {
    res.json(getAuth(req).clientId);
  });
  return (await startTlsServer(app)).origin;
}

function makeClient(options: Partial<ClientCredentialsOptions>) {
  const client = createClientCredentials({ clientId: 'order-service', resource: INVENTORY, ...options });
  onTestFinished(() => client.close());
  return client;
}

describe('a client that a real authorization server knows by its certificate', () => {
  it.each([
    ['tls_client_auth', byName('order-service', 'order-service')],
    ['self_signed_tls_client_auth', selfSigned('order-service', [mine])],
  ] as const)('calls an API over that certificate: %s', async (authenticationMethod, client) => {
    const server = await startMtlsAuthorizationServer([client], [mine]);
    const inventory = await startInventory(server);
    const { issuer } = server;
    const api = makeClient({ issuer, certificate: pemOf(mine), authenticationMethod, origins: [inventory] });
    const response = await api.fetch(`${inventory}/stock/42`);
    expect([response.status, await response.json()]).toEqual([200, 'order-service']);
    expect(server.requests.filter((line) => line.startsWith('POST'))).toEqual(['POST /token aliased']);
  });
});
void [next, others, registered];
