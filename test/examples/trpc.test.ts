import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from '@trpc/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInventory, type Inventory as Router } from '../../examples/trpc/inventory.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
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

describe('the example on tRPC', () => {
  describeInventory(start, { namesScopeToAnonymous: true, problems });
});
