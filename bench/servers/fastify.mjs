import fastify from 'fastify';

const OPEN = () => ({ route: {}, caller: () => 'order-service' });

/** The route on Fastify 5, behind what a contestant puts before it. */
export async function serve(protect = OPEN) {
  const app = fastify();
  const { route, caller } = await protect(app);
  app.get('/stock/:sku', route, (request, reply) => {
    reply.send({ sku: request.params.sku, caller: caller(request) });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app.server.address().port;
}
