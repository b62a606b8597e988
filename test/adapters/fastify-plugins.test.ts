import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type FastifyInstance, type FastifyPluginAsync, fastify } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { describe, expect, it } from 'vitest';
import { deny, requireScope, resourceServer } from '../../adapters/fastify/index.js';
import { InvalidTokenError } from '../../src/index.js';
import { assertRefusesForgeries, createTestIssuer } from '../../src/testing/index.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    anonymous?: boolean;
  }
}

const scope = 'read:inventory';
const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope });
const forgeries = await issuer.forgeries({ scope });
const forged = { authorization: 'Bearer forged' };

async function status(
  app: FastifyInstance,
  url: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await app.inject({ url, headers })).statusCode;
}

/** Opens what's registered in its scope, by the way that docs/fastify.md shows. */
async function open(app: FastifyInstance, plugin: FastifyPluginAsync): Promise<void> {
  await app.register(async (open) => {
    open.addHook('onRoute', (route) => {
      route.config = { ...route.config, public: true };
    });
    await open.register(plugin);
  });
}

describe('routes of other plugins', () => {
  it('are protected like any other', async () => {
    const app = fastify();
    await app.register(resourceServer, issuer.options);
    await app.register(swagger);
    await app.register(swaggerUi, { routePrefix: '/docs' });
    for (const url of ['/docs/', '/docs/json', '/docs/static/index.css']) {
      expect(await status(app, url)).toBe(401);
      expect(await status(app, url, reader)).toBe(200);
    }
  });

  it('are public in a scope whose onRoute hook says so, and nothing else is', async () => {
    const app = fastify();
    await app.register(resourceServer, issuer.options);
    await app.register(swagger);
    await open(app, async (scope) => {
      await scope.register(swaggerUi, { routePrefix: '/docs' });
    });
    await open(
      app,
      fastifyPlugin(async (scope) => void scope.get('/metrics', async () => 'up 1')),
    );
    app.get('/stock', { onRequest: requireScope(scope) }, async () => 'ok');

    for (const url of ['/docs/', '/docs/json', '/docs/static/index.css', '/metrics']) {
      expect(await status(app, url)).toBe(200);
      expect(await status(app, url, forged)).toBe(200);
    }
    const paths = (await app.inject('/docs/json')).json().paths;
    expect(Object.keys(paths)).toContain('/stock');
    expect(await status(app, '/metricsx')).toBe(401);
    await assertRefusesForgeries(({ headers }) => app.inject({ url: '/stock', headers }), forgeries);
  });

  it.each([['true'], [1], [{}]])('stay protected when the hook says %j', async (value) => {
    const app = fastify();
    await app.register(resourceServer, issuer.options);
    await app.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        // As a caller without types would.
        route.config = { ...route.config, public: value as unknown as boolean };
      });
      scope.get('/metrics', async () => 'up 1');
    });
    expect(await status(app, '/metrics')).toBe(401);
  });

  it('are protected if a hook takes their word back', async () => {
    const app = fastify();
    await app.register(cors);
    await app.register(resourceServer, issuer.options);
    await app.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, public: false };
      });
      scope.route({
        method: ['GET', 'OPTIONS'],
        url: '/stock',
        config: { public: true },
        handler: async () => 'ok',
      });
    });
    expect(await status(app, '/stock')).toBe(401);
    const preflight = { origin: 'https://shop.example.com', 'access-control-request-method': 'GET' };
    const bare = fastify();
    await bare.register(resourceServer, issuer.options);
    await bare.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, public: false };
      });
      scope.options('/stock', { config: { public: true } }, async () => 'ok');
    });
    const answer = await bare.inject({ method: 'OPTIONS', url: '/stock', headers: preflight });
    expect(answer.statusCode).toBe(401);
  });
});

describe('optional authentication for one route', () => {
  /** The way that docs/fastify.md shows. */
  async function createApp() {
    const app = fastify();
    await app.register(cors, { origin: 'https://shop.example.com' });
    await app.register(resourceServer, { ...issuer.options, optional: true });
    app.addHook('onRequest', async (request, reply) => {
      const { anonymous, public: isPublic } = request.routeOptions.config;
      if (request.auth === undefined && anonymous !== true && isPublic !== true)
        return deny(new InvalidTokenError('missing_credentials'), request, reply);
    });
    app.get('/catalog', { config: { anonymous: true } }, async ({ auth }) => auth?.clientId ?? 'nobody');
    app.get('/orders', async ({ auth }) => auth?.clientId);
    app.get('/stock', { onRequest: requireScope(scope) }, async ({ auth }) => auth?.clientId);
    app.get('/health', { config: { public: true } }, async () => 'ok');
    return app;
  }

  it('lets requests without credentials in, and those with a good token', async () => {
    const app = await createApp();
    expect((await app.inject('/catalog')).body).toBe('nobody');
    expect((await app.inject({ url: '/catalog', headers: reader })).body).toBe('test-client');
  });

  it('refuses there every forgery that has credentials', async () => {
    const app = await createApp();
    const sent = forgeries.filter(({ status, reason }) => status !== 403 && reason !== 'missing_credentials');
    await assertRefusesForgeries(({ headers }) => app.inject({ url: '/catalog', headers }), sent);
  });

  it('leaves every other route, and unknown paths, closed', async () => {
    const app = await createApp();
    await assertRefusesForgeries(({ headers }) => app.inject({ url: '/stock', headers }), forgeries);
    for (const url of ['/orders', '/stock', '/nowhere']) {
      const refused = await app.inject(url);
      expect(refused.statusCode).toBe(401);
      expect(refused.headers['www-authenticate']).toContain('Bearer realm="api"');
    }
    expect(await status(app, '/orders', reader)).toBe(200);
    expect(await status(app, '/health')).toBe(200);
  });
});

describe('unknown paths under a prefix', () => {
  async function createApp(options: { readonly notFound: boolean }) {
    const app = fastify();
    app.get('/', async () => 'open');
    await app.register(
      async (admin) => {
        await admin.register(resourceServer, issuer.options);
        if (options.notFound) admin.setNotFoundHandler((_request, reply) => reply.code(404).send());
        admin.get('/stock', async () => 'ok');
      },
      { prefix: '/admin' },
    );
    return app;
  }

  it('are answered by the application around it without a handler of their own', async () => {
    expect(await status(await createApp({ notFound: false }), '/admin/nowhere')).toBe(404);
  });

  it('need a token with one, and say 404 only to those who have it', async () => {
    const app = await createApp({ notFound: true });
    for (const url of ['/admin/nowhere', '/admin/stock/nowhere', '/admin/']) {
      expect(await status(app, url)).toBe(401);
      expect(await status(app, url, forged)).toBe(401);
      expect(await status(app, url, reader)).toBe(404);
    }
    const posted = await app.inject({ method: 'POST', url: '/admin/stock' });
    expect(posted.statusCode).toBe(401);
    expect(await status(app, '/nowhere')).toBe(404);
    expect(await status(app, '/administrator')).toBe(404);
    expect(await status(app, '/')).toBe(200);
  });
});
