import express, { type ErrorRequestHandler, type Express } from 'express';
import type { KeysOptions } from 'oauth-resource-server';
import { createClientCredentials, TokenRequestError } from 'oauth-resource-server/client';
import { authenticate, getAuth, requireScope } from 'oauth-resource-server/express';

export interface OrderServiceOptions {
  /**
   * The authorization server: its access tokens open this service, and those for the inventory come from it.
   */
  readonly issuer: string;
  readonly clientSecret: string;
  /** Where the inventory service is. */
  readonly inventoryUrl: string;
  /** What to ask for: add what the inventory service may do elsewhere on behalf of this one. */
  readonly scope?: string;
  /** How the authorization server's keys are kept and renewed, where the defaults do not do. */
  readonly keys?: KeysOptions;
  /** In place of the platform's, for tests and for the demo. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: () => number;
}

/**
 * The order service: access tokens open it, and it calls the inventory service with access tokens of its own.
 */
export function createOrderService({
  issuer,
  clientSecret,
  inventoryUrl,
  scope = 'read:inventory write:inventory',
  keys = {},
  ...platform
}: OrderServiceOptions): Express {
  const inventory = createClientCredentials({
    issuer,
    clientId: 'order-service',
    clientSecret,
    scope,
    resource: 'https://inventory.example.com',
    origins: [new URL(inventoryUrl).origin], // where the access tokens may go
    ...platform,
  });
  // Never with the token of the request at hand: that one was issued for this service.
  const callInventory = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await inventory.fetch(`${inventoryUrl}${path}`, init);
    if (response.ok) return response.json();
    await response.body?.cancel();
    throw new InventoryRefusal(response);
  };

  const orders: { sku: string; orderedBy: string | undefined }[] = [];
  const app = express();
  app.use(authenticate({ issuer, audience: 'https://orders.example.com', keys }));

  app.post('/orders', requireScope('write:orders'), express.json(), async (req, res) => {
    const sku: unknown = req.body?.sku;
    if (typeof sku !== 'string') {
      res.status(400).json({ error: 'sku_missing' });
      return;
    }
    const path = `/stock/${encodeURIComponent(sku)}`;
    const { inStock } = (await callInventory(path)) as { inStock: number };
    if (inStock < 1) {
      res.status(409).json({ error: 'out_of_stock' });
      return;
    }
    await callInventory(`${path}/reservations`, { method: 'POST' });
    orders.push({ sku, orderedBy: getAuth(req).clientId });
    res.status(201).json({ sku, orders: orders.length });
  });

  app.get('/orders', requireScope('read:orders'), (_req, res) => {
    res.json({ orders: orders.length });
  });

  app.use(answerFailure);
  return app;
}

class InventoryRefusal extends Error {
  readonly status: number;
  readonly retryAfter: string | null;

  constructor({ status, headers }: Response) {
    super(`the inventory service answered ${status}`);
    this.status = status;
    this.retryAfter = headers.get('retry-after');
  }
}

/**
 * What fails behind this service isn't its caller's fault. So never a 401, which would make the caller throw
 * a good access token away: 503 if there's no access token or no inventory service, 502 if that refuses what
 * it shouldn't.
 */
const answerFailure: ErrorRequestHandler = (error, _req, res, next) => {
  if (error instanceof TokenRequestError) {
    res.set('Retry-After', String(Math.max(1, Math.ceil(error.retryAfter ?? 1))));
    res.status(503).json({ error: 'temporarily_unavailable' });
  } else if (error instanceof InventoryRefusal) {
    if (error.retryAfter !== null) res.set('Retry-After', error.retryAfter);
    res.status(error.status === 503 ? 503 : 502).json({ error: 'inventory_failed' });
  } else if (isUnreachable(error)) {
    res.set('Retry-After', '1').status(503).json({ error: 'inventory_unavailable' });
  } else {
    next(error);
  }
};

/** If a connection fails, `fetch` throws a TypeError with a cause. A mistake in the call has none. */
function isUnreachable(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined;
}
