import type { RequestListener } from 'node:http';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { ResourceServerOptions } from 'oauth-resource-server';
import { Gate, replyOf, serveMetadata } from 'oauth-resource-server/adapter';
import { authenticate, procedure, requireScope, responseMeta, router } from './trpc.js';

function readSku(input: unknown): string {
  if (typeof input !== 'string') throw new TypeError('the input is a SKU');
  return input;
}

const inventory = router({
  health: procedure.query(() => ({ status: 'ok' })),

  stock: router({
    get: procedure
      .use(requireScope('read:inventory'))
      .input(readSku)
      .query(({ ctx, input }) => ({ sku: input, inStock: 7, caller: ctx.auth.clientId })),

    reserve: procedure
      .use(requireScope('write:inventory'))
      .input(readSku)
      .mutation(({ ctx, input }) => ({ sku: input, reserved: 1, caller: ctx.auth.clientId })),
  }),
});

/** For clients: `createTRPCClient<Inventory>(…)`. */
export type Inventory = typeof inventory;

/** The inventory service on tRPC: `createServer(createInventory({ issuer, audience })).listen(3000)`. */
export function createInventory(options: ResourceServerOptions): RequestListener {
  const gate = new Gate({ ...options, optional: true }); // for procedures that are open to everyone
  const { resourceMetadata } = gate.server;
  const published = resourceMetadata === undefined ? [] : [resourceMetadata];
  return createHTTPHandler({
    router: inventory,
    createContext: (context) => authenticate(gate, context),
    responseMeta,
    middleware: (req, res, next) => serveMetadata(published, req, replyOf(res), next),
  });
}
