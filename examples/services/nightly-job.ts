import { createClientCredentials } from 'oauth-resource-server/client';

export interface NightlyJobOptions {
  readonly issuer: string;
  readonly clientSecret: string;
  /** Where the order services are. */
  readonly orderServiceUrls: readonly string[];
  /** In place of the platform's, for tests and for the demo. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: () => number;
}

/** A job that runs in a process of its own, and that a scheduler wakes once a night. */
export interface NightlyJob {
  /**
   * Counts the orders. The access token of last night is long expired: the first call of the night gets
   * another one, and the others share it.
   *
   * @throws when there is no access token to be had or a service fails: the scheduler tries again
   */
  run(): Promise<number>;
}

export function createNightlyJob({
  issuer,
  clientSecret,
  orderServiceUrls,
  ...platform
}: NightlyJobOptions): NightlyJob {
  const orders = createClientCredentials({
    issuer,
    clientId: 'nightly-job',
    clientSecret,
    scope: 'read:orders',
    resource: 'https://orders.example.com',
    origins: orderServiceUrls.map((url) => new URL(url).origin),
    ...platform,
  });
  const countOrders = async (url: string): Promise<number> => {
    const response = await orders.fetch(`${url}/orders`);
    if (response.ok) return ((await response.json()) as { orders: number }).orders;
    await response.body?.cancel();
    throw new Error(`the order service answered ${response.status}`);
  };

  return {
    async run() {
      const counts = await Promise.all(orderServiceUrls.map(countOrders));
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
