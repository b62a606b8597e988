import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import { authenticate, getAuth, requireScope } from 'oauth-resource-server/express';
import { requireScope as requireScopeHook, resourceServer } from 'oauth-resource-server/fastify';
import { resourceServer as fetchGate, requireScope as fetchScope } from 'oauth-resource-server/fetch';
import { authenticate as honoAuthenticate, requireScope as honoScope } from 'oauth-resource-server/hono';
import { type FakeCaller, fakeAuth, fakeResourceServer } from 'oauth-resource-server/testing';
import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';

/** Asks for a route that needs the scope `read:inventory`. */
type Ask = () => Promise<readonly [status: number, body: unknown]>;

const frameworks: Readonly<Record<string, (caller?: FakeCaller) => Promise<Ask>>> = {
  Express: async (caller) => {
    const app = express();
    app.use(authenticate(fakeResourceServer(caller)));
    app.get('/', requireScope('read:inventory'), (req, res) => void res.json(getAuth(req).clientId));
    return async () => {
      const { status, body } = await request(app).get('/');
      return [status, body];
    };
  },
  Fastify: async (caller) => {
    const app = fastify();
    onTestFinished(() => app.close());
    await app.register(resourceServer, fakeResourceServer(caller));
    app.get('/', { onRequest: requireScopeHook('read:inventory') }, async (req, reply) => {
      reply.type('application/json');
      return JSON.stringify(req.auth?.clientId);
    });
    return async () => {
      const response = await app.inject('/');
      return [response.statusCode, JSON.parse(response.body || 'null')];
    };
  },
  Hono: async (caller) => {
    const app = new Hono().use(honoAuthenticate(fakeResourceServer(caller)));
    app.get('/', honoScope('read:inventory'), (c) => c.json(c.var.auth.clientId));
    return async () => {
      const response = await app.request('/');
      return [response.status, JSON.parse((await response.text()) || 'null')];
    };
  },
  'the Fetch standard': async (caller) => {
    const gate = fetchGate(fakeResourceServer(caller));
    const handle = gate.protect(
      (_request, auth) => Response.json(auth.clientId),
      fetchScope('read:inventory'),
    );
    return async () => {
      const response = await handle(new Request('https://api.example.com/'));
      return [response.status, JSON.parse((await response.text()) || 'null')];
    };
  },
};

describe.each(Object.entries(frameworks))(
  'a fake resource server in an application of %s',
  (_name, start) => {
    it('lets its caller in without a token, and still checks requirements', async () => {
      let caller: ReturnType<typeof fakeAuth> | undefined = fakeAuth({ scopes: ['read:inventory'] });
      const ask = await start(() => caller);
      expect(await ask()).toEqual([200, 'test-client']);
      caller = fakeAuth();
      expect(await ask()).toMatchObject([403, { error: 'insufficient_scope' }]);
      caller = undefined;
      expect((await ask())[0]).toBe(401);
    });
  },
);
