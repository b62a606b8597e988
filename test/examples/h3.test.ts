import { H3, handleCors, toNodeHandler } from 'h3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { getAuth, resourceServer } from '../../adapters/fetch/index.js';
import { createInventory } from '../../examples/h3/inventory.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { describeInventory, type Inventory } from './inventory-rows.js';
import { serveInventory } from './serve.js';

const issuer = await createTestIssuer();
const scope = 'read:inventory';

async function serve(app: H3): Promise<Inventory> {
  const inventory = await serveInventory(toNodeHandler(app));
  onTestFinished(() => inventory.close());
  return inventory;
}

describe('the example on h3', () => {
  describeInventory((options) => serveInventory(toNodeHandler(createInventory(options))));

  it('refuses two tokens in two lines', async () => {
    const { url } = await serve(createInventory(issuer.options));
    const { Authorization: token } = await issuer.authorization({ scope });
    const headers = [['Authorization', token] as const, ['Authorization', token] as const];
    expect((await send(url, { path: '/stock/42', headers })).status).toBe(400);
  });

  it.each(['/', '/unknown', '//health', '/health/', '/HEALTH', '/health/../stock/42', '/stock/42/'])(
    'protects %s',
    async (path) => {
      const { url } = await serve(createInventory(issuer.options));
      expect((await send(url, { path })).status).toBe(401);
    },
  );

  it('protects routes that were added before the middleware', async () => {
    const gate = resourceServer(issuer.options);
    const app = new H3();
    app.get('/', () => 'open');
    app.use(async ({ req }, next) => {
      const auth = await gate(req);
      return auth instanceof Response ? auth : next();
    });
    expect((await (await serve(app)).send('/')).status).toBe(401);
  });

  it('adds to an accepted answer what it must carry', async () => {
    const inventory = await serve(createInventory({ ...issuer.options, bearerMethods: ['query'] }));
    const { status, headers, body } = await inventory.send(
      `/stock/42?access_token=${await issuer.token({ scope })}`,
    );
    expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(headers.get('content-type')).toMatch('application/json');
    expect(JSON.parse(body)).toMatchObject({ sku: '42' });
  });

  it('reads a token in the body, and leaves the body to the handler', async () => {
    const app = new H3();
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['body'] });
    const handle = gate.protect(async (request) => {
      return Response.json([getAuth(request).clientId, (await request.text()).length > 100]);
    });
    app.post('/', ({ req }) => handle(req));
    const inventory = await serve(app);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = `access_token=${await issuer.token()}`;
    const answer = await inventory.send('/', { method: 'POST', headers, body });
    expect(JSON.parse(answer.body)).toEqual(['test-client', true]);
  });

  it('is refused readably for scripts, with the CORS layer in front', async () => {
    const gate = resourceServer(issuer.options);
    const app = new H3();
    app.use((event) => {
      const cors = {
        origin: ['https://shop.example.com'],
        exposeHeaders: ['WWW-Authenticate', 'DPoP-Nonce'],
      };
      const answered = handleCors(event, cors);
      return answered === false ? undefined : answered;
    });
    app.use(async ({ req }, next) => {
      const auth = await gate(req);
      return auth instanceof Response ? auth : next();
    });
    const inventory = await serve(app);
    const headers = { Origin: 'https://shop.example.com' };
    const refused = await inventory.send('/', { headers });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
      401,
      headers.Origin,
    ]);
    expect(refused.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    const asked = { ...headers, 'Access-Control-Request-Method': 'GET' };
    expect((await inventory.send('/', { method: 'OPTIONS', headers: asked })).status).toBe(204);
  });
});
