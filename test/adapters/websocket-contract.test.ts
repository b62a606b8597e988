import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { requireScope, WebSocketGate } from '../../adapters/websocket/index.js';
import { createContractClient } from '../../src/testing/contract/adapter-contract.js';
import { type Configuration, contractOptions } from '../../src/testing/contract/configurations.js';
import { contract } from '../../src/testing/contract/contract.js';
import { expectAnswer } from '../../src/testing/contract/expect-answer.js';
import { send } from '../../src/testing/contract/http-client.js';
import type { ContractRow } from '../../src/testing/contract/row.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const client = await createContractClient();
/** What only a framework knows, and what no connection can be: anonymous. */
const OTHERS: readonly Configuration[] = [
  'trusting proxies',
  'without CORS',
  'optional',
  'published, optional',
];

/** Those that are for a route with the requirement that stands below, by GET. */
async function isForUpgrades({ configuration = 'default', request }: ContractRow): Promise<boolean> {
  if (OTHERS.includes(configuration)) return false;
  const { path, method = 'GET', body, headers = [] } = await request(issuer, 'http://127.0.0.1', client);
  const isOfApplication = headers.some(([name]) => /^x-forwarded-access-token$/i.test(name));
  return /^\/stock\/42(?:\?|$)/.test(path) && method === 'GET' && body === undefined && !isOfApplication;
}

const areForUpgrades = await Promise.all(contract.map(isForUpgrades));
const rows = contract.filter((_row, index) => areForUpgrades[index]);

describe('an upgrade', () => {
  const running = new Map<Configuration, Promise<Server>>();
  const start = (configuration: Configuration): Promise<Server> => {
    const gate = new WebSocketGate(contractOptions(configuration, issuer));
    const http = createServer();
    http.on('upgrade', gate.upgrade(new WebSocketServer({ noServer: true }), requireScope('read:inventory')));
    return new Promise((resolve) => {
      http.listen(0, '127.0.0.1', () => resolve(http));
    });
  };
  const serverOf = (configuration: Configuration): Promise<Server> => {
    const started = running.get(configuration) ?? start(configuration);
    running.set(configuration, started);
    return started;
  };

  afterAll(async () => {
    for (const started of running.values()) (await started).close();
  });

  it.each(rows)('$title', async ({ configuration = 'default', request, expected }) => {
    const { port } = (await serverOf(configuration)).address() as AddressInfo; // of a TCP server
    const url = `http://127.0.0.1:${port}`;
    const response = await send(url, await request(issuer, url, client), 'WebSocket');
    if (expected.status === 200) expect(response.status).toBe(101);
    else expectAnswer(response, expected);
  });

  it('is compared with most rows for such a route', () => {
    expect(rows.length).toBeGreaterThan(130);
  });
});
