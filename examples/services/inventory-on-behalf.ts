import express, { type ErrorRequestHandler, type Express } from 'express';
import type { KeysOptions } from 'oauth-resource-server';
import {
  createClientCredentials,
  createTokenExchange,
  toResourceServerError,
} from 'oauth-resource-server/client';
import { type Auth, authenticate, deny, getAuth, requireScope } from 'oauth-resource-server/express';

export interface InventoryOnBehalfOptions {
  /** The authorization server: its access tokens open this service, and are exchanged there. */
  readonly issuer: string;
  readonly clientSecret: string;
  /** Where the warehouse service is. */
  readonly warehouseUrl: string;
  /** How the authorization server's keys are kept and renewed, if the defaults don't fit. */
  readonly keys?: KeysOptions;
  /** In place of the platform's, for tests and for the demo. */
  readonly fetch?: typeof globalThis.fetch;
}

/** What the warehouse service answers. */
interface Bin {
  readonly bin: string;
  readonly inStock: number;
}

/** The inventory service in the middle: it calls the warehouse service on behalf of its caller. */
export function createInventoryOnBehalf({
  issuer,
  clientSecret,
  warehouseUrl,
  keys = {},
  ...platform
}: InventoryOnBehalfOptions): Express {
  const client = {
    issuer,
    clientId: 'inventory-service',
    clientSecret,
    scope: 'read:warehouse',
    resource: 'https://warehouse.example.com',
    origins: [new URL(warehouseUrl).origin], // where the access tokens may go
    ...platform,
  };
  // A token of its own says who acts. The warehouse reads it as `auth.actor`.
  const warehouse = createTokenExchange({ ...client, actorToken: createClientCredentials(client) });
  const findBin = async (auth: Auth, sku: string): Promise<Bin> => {
    const response = await warehouse.for(auth).fetch(`${warehouseUrl}/bins/${encodeURIComponent(sku)}`);
    if (response.ok) return (await response.json()) as Bin; // ours, and what it answers is agreed on
    await response.body?.cancel();
    throw new WarehouseRefusal(response);
  };

  const app = express();
  app.use(authenticate({ issuer, audience: 'https://inventory.example.com', keys }));

  app.get('/stock/:sku', requireScope('read:inventory'), async (req, res) => {
    const { sku } = req.params;
    const { bin, inStock } = await findBin(getAuth(req), `${sku}`);
    res.json({ sku, bin, inStock, caller: getAuth(req).clientId });
  });

  app.post('/stock/:sku/reservations', requireScope('write:inventory'), (req, res) => {
    res.status(201).json({ sku: req.params.sku, reserved: 1, caller: getAuth(req).clientId });
  });

  app.use(answerFailure);
  return app;
}

class WarehouseRefusal extends Error {
  readonly status: number;
  readonly retryAfter: string | null;

  constructor({ status, headers }: Response) {
    super(`the warehouse service answered ${status}`);
    this.status = status;
    this.retryAfter = headers.get('retry-after');
  }
}

/**
 * What the warehouse refuses is about the request of this service, so no 401 or 403 of it is passed on. What
 * the authorization server refuses is about the caller or about this service: `toResourceServerError` knows.
 */
const answerFailure: ErrorRequestHandler = (error, req, res, next) => {
  if (error instanceof WarehouseRefusal) {
    const { status, retryAfter } = error;
    if (status === 404) return void res.status(404).json({ error: 'unknown_sku' });
    if (retryAfter !== null) res.set('Retry-After', retryAfter);
    res.status(status === 429 || status === 503 ? 503 : 502).json({ error: 'warehouse_failed' });
  } else if (isUnreachable(error)) {
    res.set('Retry-After', '1').status(503).json({ error: 'warehouse_unavailable' });
  } else {
    deny(toResourceServerError(error) ?? error, req, res, next);
  }
};

/** If a connection fails, `fetch` throws a TypeError with a cause. A mistake in the call has none. */
function isUnreachable(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined;
}
