import { defineHandler, H3, type H3Event, type Middleware, toResponse } from 'h3';
import type { ResourceServerOptions } from 'oauth-resource-server';
import { getAuth, type Requirement, requireScope, resourceServer } from 'oauth-resource-server/fetch';

/** The inventory service on h3: `serve(createInventory({ issuer, audience }), { port: 3000 })`. */
export function createInventory(options: ResourceServerOptions): H3 {
  const gate = resourceServer(options);

  /** Lets only requests with a valid access token through. Serves the metadata of the API. */
  const admit = gate.protect(async (_request, _auth, event: H3Event, next: () => unknown) =>
    toResponse(await next(), event),
  );
  /** Checks what a route requires of the token. The token isn't verified again. */
  const requires = (...requirements: readonly Requirement[]): Middleware => {
    return async (event, next) => {
      const auth = await gate(event.req, ...requirements);
      return auth instanceof Response ? auth : next();
    };
  };

  const app = new H3();
  app.use((event, next) => admit(event.req, event, next), {
    match: ({ url }) => url.pathname !== '/health', // every other path is protected, unknown ones too
  });

  app.get('/health', () => ({ status: 'ok' }));

  app.get(
    '/stock/:sku',
    defineHandler({
      middleware: [requires(requireScope('read:inventory'))],
      handler: ({ req, context }) => {
        return { sku: context.params?.sku, inStock: 7, caller: getAuth(req).clientId };
      },
    }),
  );

  app.post(
    '/stock/:sku/reservations',
    defineHandler({
      middleware: [requires(requireScope('write:inventory'))],
      handler: ({ req, res, context }) => {
        res.status = 201;
        return { sku: context.params?.sku, reserved: 1, caller: getAuth(req).clientId };
      },
    }),
  );

  return app;
}
