import {
  BREAK,
  type DocumentNode,
  defaultFieldResolver,
  GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  getDirectiveValues,
  isObjectType,
  visit,
} from 'graphql';
import { type Auth, type Requirement, type ResourceServer, requirementOfScopes } from 'oauth-resource-server';

/** What resolvers need to have in their context: who calls, undefined for the anonymous. */
export interface WithAuth {
  readonly auth: Auth | undefined;
}

/** The directive, for the type definitions. On a type it goes for each of its fields. */
export const REQUIRE_SCOPE =
  'directive @requireScope(scopes: [String!]!) on FIELD_DEFINITION | OBJECT | INTERFACE';

/** What Apollo, Yoga and their clients call it. */
const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
};

/** @throws {GraphQLError} who calls doesn't meet all of the requirements */
function checkAccess(
  server: ResourceServer,
  auth: Auth | undefined,
  requirements: readonly Requirement[],
): void {
  const decision = server.authorize(auth, requirements);
  if (decision.kind === 'allowed') return;
  const { status, message, reason } = decision.error;
  const scopes = requirements.flatMap(({ allScopes = [] }) => allScopes);
  throw new GraphQLError(message, { extensions: { code: CODES[status], reason, scopes } });
}

/** A resolver that runs only for callers who meet all of the requirements. */
export function protect<S, C extends WithAuth, A>(
  server: ResourceServer,
  requirements: readonly Requirement[],
  resolve: GraphQLFieldResolver<S, C, A>,
): GraphQLFieldResolver<S, C, A> {
  return (source, args, context, info) => {
    checkAccess(server, context.auth, requirements);
    return resolve(source, args, context, info);
  };
}

/** Protects all fields that the directive is on, in place. */
export function protectSchema(schema: GraphQLSchema, server: ResourceServer): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue; // the schema of schemas isn't ours
    for (const field of Object.values(type.getFields())) {
      const requirements = readDirectives(schema, type, field);
      if (requirements.length === 0) continue;
      field.resolve = protect(server, requirements, field.resolve ?? defaultFieldResolver);
      if (field.subscribe) field.subscribe = protect(server, requirements, field.subscribe);
    }
  }
  return schema;
}

/** Those of the field, of its type, and of the interfaces that have them. They add up. */
function readDirectives(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  { name, astNode }: GraphQLField<unknown, unknown>,
): readonly Requirement[] {
  const directive = schema.getDirective('requireScope');
  if (!directive) throw new Error('The type definitions lack REQUIRE_SCOPE');
  const interfaces = type.getInterfaces();
  const nodes = [
    astNode,
    ...interfaces.map((one) => one.getFields()[name]?.astNode),
    ...[type, ...interfaces].flatMap((one) => [one.astNode, ...one.extensionASTNodes]),
  ];
  return nodes.flatMap((node) => {
    const values = node && getDirectiveValues(directive, node);
    return values ? [requirementOfScopes(values.scopes as string[])] : []; // of the type that it declares
  });
}

const INTROSPECTION = [requirementOfScopes(['read:schema'])];

/**
 * Lets an operation see the schema only if the token grants it.
 *
 * @throws {GraphQLError} it asks for the schema, and the token doesn't
 */
export function checkIntrospection(
  server: ResourceServer,
  auth: Auth | undefined,
  document: DocumentNode,
): void {
  visit(document, {
    Field({ name }) {
      if (name.value !== '__schema' && name.value !== '__type') return undefined;
      checkAccess(server, auth, INTROSPECTION);
      return BREAK;
    },
  });
}
