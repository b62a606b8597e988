import type { GraphQLSchema } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { type ResourceServer, requirementOfClaims } from 'oauth-resource-server';
import { protect, protectSchema, REQUIRE_SCOPE, type WithAuth } from './scopes.js';

const typeDefs = /* GraphQL */ `
  ${REQUIRE_SCOPE}

  type Query {
    version: String!
    stock(sku: ID!): Stock @requireScope(scopes: ["read:inventory"])
    turnover: Float
  }

  type Mutation {
    reserve(sku: ID!): Stock @requireScope(scopes: ["read:inventory", "write:orders"])
  }

  type Stock {
    sku: ID!
    count: Int!
    caller: String
    price: Float @requireScope(scopes: ["read:prices"])
  }
`;

/** What no scope says is for a wrapper of the resolver. */
const ofHeadOffice = requirementOfClaims((claims) => claims.department === 'head office');

/** The schema of the inventory. Any of the three servers takes it. */
export function createInventorySchema(server: ResourceServer): GraphQLSchema {
  const counts = new Map([['42', 7]]);
  const stock = (sku: string, { auth }: WithAuth) => ({
    sku,
    count: counts.get(sku) ?? 0,
    caller: auth?.clientId,
    price: 9.9,
  });
  const schema = createSchema<WithAuth>({
    typeDefs,
    resolvers: {
      Query: {
        version: () => '1.0.0',
        stock: (_source, { sku }, context) => stock(sku, context),
        turnover: protect(server, [ofHeadOffice], () => 1_000_000),
      },
      Mutation: {
        reserve: (_source, { sku }, context) => {
          counts.set(sku, (counts.get(sku) ?? 0) - 1);
          return stock(sku, context);
        },
      },
    },
  });
  return protectSchema(schema, server);
}
