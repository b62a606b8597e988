import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthorizationServer,
  type Client,
  INVENTORY,
  INVENTORY_SERVICE,
  ORDER_SERVICE,
  STOCK_REPORT,
  type StartAuthorizationServer,
  WAREHOUSE,
} from '../../examples/demo/authorization-servers/authorization-server.js';
import { startDevIssuer } from '../../examples/demo/authorization-servers/dev-issuer.js';
import { startOidcProvider } from '../../examples/demo/authorization-servers/oidc-provider.js';
import { type Service, startExpress } from '../../examples/demo/frameworks.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { type Chain, startChain } from '../../examples/demo/on-behalf/chain.js';
import { killOneAfterTheOther } from '../../examples/demo/on-behalf/story.js';
import type { Chapter } from '../../examples/demo/system/chapter.js';
import { getAccessToken } from '../../examples/demo/what-opens/get-access-token.js';
import { createInventoryOnBehalf } from '../../examples/services/inventory-on-behalf.js';
import { type BuiltProgram, buildProgram } from './support/build-program.js';

let program: BuiltProgram;

beforeAll(async () => {
  program = await buildProgram();
}, 120_000);

afterAll(() => program.remove());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const claims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
const bearerTokens = (requests: readonly string[]) => [
  ...new Set(requests.map((request) => /\nBearer (\S+)/.exec(request)?.[1] ?? 'none')),
];

interface Played {
  readonly authorizationServer: AuthorizationServer;
  readonly chain: Chain;
  readonly chapter: Chapter;
}

/** Both at once: much of the time passes with waiting. */
let played: readonly Played[];

beforeAll(async () => {
  const starts: readonly StartAuthorizationServer[] = [() => startDevIssuer(program.path), startOidcProvider];
  played = await Promise.all(
    starts.map(async (start) => {
      const authorizationServer = await start();
      const chain = await startChain(authorizationServer);
      return { authorizationServer, chain, chapter: await killOneAfterTheOther(chain, authorizationServer) };
    }),
  );
}, 60_000);

afterAll(async () => {
  await Promise.all(
    played.map(async ({ chain, authorizationServer }) => {
      await chain.stop();
      await authorizationServer.close();
    }),
  );
});

describe.each(['dev-issuer', 'oidc-provider'])('a call through three services, with %s', (name) => {
  let authorizationServer: AuthorizationServer;
  let chain: Chain;
  let chapter: Chapter;

  beforeAll(() => {
    const found = played.find((one) => one.authorizationServer.name === name);
    if (found === undefined) throw new Error(`${name} hasn't been played`);
    ({ authorizationServer, chain, chapter } = found);
  });

  it('survives that each one is killed and started again: only who met a killed service got 503', () => {
    const [row, ...others] = chapter.rows;
    expect(others).toEqual([]);
    expect(row).toMatchObject({ lost: 0, refused: 0, tokens: 2 });
    expect(row?.placed).toBeGreaterThanOrEqual(5 * 12);
    expect(new Set(row?.failures)).toEqual(new Set(['503, Retry-After: 1']));
    expect(chapter.findings.filter(({ holds }) => !holds)).toEqual([]);
    expect(chapter.findings).toHaveLength(6);
  });

  it('shows the warehouse for whom it is and who acts, and keeps the token of the caller from it', {
    tags: ['CLI-19'],
  }, () => {
    const own = bearerTokens(chain.inventory.received);
    const exchanged = bearerTokens(chain.warehouse.received);
    expect(exchanged).toHaveLength(3);
    for (const token of exchanged)
      expect(claims(token)).toMatchObject({
        sub: 'order-service',
        aud: WAREHOUSE,
        client_id: 'inventory-service',
        scope: 'read:warehouse',
        act: { sub: 'inventory-service', client_id: 'inventory-service' },
      });
    const arrived = chain.warehouse.received.join('\n');
    expect(own.filter((token) => token === 'none' || arrived.includes(token))).toEqual([]);
    // The exchanged token ends with the caller's, whose last one is that of the stock report.
    const ends = own.map((token) => Number(claims(token).exp));
    for (const token of exchanged) expect(Number(claims(token).exp)).toBeLessThanOrEqual(Math.max(...ends));
  });

  it('has no other way in: no token for the order-service, no exchange for the stock-report', async () => {
    const { issuer } = authorizationServer;
    const direct = getAccessToken(issuer, ORDER_SERVICE, WAREHOUSE, 'read:warehouse');
    await expect(direct).rejects.toMatchObject({ error: 'invalid_target' });
    const token = await getAccessToken(issuer, STOCK_REPORT, INVENTORY, 'read:inventory');
    const response = await fetch(`${chain.inventory.origin}/stock/42`, { headers: bearer(token) });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
  });

  it('is a call without an actor if a service calls for itself', async () => {
    const token = await getAccessToken(
      authorizationServer.issuer,
      INVENTORY_SERVICE,
      WAREHOUSE,
      'read:warehouse',
    );
    const response = await fetch(`${chain.warehouse.origin}/bins/42`, { headers: bearer(token) });
    expect(await response.json()).toEqual({ sku: '42', bin: 'A-7', inStock: 7, caller: 'inventory-service' });
  });
});

