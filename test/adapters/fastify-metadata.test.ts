import cors from '@fastify/cors';
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { requireScope, resourceMetadata, resourceServer } from '../../adapters/fastify/index.js';
import { createResourceServer, type ResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const ok = () => ({});

const serverFor = (path: string, options: Partial<ResourceServerOptions> = {}): ResourceServer =>
  createResourceServer({ ...issuer.options, resource: `https://api.example.com${path}`, ...options });

/** An application, and the warnings that it logs. */
function createApp(options: FastifyServerOptions = {}): {
  app: FastifyInstance;
  warnings: string[];
} {
  const warnings: string[] = [];
  const stream = { write: (line: string) => void warnings.push(JSON.parse(line).msg) };
  const app = fastify({ logger: { level: 'warn', stream }, ...options });
  onTestFinished(() => app.close());
  return { app, warnings };
}

async function metadataAt(app: FastifyInstance, path: string): Promise<Record<string, unknown>> {
  const response = await app.inject(`${WELL_KNOWN}${path}`);
  expect(response.statusCode).toBe(200);
  return response.json();
}

describe('resourceServer', () => {
  it('serves the metadata whatever hooks the application has in its scope', {
    tags: ['PRM-02'],
  }, async () => {
    const { app } = createApp({ exposeHeadRoutes: false });
    await app.register(resourceServer, serverFor(''));
    app.addHook('onRequest', requireScope('everywhere'));
    expect((await metadataAt(app, '')).resource).toBe('https://api.example.com');
    expect((await app.inject({ method: 'HEAD', url: WELL_KNOWN })).statusCode).toBe(200);
  });

  it('serves scripts of any origin, whatever the application allows', {
    tags: ['PRM-10'],
  }, async () => {
    const { app } = createApp();
    await app.register(resourceServer, serverFor(''));
    await app.register(cors, { origin: 'https://app.example.com' });
    const { headers } = await app.inject({
      url: WELL_KNOWN,
      headers: { origin: 'https://other.example.com' },
    });
    expect(headers['access-control-allow-origin']).toBe('*');
  });

  it('serves resources that differ in the query only', { tags: ['PRM-11'] }, async () => {
    const { app } = createApp();
    for (const tenant of ['a', 'b']) {
      app.register(async (scope) => {
        await scope.register(resourceServer, serverFor(`/mcp?tenant=${tenant}`));
      });
    }
    await app.register(resourceMetadata, serverFor('/mcp?tenant=c'));
    await app.ready();
    // The route is in the scope of the first; the others are for the plugin at the root.
    for (const tenant of ['a', 'c'])
      expect((await metadataAt(app, `/mcp?tenant=${tenant}`)).resource).toBe(
        `https://api.example.com/mcp?tenant=${tenant}`,
      );
    expect((await app.inject(`${WELL_KNOWN}/mcp?tenant=d`)).statusCode).toBe(404);
  });

  it('answers for no other resource of the application, wherever that is registered', {
    tags: ['PRM-11', 'MCP-02'],
  }, async () => {
    const { app } = createApp();
    const prefixed = serverFor('/b');
    await app.register(resourceServer, serverFor('/a'));
    await app.register(resourceMetadata, prefixed);
    app.register(async (scope) => void (await scope.register(resourceServer, prefixed)), { prefix: '/b' });
    await app.ready();
    for (const name of ['a', 'b'])
      for (const path of [`/${name}`, `/${name}/`, `/${name}?x=1`])
        expect((await metadataAt(app, path)).resource).toBe(`https://api.example.com/${name}`);
    for (const path of ['', '/', '?x=1'])
      expect((await app.inject(`${WELL_KNOWN}${path}`)).statusCode, path).toBe(404);
  });

  it.each<FastifyServerOptions>([
    { ignoreTrailingSlash: true },
    { routerOptions: { ignoreTrailingSlash: true } },
    { routerOptions: { ignoreDuplicateSlashes: true } },
    { routerOptions: { caseSensitive: false } },
  ])('serves them with a router that has %j', { tags: ['MCP-02'] }, async (options) => {
    const { app } = createApp(options);
    await app.register(resourceServer, serverFor('/mcp'));
    for (const path of ['/mcp', '/mcp/', '', '/'])
      expect((await metadataAt(app, path)).resource).toBe('https://api.example.com/mcp');
  });

  it('leaves routes of the application at the other places alone', { tags: ['PRM-11'] }, async () => {
    const { app } = createApp();
    await app.register(resourceServer, serverFor('/mcp'));
    await app.register(async (scope) => {
      for (const path of ['', '/other', '/mcp/tools'])
        scope.get(`${WELL_KNOWN}${path}`, { config: { public: true } }, () => ({ resource: path }));
    });
    for (const path of ['', '/other', '/mcp/tools'])
      expect((await metadataAt(app, path)).resource).toBe(path);
    expect((await metadataAt(app, '/')).resource).toBe('https://api.example.com/mcp');
  });

  it('serves them where a route of the application is for every path', { tags: ['MCP-02'] }, async () => {
    const { app } = createApp();
    await app.register(resourceServer, serverFor('/mcp'));
    app.get('/*', () => 'the page');
    for (const path of ['/mcp', '/mcp/', '', '/'])
      expect((await metadataAt(app, path)).resource).toBe('https://api.example.com/mcp');
    expect((await app.inject(`${WELL_KNOWN}/other`)).statusCode).toBe(401);
  });

  it('runs the handler for unknown paths only with a token', { tags: ['OPS-09'] }, async () => {
    const { app } = createApp();
    const unknown = vi.fn(async () => 'of the application');
    app.setNotFoundHandler(unknown);
    await app.register(resourceServer, serverFor('/mcp?tenant=a'));
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const)
      for (const path of ['', '/', '/mcp', '/mcp/', '/mcp?tenant=b'])
        expect((await app.inject({ method, url: `${WELL_KNOWN}${path}` })).statusCode, path).toBe(404);
    expect(unknown).not.toHaveBeenCalled();
  });

  it('names the scopes of a route that reads the token from the body', { tags: ['MCP-05'] }, async () => {
    const { app } = createApp();
    await app.register(resourceServer, serverFor('', { bearerMethods: ['header', 'body'] }));
    app.post('/orders', { preHandler: requireScope('write') }, ok);
    const { headers, statusCode } = await app.inject({ method: 'POST', url: '/orders' });
    expect(statusCode).toBe(401);
    expect(headers['www-authenticate']?.toString()).toContain('scope="write"');
  });

  it('leaves the config of a route alone, even if several share it', { tags: ['MCP-05'] }, async () => {
    const { app } = createApp();
    await app.register(resourceServer, serverFor(''));
    const config = Object.freeze({ rateLimit: 5 });
    app.get('/stock', { config, onRequest: requireScope('read') }, ok);
    app.get('/orders', { config, onRequest: requireScope('write') }, ok);
    const challengeOf = async (url: string) =>
      (await app.inject(url)).headers['www-authenticate']?.toString();
    expect(await challengeOf('/stock')).toContain('scope="read"');
    expect(await challengeOf('/orders')).toContain('scope="write"');
  });

  it('says in a scope with a prefix that the metadata cannot be served from there', async () => {
    const { app, warnings } = createApp();
    app.register(
      async (scope) => {
        await scope.register(resourceServer, serverFor('/v2'));
        scope.get('/stock', { onRequest: requireScope('read') }, ok);
      },
      { prefix: '/v2' },
    );
    await app.ready();
    expect(warnings).toEqual([
      `The metadata of this API belongs at ${WELL_KNOWN}/v2, which the prefix "/v2" makes unreachable. ` +
        'Register the plugin resourceMetadata at the root, with the same resource server.',
    ]);
    expect((await app.inject(`${WELL_KNOWN}/v2`)).statusCode).toBe(404);
  });
});

