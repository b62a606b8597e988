import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import express from 'express';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { authenticate, deny, getAuth, requireScope } from '../../adapters/express/index.js';
import {
  createTokenExchange,
  type TokenExchange,
  type TokenExchangeOptions,
  toResourceServerError,
} from '../../src/client/index.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { isFullSize } from '../support/size.js';
import { INVENTORY, LIFETIME_SECONDS } from './support/authorization-server.js';
import { type ExchangingServer, startExchangingServer, WAREHOUSE } from './support/exchanging-server.js';
import { close, listen } from './support/token-endpoint.js';

let server: ExchangingServer;

beforeAll(async () => {
  server = await startExchangingServer();
});

afterAll(() => server.stop());

/** How many requests the token endpoint gets meanwhile. */
async function requestsDuring(action: () => Promise<unknown>): Promise<number> {
  const before = server.tokenRequests;
  await action();
  return server.tokenRequests - before;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** The API at the end of the line, protected by this package. */
async function startWarehouse(options: ResourceServerOptions): Promise<string> {
  const app = express();
  app.use(authenticate(options));
  app.all('/bins/:bin', requireScope('read:warehouse'), (req, res) => {
    const { subject, clientId, claims } = getAuth(req);
    res.json({ subject, clientId, act: claims.act });
  });
  app.get('/away', (_req, res) => res.redirect('/bins/1'));
  app.get('/far', (req, res) => res.redirect(`${req.query.to}/bins/1`));
  app.get('/broken', (_req, res) => res.status(500).json({ error: 'broken' }));
  return start(app);
}

/** The API in the middle, protected by this package, and calling the other one. */
async function startInventory(exchange: TokenExchange, warehouse: string): Promise<string> {
  const app = express();
  app.use(authenticate({ issuer: server.issuer, audience: INVENTORY }));
  app.get('/stock/:path', requireScope('read:inventory'), async (req, res) => {
    const path = decodeURIComponent(String(req.params.path));
    const response = await exchange.for(getAuth(req)).fetch(`${warehouse}/${path}`);
    res.status(response.ok ? 200 : 502).json(await response.json());
  });
  app.use(((error, req, res, next) =>
    deny(toResourceServerError(error) ?? error, req, res, next)) as express.ErrorRequestHandler);
  return start(app);
}

async function start(app: express.Express): Promise<string> {
  const server = createServer(app);
  onTestFinished(() => close(server));
  return listen(server);
}

/** Passes everything on to a server, and keeps what is sent to it. */
async function capture(target: string): Promise<{ readonly origin: string; readonly sent: () => string }> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const proxy = createTcpServer((client) => {
    const server = connect(Number(new URL(target).port), '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined); // either side may go first
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (chunk) => chunks.push(chunk));
    client.pipe(server).pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const { port } = proxy.address() as AddressInfo; // a TCP server that listens has one
  return { origin: `http://127.0.0.1:${port}`, sent: () => Buffer.concat(chunks).toString('latin1') };
}

function makeExchange(options: Partial<TokenExchangeOptions>): TokenExchange {
  const exchange = createTokenExchange({
    issuer: server.issuer,
    clientId: 'inventory-service',
    clientSecret: 'a-secret',
    scope: 'read:warehouse',
    resource: WAREHOUSE,
    ...options,
  });
  onTestFinished(() => exchange.close());
  return exchange;
}

/** Three services in a row, with a look at what reaches the last one. */
async function scene(options: Partial<TokenExchangeOptions> = {}) {
  const warehouse = await capture(await startWarehouse({ issuer: server.issuer, audience: WAREHOUSE }));
  const exchange = makeExchange({ origins: [warehouse.origin], ...options });
  const inventory = await startInventory(exchange, warehouse.origin);
  const call = (token: string, path = 'bins/1') =>
    fetch(`${inventory}/stock/${encodeURIComponent(path)}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
  return { warehouse, exchange, call };
}

/** The token and each of its parts that tell something. */
function expectNothingOf(token: string, sent: string): void {
  expect(sent).toContain('Authorization: ');
  for (const part of token.split('.').slice(1)) expect(sent).not.toContain(part);
}

describe('oidc-provider, an API of this package and another one behind it', () => {
  it('get along: the second knows who calls and who acts', { tags: ['CLI-01', 'CLI-14'] }, async () => {
    const { call } = await scene();
    const before = server.tokenRequests;
    const [ada, bob] = [await server.tokenFor('ada'), await server.tokenFor('bob')];
    for (const [token, subject] of [
      [ada, 'ada'],
      [bob, 'bob'],
      [ada, 'ada'],
    ] as const) {
      const response = await call(token);
      expect(response.status).toBe(200);
      const act = { sub: 'inventory-service', client_id: 'inventory-service' };
      expect(await response.json()).toEqual({ subject, clientId: 'inventory-service', act });
    }
    expect(server.tokenRequests - before).toBe(2);
  });

  it('get along with tokens that are bound to the key of the one in the middle', {
    tags: ['CLI-01', 'CLI-07'],
  }, async () => {
    const { warehouse, exchange, call } = await scene({ dpop: true });
    const before = server.tokenRequests;
    const token = await server.tokenFor('ada');
    expect((await call(token)).status).toBe(200);
    expect(warehouse.sent()).toMatch(/Authorization: DPoP .*\r\n/);
    expectNothingOf(token, warehouse.sent());
    const { accessToken } = await exchange.for({ token }).getToken();
    const stolen = { Authorization: `DPoP ${accessToken}` };
    expect((await fetch(`${warehouse.origin}/bins/1`, { headers: stolen })).status).toBe(401);
    expect(server.tokenRequests - before).toBe(1);
  });

  it("never show the caller's token to the second API, whatever that answers", {
    tags: ['CLI-19', 'OPS-01'],
  }, async () => {
    const { warehouse, exchange, call } = await scene();
    const before = server.tokenRequests;
    const token = await server.tokenFor('ada');
    expect((await call(token)).status).toBe(200);
    expect((await call(token, 'away')).status).toBe(200);
    expect((await call(token, 'broken')).status).toBe(502);
    const elsewhere = await capture(await startWarehouse({ issuer: server.issuer, audience: WAREHOUSE }));
    expect((await call(token, `far?to=${elsewhere.origin}`)).status).toBe(502);
    const api = exchange.for({ token });
    api.dropToken((await api.getToken()).accessToken);
    expect((await call(token)).status).toBe(200);
    expect(server.tokenRequests - before).toBe(2);
    expectNothingOf(token, warehouse.sent());
    expect(elsewhere.sent()).toContain('GET /bins/1');
    expect(elsewhere.sent()).not.toContain('Authorization');
  });

  it("use another token once if the second API refuses one, and then don't blame the caller", {
    tags: ['CLI-18'],
  }, async () => {
    const { warehouse, exchange } = await scene();
    const before = server.tokenRequests;
    const other = await capture(await startWarehouse({ issuer: server.issuer, audience: 'https://other' }));
    const strict = makeExchange({ origins: [other.origin] });
    const token = await server.tokenFor('ada');
    const inventory = await startInventory(strict, other.origin);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${inventory}/stock/bins%2F1`, { headers })).status).toBe(502);
    expect(other.sent().match(/^GET /gm)).toHaveLength(2);
    expect(server.tokenRequests - before).toBe(2);
    expectNothingOf(token, other.sent());
    expect((await exchange.for({ token }).fetch(`${warehouse.origin}/bins/1`)).status).toBe(200);
  });

  it.each<[string, Partial<TokenExchangeOptions>, string, number, RegExp | undefined]>([
    ['who may not be acted for', {}, 'mallory', 403, /^Bearer .*error="insufficient_scope"/],
    ['a scope that is not for it', { scope: 'write:warehouse' }, 'ada', 403, /error="insufficient_scope"/],
    [
      'an API that nobody knows',
      { resource: 'https://nobody.example.com' },
      'ada',
      403,
      /insufficient_scope/,
    ],
    ['a wrong secret', { clientSecret: 'wrong' }, 'ada', 502, undefined],
    ['a wrong key', { tokenEndpoint: 'http://127.0.0.1:9/token' }, 'ada', 503, undefined],
  ])(
    'answer %s right',
    { tags: ['CLI-15', 'OPS-01'] },
    async (_what, options, subject, status, challenge) => {
      const { warehouse, call } = await scene(options);
      const token = await server.tokenFor(subject);
      const response = await call(token);
      expect(response.status).toBe(status);
      const field = response.headers.get('www-authenticate');
      if (challenge === undefined) expect(field).toBeNull();
      else expect(field).toMatch(challenge);
      expect(response.headers.has('retry-after')).toBe(status === 503);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const body = await response.text();
      expect(JSON.parse(body)).toHaveProperty('error_description');
      for (const part of token.split('.').slice(1)) expect(body).not.toContain(part);
      expect(warehouse.sent()).toBe('');
    },
  );

  it('answer 401 when the authorization server refuses the token, or it expires on the way', {
    tags: ['CLI-15'],
  }, async () => {
    const { exchange } = await scene();
    const before = server.tokenRequests;
    const url = `${exchange.origins[0]}/bins/1`;
    const forged = `${(await server.tokenFor('ada')).slice(0, -9)}AAAAAAAAA`;
    const refused = await exchange.for({ token: forged }).fetch(url).catch(toResourceServerError);
    expect(refused).toMatchObject({ status: 401, reason: 'exchange_refused', error: 'invalid_token' });
    const late = { token: await server.tokenFor('ada'), expiresAt: Math.floor(Date.now() / 1000) };
    const expired = await exchange.for(late).fetch(url).catch(toResourceServerError);
    expect(expired).toMatchObject({ status: 401, reason: 'expired' });
    expect(server.tokenRequests - before).toBe(1);
  });
});

