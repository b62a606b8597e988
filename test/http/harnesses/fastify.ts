import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import cors from '@fastify/cors';
import formbody from '@fastify/formbody';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import {
  deny,
  getAuth,
  type RequirementHook,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
  resourceServer,
} from '../../../adapters/fastify/index.js';
import { InsufficientScopeError } from '../../../src/index.js';
import type { Harness } from './harness.js';

export const fastifyHarness: Harness = {
  name: 'fastify 5',

  async start(options, { tls, trustsProxies = false, hasCors = true } = {}) {
    let handled = 0;
    const app = fastify({
      trustProxy: trustsProxies ? 'loopback' : false,
      serverFactory: (handler) => (tls === undefined ? createServer(handler) : createTlsServer(tls, handler)),
    });
    app.addHook('onRequest', async (request) => {
      const { authorization, 'x-forwarded-access-token': token } = request.headers;
      if (authorization === undefined && token !== undefined)
        request.headers = { ...request.headers, authorization: `Bearer ${token}` };
    });
    await app.register(resourceServer, options);
    if (hasCors) await app.register(cors);
    await app.register(formbody);
    // With body tokens authentication waits for the parsed body, and so must the requirements.
    const requires = options.bearerMethods?.includes('body')
      ? (...hooks: RequirementHook[]) => ({ preHandler: hooks })
      : (...hooks: RequirementHook[]) => ({ onRequest: hooks });

    const stock = (scope: FastifyInstance): void => {
      scope.get<{ Params: { sku: string } }>(
        '/stock/:sku',
        requires(requireScope('read:inventory')),
        (request) => {
          handled++;
          const { clientId, scopes } = getAuth(request);
          return { sku: request.params.sku, caller: clientId ?? null, scopes };
        },
      );
    };
    const whoami = ({ auth }: FastifyRequest): object => {
      handled++;
      return {
        subject: auth?.subject,
        caller: auth?.clientId ?? null,
        anonymous: auth === undefined,
      };
    };

    stock(app);
    app.register(async (mounted) => stock(mounted), { prefix: '/mounted' });
    app.post('/orders', requires(requireScope('read:inventory', 'write:orders')), (_request, reply) => {
      handled++;
      reply.code(201).send({ ok: true });
    });
    app.get('/any', requires(requireAnyScope('read:inventory', 'admin')), whoami);
    app.get('/claims', requires(requireClaims((claims) => claims.tenant === 'acme')), whoami);
    app.get(
      '/secure',
      requires(requireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 })),
      whoami,
    );
    app.get(
      '/recent',
      requires(requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] })),
      whoami,
    );
    app.get(
      '/payments',
      requires(requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment'))),
      whoami,
    );
    app.get('/own', requires(requireScope('read:inventory')), async (request, reply) => {
      if (getAuth(request).claims.tenant === 'acme') return whoami(request);
      return deny(new InsufficientScopeError('claims_not_met'), request, reply);
    });
    app.post('/refunds', requires(requireScope('read:inventory'), requireScope('write:orders')), whoami);
    app.get(
      '/stocktake',
      requires(requireScope('read:inventory'), requireAnyScope('write:orders', 'admin')),
      whoami,
    );
    app.get(
      '/vault',
      { ...requires(requireScope('admin')), preHandler: requireAuthentication({ maxAgeSeconds: 300 }) },
      whoami,
    );
    app.get('/whoami', whoami);
    if (!hasCors) app.options('/whoami', whoami);
    app.post('/whoami', whoami);
    app.get('/public', { config: { public: true } }, () => ({ ok: true }));

    // Fastify does not know what its server speaks when it does not make it itself.
    const [, address = ''] = (await app.listen({ host: '127.0.0.1', port: 0 })).split('://');
    const url = `${tls === undefined ? 'http' : 'https'}://${address}`;
    return { url, close: () => app.close(), handled: () => handled };
  },
};
