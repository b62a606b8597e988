import { once } from 'node:events';
import { createServer } from 'node:http';
import { createTestIssuer } from 'oauth-resource-server/testing';
import { createApp } from './app.js';

const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
const server = createServer(createApp(issuer.options)).listen(0, '127.0.0.1');
await once(server, 'listening');
const get = (headers) => fetch(`http://127.0.0.1:${server.address().port}/stock/42`, { headers });

const anonymous = await get({});
const allowed = await get(await issuer.authorization({ scope: 'read:inventory' }));
console.log(
  JSON.stringify({
    anonymous: [anonymous.status, anonymous.headers.get('WWW-Authenticate')],
    allowed: [allowed.status, await allowed.json()],
  }),
);
server.close();
