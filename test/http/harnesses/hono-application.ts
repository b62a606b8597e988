import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import {
  type AuthEnv,
  authenticate,
  deny,
  getAuth,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
  resourceMetadata,
} from '../../../adapters/hono/index.js';
import {
  type Auth,
  createResourceServer,
  type FetchConnection,
  InsufficientScopeError,
  isResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../../src/index.js';
import { asForwarded, type FetchApplication } from './fetch-application.js';
import type { HarnessSettings } from './harness.js';

type App = { Bindings: FetchConnection } & AuthEnv<Auth | undefined>;

/** An application of Hono, for whichever server the runtime has. */
export function honoApplication(
  options: ResourceServerOptions | ResourceServer,
  { trustsProxies = false, hasCors = true }: HarnessSettings = {},
): FetchApplication {
  let handled = 0;
  const count: MiddlewareHandler = async (_c, next) => {
    handled += 1;
    await next();
  };
  const stock = (c: Context<App, '/stock/:sku'>): Response => {
    const { clientId, scopes } = getAuth(c);
    return c.json({ sku: c.req.param('sku'), caller: clientId ?? null, scopes });
  };
  const whoami = (c: Context<App>): Response => {
    const auth = c.get('auth');
    return c.json({ subject: auth?.subject, caller: auth?.clientId, anonymous: auth === undefined });
  };

  const app = new Hono<App>();
  const server = isResourceServer(options) ? options : createResourceServer(options);
  if (server.resourceMetadata !== undefined) app.use(resourceMetadata(server));
  app.get('/public', (c) => c.json({ ok: true }));
  app.use(async (c, next) => {
    const headers = new Headers(c.req.raw.headers);
    const token = headers.get('x-forwarded-access-token');
    if (token !== null && !headers.has('authorization')) {
      headers.set('authorization', `Bearer ${token}`);
      c.req.raw = new Request(c.req.raw, { headers });
    }
    await next();
  });
  // A ready server would refuse the anonymous.
  app.use(authenticate(options, { connection: (_request, c: Context<App>) => c.env }));
  if (hasCors) app.use(cors());
  app.get('/stock/:sku', requireScope('read:inventory'), count, stock);
  app.post('/orders', requireScope('read:inventory', 'write:orders'), count, (c) =>
    c.json({ ok: true }, 201),
  );
  app.get('/any', requireAnyScope('read:inventory', 'admin'), count, whoami);
  app.get(
    '/claims',
    requireClaims((claims) => claims.tenant === 'acme'),
    count,
    whoami,
  );
  app.get(
    '/secure',
    requireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 }),
    count,
    whoami,
  );
  app.get('/recent', requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] }), count, whoami);
  app.get(
    '/payments',
    requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment')),
    count,
    whoami,
  );
  app.get(
    '/own',
    requireScope('read:inventory'),
    async (c, next) => {
      if (c.get('auth').claims.tenant !== 'acme')
        return deny(new InsufficientScopeError('claims_not_met'), c);
      await next();
    },
    count,
    whoami,
  );
  app.post('/refunds', requireScope('read:inventory'), requireScope('write:orders'), count, whoami);
  app.get(
    '/stocktake',
    requireScope('read:inventory'),
    requireAnyScope('write:orders', 'admin'),
    count,
    whoami,
  );
  app.get('/vault', requireScope('admin'), requireAuthentication({ maxAgeSeconds: 300 }), count, whoami);
  app.on(['GET', 'POST', 'OPTIONS'], '/whoami', count, whoami);
  const mounted = new Hono<App>();
  mounted.get('/stock/:sku', requireScope('read:inventory'), count, stock);
  app.route('/mounted', mounted);

  return {
    handled: () => handled,
    fetch: (request, connection) => app.fetch(trustsProxies ? asForwarded(request) : request, connection),
  };
}
