import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import {
  assertRefusesForgeries,
  createTestIssuer,
  type Forgery,
  nodeHeaders,
  type TestIssuer,
} from 'oauth-resource-server/testing';
import { createApp } from './app.js';

const scope = 'read:inventory';
let issuer: TestIssuer;
let forgeries: readonly Forgery[];
let app: FastifyInstance;
let url: string;

beforeAll(async () => {
  issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
  forgeries = await issuer.forgeries({ scope });
  app = await createApp(issuer.options);
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});

afterAll(() => app.close());

describe('GET /stock/:sku', () => {
  it('answers a caller with the scope', async () => {
    const response = await fetch(`${url}/stock/42`, { headers: await issuer.authorization({ scope }) });
    expect(await response.json()).toEqual({ sku: '42', caller: 'test-client' });
  });

  it('refuses every forgery', async () => {
    await assertRefusesForgeries(({ headers }) => fetch(`${url}/stock/42`, { headers }), forgeries);
  });
});

it('names the forgeries that get through', async () => {
  const send = ({ headers }: Forgery) => fetch(`${url}/forgotten`, { headers });
  await expect(assertRefusesForgeries(send, forgeries)).rejects.toThrow(
    'scope missing: expected 403, got 200',
  );
});

describe('GET /feed over a WebSocket', () => {
  /** The status of the handshake: 101 if it's accepted. */
  const open = async (headers: Readonly<Record<string, string>>): Promise<number> => {
    try {
      const socket = await app.injectWS('/feed', { headers });
      socket.terminate();
      return 101;
    } catch (error) {
      return Number(/^Unexpected server response: (\d{3})$/.exec((error as Error).message)?.[1]);
    }
  };

  it('opens with the header fields as Node has them, and not with others', async () => {
    const authorization = await issuer.authorization({ scope });
    expect(await open(nodeHeaders(authorization))).toBe(101);
    expect(await open(authorization)).toBe(401);
  });

  it('refuses every forgery', async () => {
    await assertRefusesForgeries(({ headers }) => open(nodeHeaders(headers)), forgeries);
  });
});
