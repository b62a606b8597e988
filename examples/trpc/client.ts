import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { createClientCredentials } from 'oauth-resource-server/client';
import type { Inventory } from './inventory.js';

const api = createClientCredentials({
  issuer: 'http://127.0.0.1:4400',
  clientId: 'order-service',
  clientSecret: 'dev-secret',
  scope: 'read:inventory',
  resource: 'https://inventory.example.com',
  origins: ['http://127.0.0.1:3000'],
});
const inventory = createTRPCClient<Inventory>({
  links: [
    httpBatchLink({
      url: 'http://127.0.0.1:3000',
      fetch: (url, init) => api.fetch(url, { ...init, signal: init?.signal ?? null }),
    }),
  ],
});

console.log(await inventory.stock.get.query('42')); // { sku: '42', inStock: 7, caller: 'order-service' }
await inventory.stock.reserve.mutate('42'); // TRPCClientError, its data.code is FORBIDDEN
