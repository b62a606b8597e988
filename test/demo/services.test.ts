import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthorizationServer,
  NIGHTLY_JOB,
  ORDER_SERVICE,
  ORDERS,
  STOCK_REPORT,
  WEB_SHOP,
} from '../../examples/demo/authorization-servers/authorization-server.js';
import { startOidcProvider } from '../../examples/demo/authorization-servers/oidc-provider.js';
import { type Service, startExpress } from '../../examples/demo/frameworks.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { getAccessToken } from '../../examples/demo/what-opens/get-access-token.js';
import { createNightlyJob } from '../../examples/services/nightly-job.js';
import { createOrderService } from '../../examples/services/order-service.js';
import { stockReport } from '../../examples/services/stock-report.js';

type Answer = (response: ServerResponse) => void;

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
const inStock = json(200, { inStock: 7 });

/** A refusal whose body never ends. `closed` settles once the client doesn't wait for more of it. */
function endlessRefusal(): { readonly refuse: Answer; readonly closed: Promise<void> } {
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const refuse: Answer = (response) => {
    response.on('close', close);
    response.writeHead(503).write('x');
  };
  return { refuse, closed };
}

let authorizationServer: AuthorizationServer;
let inventory: Server;
let inventoryUrl: string;
let answer: Answer;
/** Method, path and access token of what came to the inventory service. */
let received: string[];
let running: Service[];

beforeAll(async () => {
  authorizationServer = await startOidcProvider();
  inventory = createServer(({ method, url, headers }, response) => {
    received.push(`${method} ${url} ${headers.authorization}`);
    answer(response);
  });
  inventoryUrl = await listen(inventory);
  received = [];
  running = [];
});

afterEach(async () => {
  received = [];
  await Promise.all(running.map((service) => service.stop()));
  running = [];
});

afterAll(async () => {
  await closeServer(inventory);
  await authorizationServer.close();
});

async function startOrderService(issuer = authorizationServer.issuer): Promise<string> {
  const app = createOrderService({ issuer, clientSecret: ORDER_SERVICE.clientSecret, inventoryUrl });
  app.set('env', 'test'); // prints no stack of what goes wrong on purpose
  const service = await startExpress('Express 5', app);
  running.push(service);
  return service.origin;
}

async function placeOrder(url: string, body: string = JSON.stringify({ sku: '4/2' })): Promise<Response> {
  const token = await getAccessToken(authorizationServer.issuer, WEB_SHOP, ORDERS, 'write:orders');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return fetch(`${url}/orders`, { method: 'POST', headers, body });
}

describe('the order service', () => {
  it('calls the inventory service with its own access token', async () => {
    answer = inStock;
    const response = await placeOrder(await startOrderService());
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ sku: '4/2', orders: 1 });

    const [reading, reserving] = received.map((line) => line.split(' '));
    expect(reading?.slice(0, 2)).toEqual(['GET', '/stock/4%2F2']);
    expect(reserving?.slice(0, 2)).toEqual(['POST', '/stock/4%2F2/reservations']);
    expect(reserving?.at(-1)).toBe(reading?.at(-1));
    const [, claims = ''] = reading?.at(-1)?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      client_id: 'order-service',
      aud: 'https://inventory.example.com',
      scope: 'read:inventory write:inventory',
    });
  });

  it.each([
    ['401', 401, 502, null],
    ['403', 403, 502, null],
    ['500', 500, 502, null],
    ['503 and Retry-After', 503, 503, '7'],
  ])(
    'does not pass on as its own that the inventory service answers %s',
    { tags: ['OPS-10'] },
    async (_name, came, status, retryAfter) => {
      answer = json(came, {}, came === 503 ? { 'retry-after': '7' } : {});
      const response = await placeOrder(await startOrderService());
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(response.headers.get('www-authenticate')).toBeNull();
      expect(await response.json()).toEqual({ error: 'inventory_failed' });
    },
  );

  it('answers 503 while the inventory service is down', { tags: ['OPS-10'] }, async () => {
    answer = (response) => response.destroy();
    const response = await placeOrder(await startOrderService());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toEqual({ error: 'inventory_unavailable' });
  });

  it('answers 409 if nothing is in stock, and reserves nothing', async () => {
    answer = json(200, { inStock: 0 });
    expect((await placeOrder(await startOrderService())).status).toBe(409);
    expect(received).toHaveLength(1);
  });

  it.each([
    ['no sku', '{}'],
    ['no text as sku', '{"sku":42}'],
    ['no JSON', '{'],
  ])('answers 400 to an order with %s', async (_name, body) => {
    expect((await placeOrder(await startOrderService(), body)).status).toBe(400);
    expect(received).toEqual([]);
  });
});

describe('the nightly job', () => {
  const createJob = (orderServiceUrl: string) =>
    createNightlyJob({
      issuer: authorizationServer.issuer,
      clientSecret: NIGHTLY_JOB.clientSecret,
      orderServiceUrls: [orderServiceUrl],
    });

  it('counts the orders', async () => {
    answer = inStock;
    const url = await startOrderService();
    const job = createJob(url);
    expect(await job.run()).toBe(0);
    await placeOrder(url);
    expect(await job.run()).toBe(1);
  });

  it('fails when a service does, and reads no more of its answer', async () => {
    const { refuse, closed } = endlessRefusal();
    answer = refuse;
    await expect(createJob(inventoryUrl).run()).rejects.toThrow('the order service answered 503');
    await closed;
  });
});

describe('the stock report', () => {
  const run = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const lines: string[] = [];
    const exitCode = await stockReport(args, { env, print: (line) => lines.push(line) });
    return { exitCode, lines };
  };
  const credentials = (): Record<string, string> => ({
    ISSUER: authorizationServer.issuer,
    CLIENT_SECRET: STOCK_REPORT.clientSecret,
  });

  it('prints what is in stock, with one access token for all calls', async () => {
    answer = inStock;
    expect(await run([inventoryUrl, '42', '43'], credentials())).toEqual({
      exitCode: 0,
      lines: ['42: 7 in stock', '43: 7 in stock'],
    });
    expect(new Set(received.map((line) => line.split(' ').at(-1))).size).toBe(1);
  });

  it('ends with 1 when the inventory service does not answer as it should', async () => {
    const { refuse, closed } = endlessRefusal();
    answer = refuse;
    expect(await run([inventoryUrl, '42'], credentials())).toEqual({
      exitCode: 1,
      lines: ['stock-report: the inventory service answered 503'],
    });
    await closed;
  });

  it('ends with 1 when its secret is wrong, and does not print it', { tags: ['OPS-01'] }, async () => {
    const env = { ...credentials(), CLIENT_SECRET: 'a-wrong-secret' };
    const { exitCode, lines } = await run([inventoryUrl, '42'], env);
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringContaining('invalid_client')]);
    expect(lines.join()).not.toContain('a-wrong-secret');
    expect(received).toEqual([]);
  });

  it.each([
    ['no inventory service', [], {}],
    ['no sku', ['http://127.0.0.1'], {}],
    ['no secret', ['http://127.0.0.1', '42'], { CLIENT_SECRET: undefined }],
    ['no issuer', ['http://127.0.0.1', '42'], { ISSUER: undefined }],
  ])('ends with 2 and the usage if there is %s', async (_name, args, missing) => {
    const { exitCode, lines } = await run(args, { ...credentials(), ...missing } as Record<string, string>);
    expect({ exitCode, lines }).toEqual({ exitCode: 2, lines: [expect.stringMatching(/^usage: /)] });
  });
});
