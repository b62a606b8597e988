import Koa, { type Middleware } from 'koa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInventory } from '../../examples/koa/inventory.js';
import { authenticate, requireClaims, requireScope } from '../../examples/koa/resource-server.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { describeInventory, type Inventory } from './inventory-rows.js';
import { serveInventory } from './serve.js';

const issuer = await createTestIssuer();
const scope = 'read:inventory';

async function serve(app: Koa): Promise<Inventory> {
  const inventory = await serveInventory(app.callback());
  onTestFinished(() => inventory.close());
  return inventory;
}

const whoami: Middleware = (ctx) => {
  ctx.body = String(ctx.state.auth?.clientId);
};

/** As a body parser leaves it. */
const parseForm: Middleware = async (ctx, next) => {
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  Object.assign(ctx.request, {
    body: Object.fromEntries(new URLSearchParams(String(Buffer.concat(chunks)))),
  });
  await next();
};

describe('the example on Koa', () => {
  describeInventory((options) => serveInventory(createInventory(options).callback()));

  it('refuses two tokens in two lines', async () => {
    const { url } = await serve(createInventory(issuer.options));
    const { Authorization: token } = await issuer.authorization({ scope });
    const headers = [['Authorization', token] as const, ['Authorization', token] as const];
    expect((await send(url, { path: '/stock/42', headers })).status).toBe(400);
  });

  it('sends a challenge per scheme, each in a line of its own', async () => {
    const { url } = await serve(createInventory(issuer.options));
    const { lines } = await send(url, { path: '/stock/42' });
    expect(lines('www-authenticate').map((line) => line.split(' ', 1)[0])).toEqual(['Bearer', 'DPoP']);
  });

  it('answers a HEAD like a GET', async () => {
    const { url } = await serve(createInventory(issuer.options));
    const refused = await send(url, {
      method: 'HEAD',
      path: '/stock/42',
      headers: [['Authorization', 'Bearer']],
    });
    expect([refused.status, refused.body]).toEqual([400, '']);
  });

  it('sets ctx.state.auth, and names in one challenge what was met as well', async () => {
    const app = new Koa();
    app.use(authenticate(issuer.options));
    app.use(requireScope(scope));
    app.use(requireClaims((claims) => claims.tenant === 'acme'));
    app.use(whoami);
    const inventory = await serve(app);
    const ask = async (claims: object) =>
      inventory.send('/', { headers: await issuer.authorization({ scope, ...claims }) });
    expect((await ask({ tenant: 'acme' })).body).toBe('test-client');
    expect((await ask({ tenant: 'other' })).headers.get('www-authenticate')).toContain(`scope="${scope}"`);
  });

  it('reads a token in the body behind a body parser', async () => {
    const app = new Koa();
    app.use(parseForm);
    app.use(authenticate({ ...issuer.options, bearerMethods: ['body'] }));
    app.use(whoami);
    const inventory = await serve(app);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = `access_token=${await issuer.token()}`;
    expect(await inventory.send('/', { method: 'POST', headers, body })).toMatchObject({
      body: 'test-client',
    });
    expect(await inventory.send('/', { method: 'POST', headers, body: 'a=b' })).toMatchObject({
      status: 401,
    });
  });

  it('takes a token out of the URL', async () => {
    const app = new Koa();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.use((ctx) => {
      ctx.body = JSON.stringify([ctx.url, ctx.querystring, ctx.query]);
    });
    const { body, headers } = await (await serve(app)).send(`/a?b=1&access_token=${await issuer.token()}`);
    expect(JSON.parse(body)).toEqual(['/a?b=1', 'b=1', { b: '1' }]);
    expect(headers.get('cache-control')).toBe('private, no-store');
  });

  it('compares a proof with the URL before a mount cut it, as a trusted proxy saw it', async () => {
    const app = new Koa({ proxy: true });
    app.use(async (ctx, next) => {
      ctx.path = ctx.path.replace('/mounted', ''); // what koa-mount does
      await next();
    });
    app.use(authenticate(issuer.options));
    app.use(whoami);
    const inventory = await serve(app);
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const proof = await key.headers({ url: 'https://inventory.example.com/mounted/stock', token });
    const headers = { ...proof, 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'inventory.example.com' };
    expect((await inventory.send('/mounted/stock', { headers })).status).toBe(200);
    expect((await inventory.send('/stock', { headers })).status).toBe(401);
  });

  it('lets the anonymous in where they are welcome, and refuses a bad token there', async () => {
    const app = new Koa();
    app.use(authenticate({ ...issuer.options, optional: true }));
    app.use(whoami);
    const inventory = await serve(app);
    expect((await inventory.send('/')).body).toBe('undefined');
    expect((await inventory.send('/', { headers: { Authorization: 'Bearer a.b.c' } })).status).toBe(401);
  });

  it('runs no handler if a requirement comes before authenticate', async () => {
    const app = new Koa();
    const errors: Error[] = [];
    app.on('error', (error) => errors.push(error));
    app.use(requireScope(scope));
    app.use(whoami);
    const headers = await issuer.authorization({ scope });
    expect((await (await serve(app)).send('/', { headers })).status).toBe(500);
    expect(errors.map(String)).toEqual([expect.stringContaining('use authenticate() first')]);
  });

  it('refuses a preflight that no CORS layer answered', async () => {
    const inventory = await serve(createInventory(issuer.options));
    const headers = { Origin: 'https://shop.example.com', 'Access-Control-Request-Method': 'GET' };
    expect((await inventory.send('/stock/42', { method: 'OPTIONS', headers })).status).toBe(401);
  });
});
