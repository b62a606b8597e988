const { createTestIssuer } = require('oauth-resource-server/testing');
const request = require('supertest');
const { createApp } = require('./app.js');

test('answers a caller with the scope', async () => {
  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
  const app = createApp(issuer.options);
  await request(app)
    .get('/stock/42')
    .set(await issuer.authorization({ scope: 'read:inventory' }))
    .expect(200, { sku: '42', caller: 'test-client' });
});

test('refuses every forgery', async () => {
  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
  const app = createApp(issuer.options);
  for (const forgery of await issuer.forgeries({ scope: 'read:inventory' }))
    await request(app).get('/stock/42').set(forgery.headers).expect(forgery.status);
});
