import { createRequire } from 'node:module';
import express5 from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { authenticate, requireScope } from '../../adapters/express/index.js';
import { channels, type DecisionMessage } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const frameworks: [string, typeof express5][] = [
  ['5', express5],
  // Installed under another name, without types; what is used of it is the same.
  ['4', createRequire(import.meta.url)('express4') as typeof express5],
];

describe.each(frameworks)('the route of a refused request on Express %s', (_version, express) => {
  /** Refuses without a token at the gate, and with one at `requireScope`. */
  async function routesOf(path: string, method: 'get' | 'post' | 'head' = 'get') {
    const app = express();
    const stores = express.Router({ mergeParams: true });
    const stock = express.Router();
    const ok = (_request: unknown, response: { json(body: unknown): unknown }) => void response.json({});
    app.use(authenticate(issuer.options));
    app.get('/stock/:sku', requireScope('admin'), ok);
    app.route('/orders').post(requireScope('admin'), ok);
    stock.all('/:sku', requireScope('admin'), ok);
    stores.use('/stock', stock);
    stores.get('/', requireScope('admin'), ok);
    app.use('/stores/:store', stores);
    app.use(/^\/t\/[a-z]+/, stores);
    app.use('/plain/', stores);
    const messages = listenTo<DecisionMessage>(channels.decision);
    await request(app)[method](path);
    await request(app)[method](path).set(reader);
    return messages.filter(({ outcome }) => outcome === 'denied').map(({ route }) => route);
  }

  it.each([
    ['/stock/canary?q=canary', '/stock/:sku'],
    ['/stores/canary/stock/canary', '/stores/:store/stock/:sku'],
    ['/stores/can%20ary/stock/42', '/stores/:store/stock/:sku'],
    ['/stores/canary', '/stores/:store/'],
    ['/plain/stock/42', '/plain/stock/:sku'],
    ['/t/canary/stock/42', undefined],
  ])('%s is %s', async (path, route) => {
    expect(await routesOf(path)).toEqual([route, route]);
  });

  it('depends on the method', async () => {
    expect(await routesOf('/orders', 'post')).toEqual(['/orders', '/orders']);
    expect(await routesOf('/orders', 'get')).toEqual([undefined]);
    expect(await routesOf('/stock/42', 'head')).toEqual(['/stock/:sku', '/stock/:sku']);
  });

  it("is unknown if there's none, or the path can't be decoded", async () => {
    expect(await routesOf('/canary')).toEqual([undefined]);
    expect(await routesOf('/stock/%zz')).toEqual([undefined]);
  });

  it('is unknown in an application that is mounted in another', async () => {
    const [app, inner] = [express(), express()];
    inner.use(authenticate(issuer.options));
    inner.get('/stock/:sku', (_request, response) => void response.json({}));
    app.use('/stores/:store', inner);
    const messages = listenTo<DecisionMessage>(channels.decision);
    await request(app).get('/stores/canary/stock/canary').expect(401);
    expect(messages).toMatchObject([{ route: undefined }]);
  });
});
