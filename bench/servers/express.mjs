import { createServer } from 'node:http';
import express from 'express';

const OPEN = { middleware: [], caller: () => 'order-service' };

/** The route on Express 5, behind what a contestant puts before it. */
export async function serve(protection = OPEN) {
  const app = express();
  app.get('/stock/:sku', ...protection.middleware, (request, response) => {
    response.json({ sku: request.params.sku, caller: protection.caller(request) });
  });
  // What a middleware rejects has its status from the middleware.
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).end();
  });
  const server = createServer(app);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}
