import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express, { type Express } from 'express';
import { createResourceServer, type ResourceServerOptions } from 'oauth-resource-server';
import { authenticate } from 'oauth-resource-server/express';
import type {} from 'oauth-resource-server/express/types';
import { createInventorySchema } from './schema.js';
import { checkIntrospection, type WithAuth } from './scopes.js';

/** The inventory with Apollo Server, on Express. */
export async function createApolloApp(options: ResourceServerOptions): Promise<Express> {
  const server = createResourceServer(options);
  const apollo = new ApolloServer<WithAuth>({
    schema: createInventorySchema(server),
    introspection: true,
    plugins: [
      {
        requestDidStart: async () => ({
          didResolveOperation: async ({ document, contextValue, response }) => {
            response.http.status = 200; // otherwise Apollo answers what this hook throws with 500
            checkIntrospection(server, contextValue.auth, document);
          },
        }),
      },
    ],
  });
  await apollo.start();

  const app = express();
  app.use(
    '/graphql',
    authenticate(server),
    express.json(),
    expressMiddleware(apollo, { context: async ({ req }) => ({ auth: req.auth }) }),
  );
  return app;
}
