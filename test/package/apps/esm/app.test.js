import { assertRefusesForgeries, createTestIssuer } from 'oauth-resource-server/testing';
import request from 'supertest';
import { createApp } from './app.js';

let issuer;
let app;

beforeAll(async () => {
  issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
  app = createApp(issuer.options);
});

test('answers a caller with the scope', async () => {
  await request(app)
    .get('/stock/42')
    .set(await issuer.authorization({ scope: 'read:inventory' }))
    .expect(200, { sku: '42', caller: 'test-client' });
});

test('refuses every forgery', async () => {
  await assertRefusesForgeries(
    (forgery) => request(app).get('/stock/42').set(forgery.headers),
    await issuer.forgeries({ scope: 'read:inventory' }),
  );
});