describe('resourceMetadata', () => {
  it('serves at the root the metadata of a scope with a prefix, with its scopes', {
    tags: ['PRM-01'],
  }, async () => {
    const { app, warnings } = createApp();
    const server = serverFor('/v2');
    await app.register(resourceMetadata, server);
    app.register(
      async (scope) => {
        await scope.register(resourceServer, server);
        scope.get('/stock', { onRequest: requireScope('read') }, ok);
      },
      { prefix: '/v2' },
    );
    await app.ready();
    expect(await metadataAt(app, '/v2')).toMatchObject({ resource: 'https://api.example.com/v2' });
    expect(warnings).toEqual([]);
    const { statusCode, headers } = await app.inject('/v2/stock');
    expect(statusCode).toBe(401);
    expect(headers['www-authenticate']?.toString()).toContain(
      `resource_metadata="https://api.example.com${WELL_KNOWN}/v2"`,
    );
  });

  it('takes options too, and goes together with resourceServer', async () => {
    const { app } = createApp();
    const options = { ...issuer.options, resource: 'https://api.example.com' };
    await app.register(resourceMetadata, options);
    await app.register(resourceServer, options);
    expect((await metadataAt(app, '')).resource).toBe('https://api.example.com');
  });

  it('is refused without the option resource, and in a scope with a prefix', async () => {
    const { app } = createApp();
    await expect(async () => app.register(resourceMetadata, issuer.options)).rejects.toThrow(
      'resourceMetadata needs a resource server with the option "resource"',
    );
    const { app: other } = createApp();
    other.register(async (scope) => void (await scope.register(resourceMetadata, serverFor('/v2'))), {
      prefix: '/v2',
    });
    await expect(other.ready()).rejects.toThrow('outside the prefix "/v2"');
  });
});
