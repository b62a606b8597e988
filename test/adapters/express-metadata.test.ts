import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { authenticate, resourceMetadata } from '../../adapters/express/index.js';
import { createResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const ok: express.RequestHandler = (_request, response) => void response.json({});

const serverFor = (path: string, options: Partial<ResourceServerOptions> = {}) =>
  createResourceServer({ ...issuer.options, resource: `https://api.example.com${path}`, ...options });

// Installed under another name, without types; what is used of it is the same.
const express4: typeof express = createRequire(import.meta.url)('express4');

describe.each([
  ['express 5', express],
  ['express 4', express4],
])('resourceMetadata on %s', (_name, framework) => {
  it('serves several resources of one host, each its own', { tags: ['PRM-11'] }, async () => {
    const app = framework();
    const [first, second] = [serverFor('/a'), serverFor('/b', { audience: 'b' })];
    app.use(resourceMetadata(first), resourceMetadata(second));
    app.use('/a', authenticate(first), ok);
    app.use('/b', authenticate(second), ok);
    for (const name of ['a', 'b']) {
      const { body } = await request(app).get(`${WELL_KNOWN}/${name}`).expect(200);
      expect(body.resource).toBe(`https://api.example.com/${name}`);
      const { headers } = await request(app).get(`/${name}`).expect(401);
      expect(headers['www-authenticate']).toContain(
        `resource_metadata="https://api.example.com${WELL_KNOWN}/${name}"`,
      );
    }
    const token = await issuer.authorization();
    await request(app).get('/a').set(token).expect(200);
    await request(app).get('/b').set(token).expect(401);
    await request(app).get(WELL_KNOWN).expect(404);
  });

  it('never answers 401 where metadata may be, even behind authenticate', {
    tags: ['PRM-02', 'PRM-11', 'MCP-02'],
  }, async () => {
    const [first, second] = [serverFor('/a'), serverFor('/b')];
    const alone = framework().use(authenticate(first));
    for (const path of ['/a', '/a/', '', '/', '?x=1'])
      expect((await request(alone).get(`${WELL_KNOWN}${path}`).expect(200)).body.resource).toBe(
        'https://api.example.com/a',
      );
    const app = framework();
    app.use(authenticate(first), resourceMetadata(second));
    for (const name of ['a', 'b'])
      for (const path of [`/${name}`, `/${name}/`, `/${name}?x=1`])
        expect((await request(app).get(`${WELL_KNOWN}${path}`).expect(200)).body.resource).toBe(
          `https://api.example.com/${name}`,
        );
    for (const path of ['', '/', '?x=1']) await request(app).get(`${WELL_KNOWN}${path}`).expect(404);
    await request(app).get('/a').expect(401);
  });

  it('serves them below a mount path, where the request is for them', { tags: ['MCP-02'] }, async () => {
    const app = framework().use('/.well-known', resourceMetadata(serverFor('/a')));
    app.use('/inner', framework.Router().use(authenticate(serverFor('/a'))));
    for (const path of ['/a', '/a/', '', '/'])
      expect((await request(app).get(`${WELL_KNOWN}${path}`).expect(200)).body.resource).toBe(
        'https://api.example.com/a',
      );
    await request(app).get(`/inner${WELL_KNOWN}`).expect(401); // isn't at the root
  });

  it('looks at the host if resources of several are published', { tags: ['PRM-11'] }, async () => {
    const app = framework();
    for (const host of ['one.example.com', 'two.example.com'])
      app.use(authenticate({ ...issuer.options, resource: `https://${host}` }));
    for (const host of ['one.example.com', 'two.example.com']) {
      const { body } = await request(app).get(WELL_KNOWN).set('Host', host).expect(200);
      expect(body.resource).toBe(`https://${host}`);
    }
    await request(app).get(WELL_KNOWN).set('Host', 'internal').expect(404);
  });

  it('keeps to the place itself in a mounted application, whose neighbours it cannot see', {
    tags: ['PRM-11'],
  }, async () => {
    const app = framework();
    for (const path of ['/a', '/b'])
      app.use(framework().use(resourceMetadata(serverFor(path)), (_req, _res, next) => next()));
    for (const path of ['/a', '/b'])
      expect((await request(app).get(`${WELL_KNOWN}${path}`).expect(200)).body.resource).toBe(
        `https://api.example.com${path}`,
      );
    await request(app).get(WELL_KNOWN).expect(404);
  });
});

it('resourceMetadata serves any server that calls (req, res, next)', async () => {
  const middleware = resourceMetadata(serverFor('/mcp'));
  const response = await request(
    createServer((incoming, outgoing) => middleware(incoming, outgoing, () => {})),
  ).get(`${WELL_KNOWN}/mcp`);
  expect(response.body.resource).toBe('https://api.example.com/mcp');
});

it('resourceMetadata is refused at once without the option resource, or with a wrong one', () => {
  expect(() => resourceMetadata(issuer.options)).toThrow(
    new TypeError('resourceMetadata needs a resource server with the option "resource"'),
  );
  expect(() => resourceMetadata({ ...issuer.options, resource: 'api' })).toThrow(TypeError);
});
