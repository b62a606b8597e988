import type { KeysOptions } from 'oauth-resource-server';
import { type ClientCredentials, createClientCredentials } from 'oauth-resource-server/client';
import { createNightlyJob, type NightlyJob } from '../../services/nightly-job.js';
import { createOrderService } from '../../services/order-service.js';
import {
  type AuthorizationServer,
  INVENTORY,
  NIGHTLY_JOB,
  ORDER_SERVICE,
  ORDERS,
  WEB_SHOP,
} from '../authorization-servers/authorization-server.js';
import { type Clock, createClock } from '../clock.js';
import { startExpress, startInventoryServices } from '../frameworks.js';
import { createTally, type Tally } from './tally.js';
import { createWatch, type Watch } from './watch.js';

/**
 * dev-issuer lets its keys be used for 30 seconds only, and a slow machine may need longer for the demo:
 * without this it would be chance whether keys are renewed in the very moment when the authorization server
 * is down.
 */
export const KEYS: KeysOptions = { cooldownSeconds: 300 };

/** An inventory service, and the order service that calls it. */
export interface Pair {
  /** That of the inventory service; the order service is on Express. */
  readonly framework: string;
  readonly inventoryUrl: string;
  readonly orderServiceUrl: string;
  /** Counts what the order service sends. */
  readonly tally: Tally;
  /** Whether something behind the order service was down for a moment. `since` as of `performance.now()`. */
  readonly wasDownSince?: (since: number) => boolean;
}

/** What orders need: who sends them, and who takes them. */
export interface Stage {
  readonly pairs: readonly Pair[];
  /** Calls the order services. */
  readonly webShop: Pick<ClientCredentials, 'fetch'>;
  /** How many orders have been answered with 201, to be compared with what the nightly job counts. */
  readonly book: { placed: number };
  readonly watch: Watch;
}

/** Everything that runs beside the authorization server. */
export interface System extends Stage {
  readonly issuer: string;
  readonly webShopTally: Tally;
  /** Counts the orders, once a night. */
  readonly nightlyJob: NightlyJob;
  /**
   * The order services' clock as callers. Moved ahead in place of waiting for their access tokens to grow
   * old.
   */
  readonly clock: Clock;
  /** The nightly job's. */
  readonly nights: Clock;
  stop(): Promise<void>;
}

/**
 * Starts an inventory service on every framework, an order service in front of each, and the callers of
 * those.
 */
export async function startSystem({ issuer }: AuthorizationServer): Promise<System> {
  const watch = createWatch();
  const clock = createClock();
  const nights = createClock();
  const inventories = await startInventoryServices({ issuer, audience: INVENTORY, keys: KEYS });

  const started = await Promise.all(
    inventories.map(async ({ framework, origin: inventoryUrl }) => {
      const tally = createTally(issuer, watch, clock.now);
      const { clientSecret } = ORDER_SERVICE;
      const app = createOrderService({
        issuer,
        clientSecret,
        inventoryUrl,
        keys: KEYS,
        fetch: tally.fetch,
        clock: clock.now,
      });
      const service = await startExpress('Express 5', app);
      const pair: Pair = { framework, inventoryUrl, orderServiceUrl: service.origin, tally };
      return { service, pair };
    }),
  );
  const pairs = started.map(({ pair }) => pair);

  const webShopTally = createTally(issuer, watch, Date.now);
  const webShop = createClientCredentials({
    issuer,
    clientId: WEB_SHOP.clientId,
    clientSecret: WEB_SHOP.clientSecret,
    scope: 'write:orders',
    resource: ORDERS,
    origins: pairs.map(({ orderServiceUrl }) => orderServiceUrl),
    fetch: webShopTally.fetch,
  });
  const nightlyJob = createNightlyJob({
    issuer,
    clientSecret: NIGHTLY_JOB.clientSecret,
    orderServiceUrls: pairs.map(({ orderServiceUrl }) => orderServiceUrl),
    clock: nights.now,
  });

  return {
    issuer,
    pairs,
    webShop,
    webShopTally,
    nightlyJob,
    book: { placed: 0 },
    clock,
    nights,
    watch,
    async stop() {
      webShop.close();
      await Promise.all([...started.map(({ service }) => service), ...inventories].map((s) => s.stop()));
    },
  };
}
