const { createTestIssuer } = require('oauth-resource-server/testing');
const { createApp } = require('./app.js');

async function main() {
  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
  const server = await new Promise((resolve) => {
    const listening = createApp(issuer.options).listen(0, '127.0.0.1', () => resolve(listening));
  });
  const get = (headers) => fetch(`http://127.0.0.1:${server.address().port}/stock/42`, { headers });

  const anonymous = await get({});
  const allowed = await get(await issuer.authorization({ scope: 'read:inventory' }));
  console.log(
    JSON.stringify({
      anonymous: [anonymous.status, await anonymous.json()],
      allowed: [allowed.status, await allowed.json()],
    }),
  );
  server.close();
}

main();
