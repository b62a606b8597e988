import Fastify from 'fastify';
import { getAuth, requireScope, resourceServer } from 'oauth-resource-server/fastify';
import { createTestIssuer } from 'oauth-resource-server/testing';

const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });

const app = Fastify();
await app.register(resourceServer, issuer.options);
app.get('/stock/:sku', { onRequest: requireScope('read:inventory') }, (request) => ({
  sku: request.params.sku,
  caller: getAuth(request).clientId,
}));

const anonymous = await app.inject({ url: '/stock/42' });
const allowed = await app.inject({
  url: '/stock/42',
  headers: await issuer.authorization({ scope: 'read:inventory' }),
});
console.log(
  JSON.stringify({
    anonymous: [anonymous.statusCode, anonymous.headers['www-authenticate']],
    allowed: [allowed.statusCode, allowed.json()],
  }),
);
await app.close();