describe('the inventory service in the middle', () => {
  let issuer: string;
  let warehouse: Server;
  let inventory: Service;
  let token: string;
  let answer: (response: ServerResponse) => void;

  let warehouseUrl: string;

  const start = async (client: Client = INVENTORY_SERVICE): Promise<Service> => {
    const app = createInventoryOnBehalf({
      issuer,
      clientSecret: client.clientSecret,
      warehouseUrl,
    });
    app.set('env', 'test'); // prints no stack of what goes wrong on purpose
    return startExpress('Express 5', app);
  };
  beforeAll(async () => {
    issuer = played.map(({ authorizationServer }) => authorizationServer.issuer).at(-1) ?? '';
    warehouse = createServer((_request, response) => answer(response));
    warehouseUrl = await listen(warehouse);
    inventory = await start();
    const scope = 'read:inventory read:warehouse';
    token = await getAccessToken(issuer, ORDER_SERVICE, INVENTORY, scope);
  });

  afterAll(async () => {
    await inventory.stop();
    await closeServer(warehouse);
  });

  const ask = async (origin = inventory.origin) => {
    const response = await fetch(`${origin}/stock/42`, { headers: bearer(token) });
    const { headers, status } = response;
    const retryAfter = headers.get('retry-after');
    return { status, retryAfter, challenge: headers.get('www-authenticate'), body: await response.json() };
  };
  const withStatus =
    (status: number, headers: Record<string, string> = {}) =>
    (response: ServerResponse): void => {
      response.writeHead(status, headers).end();
    };
  const passed = { 'retry-after': '7', 'www-authenticate': 'Bearer realm="warehouse"' };

  it.each([
    ['401', withStatus(401, passed), 502, '7', 'warehouse_failed'],
    ['403', withStatus(403, passed), 502, '7', 'warehouse_failed'],
    ['404', withStatus(404), 404, null, 'unknown_sku'],
    ['429', withStatus(429, passed), 503, '7', 'warehouse_failed'],
    ['500', withStatus(500), 502, null, 'warehouse_failed'],
    ['503', withStatus(503, passed), 503, '7', 'warehouse_failed'],
    ['nothing', (response: ServerResponse) => response.destroy(), 503, '1', 'warehouse_unavailable'],
    [
      'half of it',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{"bin":', () => response.destroy());
      },
      ...([503, '1', 'warehouse_unavailable'] as const),
    ],
  ])(
    'does not pass on as its own that the warehouse answers %s',
    { tags: ['OPS-10'] },
    async (_name, given, status, retryAfter, error) => {
      answer = given;
      expect(await ask()).toEqual({ status, retryAfter, challenge: null, body: { error } });
    },
  );

  it('answers 502 if it is refused a token of its own, and not 401', { tags: ['OPS-10'] }, async () => {
    const other = await start({ ...INVENTORY_SERVICE, clientSecret: 'a-wrong-secret' });
    try {
      expect(await ask(other.origin)).toMatchObject({ status: 502, challenge: null });
    } finally {
      await other.stop();
    }
  });
});
