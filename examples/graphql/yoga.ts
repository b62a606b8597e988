import { createYoga, type Plugin } from 'graphql-yoga';
import { type ResourceServerOptions, resourceServer } from 'oauth-resource-server/fetch';
import { createInventorySchema } from './schema.js';
import { checkIntrospection, type WithAuth } from './scopes.js';

/**
 * The inventory with GraphQL Yoga, for whatever takes a function of a `Request`: Bun, Deno, Hono, Next.js.
 */
export function createYogaHandler(options: ResourceServerOptions): (request: Request) => Promise<Response> {
  const gate = resourceServer(options);
  const introspection: Plugin<WithAuth> = {
    onExecute: ({ args }) => checkIntrospection(gate.server, args.contextValue.auth, args.document),
  };
  const yoga = createYoga<WithAuth>({
    schema: createInventorySchema(gate.server),
    plugins: [introspection],
  });
  return gate.protect((request, auth) => yoga.fetch(request, { auth }));
}