describe('token requests', () => {
  it('are as many as lifetimes and one more, for thousands of calls of one caller', {
    tags: ['CLI-13', 'CLI-14'],
    timeout: 300_000,
  }, async () => {
    const { exchange, warehouse } = await scene();
    const token = await server.tokenFor('ada', 4 * LIFETIME_SECONDS);
    const CALLS = isFullSize ? 10_000 : 400;
    const AT_ONCE = 50;
    const statuses = new Map<number, number>();
    const call = async (): Promise<void> => {
      const response = await exchange.for({ token }).fetch(`${warehouse.origin}/bins/1`);
      await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    };
    const requests = await requestsDuring(async () => {
      for (let done = 0; done < CALLS; done += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, call));
        passTime((3 * LIFETIME_SECONDS * AT_ONCE) / CALLS);
      }
    });
    expect(statuses).toEqual(new Map([[200, CALLS]]));
    expect(requests).toBeGreaterThanOrEqual(3);
    expect(requests).toBeLessThanOrEqual(4);
  });

  it('are one for a caller who comes often at once, and one each for many callers', {
    tags: ['CLI-14'],
    timeout: 300_000,
  }, async () => {
    const { call } = await scene({ timeoutSeconds: 60 }); // all of them sign in this process
    const CALLERS = isFullSize ? 200 : 60; // more than a socket's backlog would be reset
    const callAll = async (tokens: readonly string[]) =>
      expect(new Set(await Promise.all(tokens.map(async (token) => (await call(token)).status)))).toEqual(
        new Set([200]),
      );
    const ada = await server.tokenFor('ada');
    expect(await requestsDuring(() => callAll(Array.from({ length: CALLERS }, () => ada)))).toBe(1);
    const callers = Array.from({ length: CALLERS }, (_, number) => server.tokenFor(`caller-${number}`));
    const tokens = await Promise.all(callers);
    expect(await requestsDuring(() => callAll(tokens))).toBe(CALLERS);
  });

  it('may fail for a minute within the life of a token, and no call does', { tags: ['CLI-16'] }, async () => {
    const { call } = await scene();
    const token = await server.tokenFor('ada', 2 * LIFETIME_SECONDS);
    const stranger = await server.tokenFor('bob', 2 * LIFETIME_SECONDS);
    expect((await call(token)).status).toBe(200);
    passTime(LIFETIME_SECONDS - 62);
    await server.stop();
    for (let second = 0; second < 60; second += 1) {
      expect((await call(token)).status).toBe(200);
      passTime(1);
    }
    const refused = await call(stranger);
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
    await server.start();
    // A renewal that began in the outage goes on for a moment, and fails those who wait for it.
    const callBoth = async () => {
      passTime(31);
      for (const caller of [stranger, token]) expect((await call(caller)).status).toBe(200);
    };
    await vi.waitFor(callBoth, { interval: 400, timeout: 5000 });
  });
});

/** The whole process lives later by so much: authorization server, APIs and client. */
function passTime(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
