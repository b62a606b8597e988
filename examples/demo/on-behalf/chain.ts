import { createClientCredentials } from 'oauth-resource-server/client';
import { createInventoryOnBehalf } from '../../services/inventory-on-behalf.js';
import { createOrderService } from '../../services/order-service.js';
import { createWarehouse } from '../../services/warehouse-service.js';
import {
  type AuthorizationServer,
  INVENTORY_SERVICE,
  ORDER_SERVICE,
  ORDERS,
  WAREHOUSE,
  WEB_SHOP,
} from '../authorization-servers/authorization-server.js';
import { type Clock, createClock } from '../clock.js';
import { startExpress } from '../frameworks.js';
import { KEYS as keys, type Stage } from '../system/system.js';
import { createTally, type Tally } from '../system/tally.js';
import { createWatch } from '../system/watch.js';
import { type MortalService, startMortalService } from './mortal-service.js';

/** Three services in a row, of which the second calls on behalf of the first, and the web shop in front. */
export interface Chain extends Stage {
  readonly issuer: string;
  readonly orderServiceUrl: string;
  readonly inventory: MortalService;
  readonly warehouse: MortalService;
  /** Counts what the inventory service sends. */
  readonly inventoryTally: Tally;
  /** Whom the warehouse said it was called for and by, each once: `"order-service, by inventory-service"`. */
  readonly seenByWarehouse: ReadonlySet<string>;
  /** The order service's as a caller. */
  readonly clock: Clock;
  stop(): Promise<void>;
}

/** Starts all of it but the authorization server. */
export async function startChain({ issuer }: AuthorizationServer): Promise<Chain> {
  const watch = createWatch();
  const clock = createClock();
  const seenByWarehouse = new Set<string>();
  const warehouse = await startMortalService(async () => {
    const app = await createWarehouse({ issuer, audience: WAREHOUSE, keys });
    await app.ready();
    return app.routing;
  });

  const inventoryTally = createTally(issuer, watch, Date.now);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await inventoryTally.fetch(input, init);
    if (response.ok && response.url.startsWith(warehouse.origin)) {
      const { caller, actor } = (await response.clone().json()) as { caller: string; actor: string };
      seenByWarehouse.add(`${caller}, by ${actor}`);
    }
    return response;
  };
  const inventory = await startMortalService(() =>
    createInventoryOnBehalf({
      issuer,
      clientSecret: INVENTORY_SERVICE.clientSecret,
      warehouseUrl: warehouse.origin,
      keys,
      fetch,
    }),
  );

  const tally = createTally(issuer, watch, clock.now);
  const orders = await startExpress(
    'Express 5',
    createOrderService({
      issuer,
      clientSecret: ORDER_SERVICE.clientSecret,
      inventoryUrl: inventory.origin,
      scope: 'read:inventory write:inventory read:warehouse',
      keys,
      fetch: tally.fetch,
      clock: clock.now,
    }),
  );
  const webShop = createClientCredentials({
    issuer,
    clientId: WEB_SHOP.clientId,
    clientSecret: WEB_SHOP.clientSecret,
    scope: 'write:orders',
    resource: ORDERS,
    origins: [orders.origin],
  });

  return {
    issuer,
    orderServiceUrl: orders.origin,
    inventory,
    warehouse,
    inventoryTally,
    seenByWarehouse,
    clock,
    watch,
    webShop,
    book: { placed: 0 },
    pairs: [
      {
        framework: orders.framework,
        inventoryUrl: inventory.origin,
        orderServiceUrl: orders.origin,
        tally,
        wasDownSince: (since) => inventory.wasDownSince(since) || warehouse.wasDownSince(since),
      },
    ],
    async stop() {
      webShop.close();
      await Promise.all([orders.stop(), inventory.kill(), warehouse.kill()]);
    },
  };
}
