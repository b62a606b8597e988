import Fastify, { type FastifyInstance } from 'fastify';
import mercurius from 'mercurius';
import { createResourceServer, type ResourceServerOptions } from 'oauth-resource-server';
import { resourceServer } from 'oauth-resource-server/fastify';
import { createInventorySchema } from './schema.js';
import { checkIntrospection, type WithAuth } from './scopes.js';

declare module 'mercurius' {
  interface MercuriusContext extends WithAuth {}
}

/** The inventory with Mercurius, on Fastify. */
export async function createMercuriusApp(options: ResourceServerOptions): Promise<FastifyInstance> {
  const server = createResourceServer(options);
  const app = Fastify();
  await app.register(resourceServer, server);
  await app.register(mercurius, {
    schema: createInventorySchema(server),
    context: ({ auth }) => ({ auth }),
  });
  app.graphql.addHook('preExecution', async (_schema, document, { auth }) =>
    checkIntrospection(server, auth, document),
  );
  return app;
}
