import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { type ArgumentsHost, Catch, Controller, Get, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express, { type ErrorRequestHandler } from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as expressAdapter from '../../adapters/express/index.js';
import * as fastifyAdapter from '../../adapters/fastify/index.js';
import * as fetchAdapter from '../../adapters/fetch/index.js';
import * as honoAdapter from '../../adapters/hono/index.js';
import { Auth, ResourceServerExceptionFilter, ResourceServerModule } from '../../adapters/nestjs/index.js';
import { createTokenExchange, TokenRequestError, toResourceServerError } from '../../src/client/index.js';
import { type Auth as Caller, channels, type DecisionMessage } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';

const issuer = await createTestIssuer();
const token = await issuer.token({ scope: 'read:inventory' });
const bearer = { Authorization: `Bearer ${token}` };

/** Its token endpoint refuses with the code that the request has as its audience. */
const exchange = createTokenExchange({
  tokenEndpoint: 'https://auth.example.com/token',
  clientId: 'inventory-service',
  clientSecret: 'a-secret',
  resource: 'https://warehouse.example.com',
  fetch: async (_url, init) => {
    const error = new URLSearchParams(String(init?.body)).get('audience');
    return Response.json({ error, error_description: 'canary' }, { status: 400 });
  },
});
const callFor = (auth: Caller, audience = ''): Promise<Response> =>
  exchange.for(auth, { audience }).fetch('https://warehouse.example.com/bins/1');

/** What a running application answers. */
type Ask = (path: string) => Promise<Response>;

async function expectAnswers(ask: Ask): Promise<void> {
  const decisions = listenTo<DecisionMessage>(channels.decision);
  const answers = [
    ['invalid_grant', 401, 'exchange_refused', 'invalid_token'],
    ['access_denied', 403, 'delegation_refused', 'insufficient_scope'],
    ['invalid_client', 502, 'exchange_failed', 'server_error'],
    ['temporarily_unavailable', 503, 'exchange_unavailable', 'temporarily_unavailable'],
  ] as const;
  for (const [code, status, reason, error] of answers) {
    const response = await ask(`/stock/${code}`);
    expect(response.status).toBe(status);
    const challenge = response.headers.get('www-authenticate');
    if (status < 500) expect(challenge).toMatch(new RegExp(`^Bearer realm="api", error="${error}"`));
    else expect(challenge).toBeNull();
    expect(response.headers.has('retry-after')).toBe(status === 503);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = await response.text();
    expect(JSON.parse(body)).toMatchObject({ error });
    expect(body).not.toContain('canary');
    expect(decisions.at(-1)).toMatchObject({ outcome: 'denied', status, reason });
    expect(decisions.at(-1)?.hint).not.toContain('canary');
  }
}

const asking =
  (url: string): Ask =>
  (path) =>
    fetch(`${url}${path}`, { headers: bearer });

describe("a caller learns what's wrong, and isn't blamed for what isn't the caller's fault", {
  tags: ['OPS-03', 'CLI-15'],
}, () => {
  it('on Express', async () => {
    const { authenticate, deny, getAuth } = expressAdapter;
    const app = express();
    app.use(authenticate(issuer.options));
    app.get('/stock/:code', async (req, res) => {
      res.json(await callFor(getAuth(req), req.params.code));
    });
    const answerErrors: ErrorRequestHandler = (error, req, res, next) =>
      deny(toResourceServerError(error) ?? error, req, res, next);
    const server = app.use(answerErrors).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo; // a TCP server that listens has one
    await expectAnswers(asking(`http://127.0.0.1:${port}`));
  });

  it('on Fastify', async () => {
    const { deny, getAuth, resourceServer } = fastifyAdapter;
    const app = fastify();
    onTestFinished(() => app.close());
    await app.register(resourceServer, issuer.options);
    app.setErrorHandler((error, request, reply) =>
      deny(toResourceServerError(error) ?? error, request, reply),
    );
    app.get<{ Params: { code: string } }>('/stock/:code', async (request) =>
      callFor(getAuth(request), request.params.code),
    );
    await expectAnswers(asking(await app.listen({ host: '127.0.0.1', port: 0 })));
  });

  it('on NestJS', async () => {
    @Controller('stock')
    class StockController {
      @Get(':code')
      find(@Param('code') code: string, @Auth() auth: Caller) {
        return callFor(auth, code);
      }
    }
    @Catch(TokenRequestError)
    class TokenRequestFilter extends ResourceServerExceptionFilter {
      override catch(error: unknown, host: ArgumentsHost): void {
        const refusal = toResourceServerError(error);
        if (refusal !== undefined) super.catch(refusal, host);
      }
    }
    const module = { ...ResourceServerModule.forRoot(issuer.options), controllers: [StockController] };
    const app = await NestFactory.create(module, { logger: false });
    onTestFinished(() => app.close());
    app.useGlobalFilters(new TokenRequestFilter());
    await app.listen(0, '127.0.0.1');
    await expectAnswers(asking(await app.getUrl()));
  });

  it('on Hono', async () => {
    const { authenticate, deny, getAuth } = honoAdapter;
    const app = new Hono().use(authenticate(issuer.options));
    app.get('/stock/:code', (c) => callFor(getAuth(c), c.req.param('code')));
    app.onError((error, c) => {
      const refusal = toResourceServerError(error);
      return refusal === undefined ? c.text('Internal Server Error', 500) : deny(refusal, c);
    });
    await expectAnswers(async (path) =>
      app.fetch(new Request(`https://inventory.example.com${path}`, { headers: bearer })),
    );
  });

  it('on the Fetch standard', async () => {
    const { deny, resourceServer } = fetchAdapter;
    const serve = resourceServer(issuer.options).protect(async (request, auth) => {
      try {
        return await callFor(auth, new URL(request.url).pathname.split('/').at(-1));
      } catch (error) {
        const refusal = toResourceServerError(error);
        if (refusal === undefined) throw error;
        return deny(refusal, request);
      }
    });
    await expectAnswers((path) =>
      serve(new Request(`https://inventory.example.com${path}`, { headers: bearer })),
    );
  });
});
