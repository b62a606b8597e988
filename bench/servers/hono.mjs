import { Hono } from 'hono';

const OPEN = { middleware: [], caller: () => 'order-service' };

/** The route on Hono, behind what a contestant puts before it, served by the runtime that this runs on. */
export async function serve(protection = OPEN) {
  const app = new Hono();
  app.get('/stock/:sku', ...protection.middleware, (c) =>
    c.json({ sku: c.req.param('sku'), caller: protection.caller(c) }),
  );
  const place = { hostname: '127.0.0.1', port: 0, fetch: app.fetch };
  if (globalThis.Bun) return Bun.serve(place).port;
  if (globalThis.Deno) {
    const { hostname, port } = place;
    return Deno.serve({ hostname, port, onListen: () => undefined }, (request) => app.fetch(request)).addr
      .port;
  }
  const { serve: serveOnNode } = await import('@hono/node-server');
  return new Promise((resolve) => serveOnNode(place, ({ port }) => resolve(port)));
}
