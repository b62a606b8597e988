import { describe, expect, it, onTestFinished } from 'vitest';
import type { ResourceServerOptions } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { type Answered, expectRefused, type Refusals } from './refusals.js';

/** A request for an inventory service, as a client would send it. */
interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An inventory service that runs. */
export interface Inventory {
  /** Under which clients reach it. */
  readonly url: string;
  send(path: string, sent?: Sent): Promise<Answered>;
  close(): Promise<void>;
  readonly paths?: typeof PATHS;
}

const PATHS = { stock: '/stock/42', reservations: '/stock/42/reservations', health: '/health' };
const RESOURCE = 'https://inventory.example.com';

/** What every example of an inventory service does, whatever it's built on. */
export function describeInventory(
  start: (options: ResourceServerOptions) => Promise<Inventory>,
  refusals: Omit<Refusals, 'scope'> = {},
): void {
  const run = async (options: ResourceServerOptions): Promise<Required<Inventory>> => {
    const inventory = await start(options);
    onTestFinished(() => inventory.close());
    return { paths: PATHS, ...inventory };
  };

  describe('like every inventory service', () => {
    it('refuses every forgery, then lets a good token in', async () => {
      const issuer = await createTestIssuer();
      const inventory = await run(issuer.options);
      const scope = 'read:inventory';
      const { stock } = inventory.paths;
      const target = { method: 'GET', url: `${inventory.url}${stock}` };
      const forgeries = [
        ...(await issuer.forgeries({ scope })),
        ...(await issuer.dpopForgeries(target, { scope })),
      ];
      await expectRefused(({ headers }) => inventory.send(inventory.paths.stock, { headers }), forgeries, {
        ...refusals,
        scope,
      });
      const answer = await inventory.send(inventory.paths.stock, {
        headers: await issuer.authorization({ scope }),
      });
      expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('test-client')]);
    });

    it('wants another scope on another route', async () => {
      const issuer = await createTestIssuer();
      const inventory = await run(issuer.options);
      const send = (headers: Readonly<Record<string, string>>) =>
        inventory.send(inventory.paths.reservations, { method: 'POST', headers });
      expect((await send({})).status).toBe(401);
      expect((await send(await issuer.authorization({ scope: 'read:inventory' }))).status).toBe(403);
      const { status } = await send(await issuer.authorization({ scope: 'write:inventory' }));
      expect([200, 201]).toContain(status);
    });

    it('accepts a proof once', async () => {
      const issuer = await createTestIssuer();
      const inventory = await run(issuer.options);
      const key = await createDpopKey();
      const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
      const headers = await key.headers({ url: `${inventory.url}${inventory.paths.stock}`, token });
      expect((await inventory.send(inventory.paths.stock, { headers })).status).toBe(200);
      expect((await inventory.send(inventory.paths.stock, { headers })).status).toBe(401);
    });

    it('answers 503 while the keys are out of reach, to everyone', async () => {
      const issuer = await createTestIssuer();
      issuer.goDown();
      const inventory = await run(issuer.options);
      const headers = await issuer.authorization({ scope: 'read:inventory' });
      const answer = await inventory.send(inventory.paths.stock, { headers });
      expect(answer.status).toBe(503);
      expect(answer.headers.has('www-authenticate')).toBe(false);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      issuer.comeBack();
      expect((await inventory.send(inventory.paths.stock, { headers })).status).toBe(200);
    });

    it('publishes its metadata, and says where', async () => {
      const issuer = await createTestIssuer();
      const inventory = await run({ ...issuer.options, resource: RESOURCE });
      const { headers } = await inventory.send(inventory.paths.stock);
      expect(headers.get('www-authenticate')).toContain(
        `resource_metadata="${RESOURCE}/.well-known/oauth-protected-resource"`,
      );
      const metadata = await inventory.send('/.well-known/oauth-protected-resource');
      expect(metadata.status).toBe(200);
      expect(JSON.parse(metadata.body)).toMatchObject({ resource: RESOURCE });
    });

    it('lets anyone ask whether it is well', async () => {
      const issuer = await createTestIssuer();
      issuer.goDown();
      const inventory = await run(issuer.options);
      const { status, body } = await inventory.send(inventory.paths.health);
      expect([status, body]).toEqual([200, expect.stringContaining('"status":"ok"')]);
    });
  });
}
