import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer, isResourceServerError, type ResourceServer } from 'oauth-resource-server';
import { createTestIssuer, fakeAuth, type TestIssuer } from 'oauth-resource-server/testing';
import { createApp } from './app.js';

const issuer: TestIssuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
const server = createServer(createApp(issuer.options)).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const answer = await fetch(`http://127.0.0.1:${port}/stock/42`, {
  headers: await issuer.authorization({ scope: 'read:inventory', tenant: 'acme' }),
});
server.close();

const direct: ResourceServer = createResourceServer(issuer.options);
const reason = await direct.verify('not-a-token').catch((error: unknown) => {
  if (isResourceServerError(error)) return error.reason;
  throw error;
});

const faked: string = fakeAuth({ scopes: ['write:orders'], claims: { tenant: 'acme' } }).claims.tenant;
// @ts-expect-error not one of the registered scopes
fakeAuth({ scopes: ['write:order'] });

console.log(JSON.stringify({ status: answer.status, body: await answer.json(), reason, faked }));
