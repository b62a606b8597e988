import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import {
  type Auth,
  deny,
  type FetchConnection,
  type Requirement,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
  resourceServer,
} from '../../../adapters/fetch/index.js';
import {
  InsufficientScopeError,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../../src/index.js';
import type { HarnessSettings } from './harness.js';

/** A Hono application, for whichever server the runtime has. */
export interface FetchApplication {
  fetch(request: Request, connection: FetchConnection): Response | Promise<Response>;
  readonly handled: () => number;
}

type App = { Bindings: FetchConnection };

/** The routes of the contract behind gates of the entry `fetch`. */
export function fetchApplication(
  options: ResourceServerOptions | ResourceServer,
  { trustsProxies = false, hasCors = true }: HarnessSettings = {},
): FetchApplication {
  let handled = 0;
  const gate = resourceServer(options, {
    connection: (_request, context: Context<App>) => context.env,
  });
  const app = new Hono<App>();
  const guarded = (
    handler: (context: Context<App>, auth: Auth | undefined, request: Request) => Response,
    ...requirements: Requirement[]
  ) => {
    const serve = gate.protect(
      (request, auth, context: Context<App>) => {
        const response = handler(context, auth, request);
        if (response.ok) handled += 1;
        return response;
      },
      ...requirements,
    );
    return (context: Context<App>): Promise<Response> => {
      const { raw } = context.req;
      const headers = new Headers(raw.headers);
      const token = headers.get('x-forwarded-access-token');
      if (token === null || headers.has('authorization')) return serve(raw, context);
      headers.set('authorization', `Bearer ${token}`);
      return serve(new Request(raw, { headers }), context);
    };
  };
  const stock = guarded((context, auth) => {
    const { clientId, scopes } = auth ?? {};
    return context.json({ sku: context.req.param('sku'), caller: clientId ?? null, scopes });
  }, requireScope('read:inventory'));
  const whoami = (context: Context<App>, auth: Auth | undefined): Response =>
    context.json({ subject: auth?.subject, caller: auth?.clientId, anonymous: auth === undefined });

  // Before the CORS layer: scripts of any origin may read the metadata.
  app.all(
    '/.well-known/*',
    guarded((context) => context.notFound() as Response),
  );
  if (hasCors) app.use(cors());
  app.get('/public', (context) => context.json({ ok: true }));
  app.get('/stock/:sku', stock);
  app.get('/mounted/stock/:sku', stock);
  app.post(
    '/orders',
    guarded((context) => context.json({ ok: true }, 201), requireScope('read:inventory', 'write:orders')),
  );
  app.get('/any', guarded(whoami, requireAnyScope('read:inventory', 'admin')));
  app.get(
    '/claims',
    guarded(
      whoami,
      requireClaims((claims) => claims.tenant === 'acme'),
    ),
  );
  app.get(
    '/secure',
    guarded(whoami, requireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 })),
  );
  app.get(
    '/recent',
    guarded(whoami, requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] })),
  );
  app.get(
    '/payments',
    guarded(
      whoami,
      requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment')),
    ),
  );
  app.get(
    '/own',
    guarded((context, auth, request) => {
      if (auth?.claims.tenant === 'acme') return whoami(context, auth);
      return deny(new InsufficientScopeError('claims_not_met'), request);
    }, requireScope('read:inventory')),
  );
  app.post('/refunds', guarded(whoami, requireScope('read:inventory'), requireScope('write:orders')));
  app.get(
    '/stocktake',
    guarded(whoami, requireScope('read:inventory'), requireAnyScope('write:orders', 'admin')),
  );
  app.get('/vault', guarded(whoami, requireScope('admin'), requireAuthentication({ maxAgeSeconds: 300 })));
  app.on(['GET', 'POST', 'OPTIONS'], '/whoami', guarded(whoami));

  return {
    handled: () => handled,
    fetch: (request, connection) => app.fetch(trustsProxies ? asForwarded(request) : request, connection),
  };
}

/** The request as a platform shows it that is told to believe its proxy. */
export function asForwarded(request: Request): Request {
  const url = new URL(request.url);
  url.protocol = request.headers.get('x-forwarded-proto') ?? url.protocol;
  url.host = request.headers.get('x-forwarded-host') ?? url.host;
  return url.href === request.url ? request : new Request(url, request);
}
