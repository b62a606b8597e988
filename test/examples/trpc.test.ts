import { createTRPCClient, httpBatchLink, TRPCClientError } from '@trpc/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInventory, type Inventory as Router } from '../../examples/trpc/inventory.js';
import { createDpopKey, createTestIssuer, type TokenClaims } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { describeInventory, type Inventory } from './inventory-rows.js';
import type { Answered } from './refusals.js';
import { serveInventory } from './serve.js';

const issuer = await createTestIssuer();
const scope = 'read:inventory';
const CODES: Readonly<Record<number, string>> = { 400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 403: 'FORBIDDEN' };
const paths = { stock: '/stock.get', reservations: '/stock.reserve', health: '/health' };

/** As a client of tRPC sends it. */
async function start(options: Parameters<typeof createInventory>[0]): Promise<Inventory> {
  const inventory = await serveInventory(createInventory(options));
  return {
    ...inventory,
    paths,
    send: (path, { headers = {}, ...sent } = {}) =>
      path === paths.reservations
        ? inventory.send(path, {
            ...sent,
            headers: { ...headers, 'Content-Type': 'application/json' },
            body: '"42"',
          })
        : inventory.send(path === paths.stock ? `${path}?input=${encodeURIComponent('"42"')}` : path, {
            headers,
          }),
  };
}

async function serve(): Promise<Inventory> {
  const inventory = await start(issuer.options);
  onTestFinished(() => inventory.close());
  return inventory;
}

function problems({ status, body }: Answered): readonly string[] {
  const { code } = JSON.parse(body).error.data;
  return code === CODES[status] ? [] : [`its code is ${code}`];
}

interface Item {
  readonly error?: { readonly data: { readonly code: string } };
}

/** Several queries in one request, as `httpBatchLink` sends them. */
async function batch(
  { url }: Inventory,
  names: readonly string[],
  headers: Readonly<Record<string, string>> = {},
) {
  const input = encodeURIComponent(
    JSON.stringify(Object.fromEntries(names.map((_name, index) => [index, '42']))),
  );
  const response = await fetch(`${url}/${names.join()}?batch=1&input=${input}`, { headers });
  const items: readonly Item[] = JSON.parse(await response.text());
  const codes = items.map(({ error }) => error?.data.code);
  return { status: response.status, challenge: response.headers.get('www-authenticate'), codes };
}

describe('the example on tRPC', () => {
  describeInventory(start, { namesScopeToAnonymous: true, problems });

  it('refuses two tokens in two lines', async () => {
    const { url } = await serve();
    const { Authorization: token } = await issuer.authorization({ scope });
    const headers = [['Authorization', token] as const, ['Authorization', token] as const];
    expect((await send(url, { path: '/health', headers })).status).toBe(400);
  });

  it('answers a batch by procedure, and names the challenge once', async () => {
    const inventory = await serve();
    expect(await batch(inventory, ['health', 'stock.get'])).toEqual({
      status: 207,
      challenge: expect.stringMatching(/^Bearer realm="api", scope="read:inventory", DPoP /),
      codes: [undefined, 'UNAUTHORIZED'],
    });
    const other = await issuer.authorization({ scope: 'other' });
    expect(await batch(inventory, ['stock.get', 'stock.get'], other)).toEqual({
      status: 403,
      challenge: expect.stringContaining('error="insufficient_scope"'),
      codes: ['FORBIDDEN', 'FORBIDDEN'],
    });
    const reader = await issuer.authorization({ scope });
    expect(await batch(inventory, ['health', 'stock.get'], reader)).toEqual({
      status: 200,
      challenge: null,
      codes: [undefined, undefined],
    });
  });

  it('refuses a whole batch for a bad token, procedures that are open to everyone too', async () => {
    const expired = await issuer.authorization({ scope, exp: 0 });
    expect(await batch(await serve(), ['health', 'stock.get'], expired)).toEqual({
      status: 401,
      challenge: expect.stringContaining('error="invalid_token"'),
      codes: ['UNAUTHORIZED', 'UNAUTHORIZED'],
    });
  });

  it('streams a batch with 200, and each code where its answer would be', async () => {
    const inventory = await serve();
    const stream = async (claims: TokenClaims) => {
      const authorization = await issuer.authorization(claims);
      const response = await fetch(`${inventory.url}/stock.get,health?batch=1&input=%7B%220%22:%2242%22%7D`, {
        headers: { ...authorization, 'trpc-accept': 'application/jsonl' },
      });
      return [response.status, ...((await response.text()).match(/[A-Z]{9,}/g) ?? [])];
    };
    expect(await stream({ scope: 'other' })).toEqual([200, 'FORBIDDEN']);
    expect(await stream({ scope, exp: 0 })).toEqual([200, 'UNAUTHORIZED', 'UNAUTHORIZED']);
  });

  it('looks at the token before the input', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/stock.get?input=42`)).status).toBe(401);
    const headers = await issuer.authorization({ scope });
    expect((await fetch(`${url}/stock.get?input=42`, { headers })).status).toBe(400);
  });

  it('tells the client of tRPC the code', async () => {
    const { url } = await serve();
    const headers = await issuer.authorization({ scope });
    const client = createTRPCClient<Router>({ links: [httpBatchLink({ url, headers })] });
    expect(await client.stock.get.query('42')).toEqual({ sku: '42', inStock: 7, caller: 'test-client' });
    const refused = client.stock.reserve.mutate('42');
    await expect(refused).rejects.toMatchObject({ data: { code: 'FORBIDDEN', httpStatus: 403 } });
    await expect(refused).rejects.toBeInstanceOf(TRPCClientError);
  });

  it('takes proofs that the client signs for each HTTP request', async () => {
    const { url } = await serve();
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    const client = createTRPCClient<Router>({
      links: [
        httpBatchLink({
          url,
          fetch: async (target, init) => {
            const { method = 'GET' } = init ?? {};
            const proof = await key.headers({ method, url: String(target), token });
            return fetch(String(target), { method, headers: proof });
          },
        }),
      ],
    });
    const both = Promise.all([client.stock.get.query('42'), client.stock.get.query('43')]);
    expect(await both).toMatchObject([{ sku: '42' }, { sku: '43' }]);
  });
});
