import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { RequirementGuard, ResourceServerGuard } from './guard.js';
import {
  type Handler,
  handlerPolicies,
  handlerPolicy,
  methodNames,
  type RoutePolicy,
} from './route-policy.js';

/** Handlers that Nest calls without running global guards, by the metadata of its decorators. */
interface Unreached {
  readonly among: 'controllers' | 'providers';
  /** Metadata that a class has if its handlers are called at all. */
  readonly ofClass?: string;
  readonly ofHandler: string;
  readonly why: string;
}

export const GATEWAYS: Unreached = {
  among: 'providers',
  ofClass: 'websockets:is_gateway',
  ofHandler: 'websockets:message_mapping',
  why: 'Nest runs no global guards in gateways',
};

/** For an application that also listens to HTTP. One that doesn't does run its global guards. */
export const MESSAGE_HANDLERS: Unreached = {
  among: 'controllers',
  ofHandler: 'microservices:pattern',
  why: 'Nest runs no global guards for messages of an application that also listens to HTTP',
};

/**
 * Keeps the application from starting if a handler could be called without a token.
 *
 * @throws {TypeError} names every handler that neither runs the guard nor is `@Public()`
 */
export function requireGuards(
  modules: ModulesContainer,
  { among, ofClass, ofHandler, why }: Unreached,
): void {
  const open = handlerPolicies(modules, [among]).filter(
    ({ metatype, handler, policy }) =>
      (ofClass === undefined || Reflect.hasMetadata(ofClass, metatype)) &&
      Reflect.hasMetadata(ofHandler, handler) &&
      !policy.isPublic &&
      ![metatype, handler].flatMap(boundGuards).some((guard) => asksGuard(guard, policy)),
  );
  if (open.length === 0) return;
  throw new TypeError(
    `Nothing authenticates the callers of ${listNames(open)}: ${why}. Bind it to the class, ` +
      '@UseGuards(ResourceServerGuard), or mark the handler @Public().',
  );
}

/**
 * The same for fields of GraphQL objects, and for references to objects. Unless the GraphQL module is set to,
 * Nest runs no guards for them, not even those bound to them. In a subgraph of a federation, clients reach
 * them by the query `_entities`, which has no handler.
 *
 * @throws {TypeError} names every field with a requirement that nothing would check, and in a subgraph every
 *   field that's not `@Public()`
 */
export function requireFieldGuards(modules: ModulesContainer): void {
  const graphql = [...modules.values()].filter(({ providers }) => providers.has('GqlModuleOptions'));
  const asksGuards = graphql.every(({ providers }) => {
    const options = Object(providers.get('GqlModuleOptions')?.instance);
    const enhancers: unknown = Reflect.get(options, 'fieldResolverEnhancers');
    return Array.isArray(enhancers) && enhancers.includes('guards');
  });
  if (asksGuards) return;
  const isSubgraph = graphql.some(servesEntities);
  const open = fieldHandlers(modules).filter(({ policy }) =>
    isSubgraph ? !policy.isPublic : policy.requirements.length > 0,
  );
  if (open.length === 0) return;
  const names = listNames(open);
  const problem = isSubgraph
    ? `Nothing authenticates the callers of ${names}: the query _entities reaches them`
    : `Nothing checks what ${names} require`;
  throw new TypeError(
    `${problem}, and Nest runs no guards for fields and references. ` +
      "Set fieldResolverEnhancers: ['guards'] in the options of the GraphQL module.",
  );
}

const FIELDS = ['graphql:resolve_property', 'graphql:resolve_reference'];

/** The handlers of fields and references. Nest looks at the instances of providers, whoever made them. */
function fieldHandlers(modules: ModulesContainer): readonly Handler[] {
  const instances = [...modules.values()].flatMap(({ providers }) =>
    [...providers.values()].flatMap(({ instance }): object[] => (isObject(instance) ? [instance] : [])),
  );
  const prototypes = new Set(instances.map((instance): unknown => Object.getPrototypeOf(instance)));
  return [...prototypes].filter(isObject).flatMap((prototype) =>
    methodNames(prototype).flatMap((name) => {
      const handler = Reflect.get(prototype, name);
      if (!FIELDS.some((metadata) => Reflect.hasMetadata(metadata, handler))) return [];
      const metatype: Type = Reflect.get(prototype, 'constructor');
      return { metatype, name, handler, policy: handlerPolicy(prototype, handler) };
    }),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The parts of Nest's GraphQL module and of a schema that are needed here. */
interface GraphqlModule {
  readonly providers: ReadonlyMap<unknown, { readonly instance: unknown }>;
}
interface Schema {
  getQueryType?(): { getFields(): object } | undefined;
}

/** Whether a GraphQL module serves a subgraph. One of its providers has the schema. */
function servesEntities({ providers }: GraphqlModule): boolean {
  return [...providers.values()].some(({ instance }) => {
    const schema: Schema | undefined = Reflect.get(Object(instance), 'schema');
    return '_entities' in (schema?.getQueryType?.()?.getFields() ?? {});
  });
}

function listNames(handlers: readonly Handler[]): string {
  return [...new Set(handlers.map(({ metatype, name }) => `${metatype.name}.${name}`))].join(', ');
}

function boundGuards(place: object): readonly unknown[] {
  return Reflect.getMetadata('__guards__', place) ?? [];
}

function asksGuard(guard: unknown, { requirements }: RoutePolicy): boolean {
  if (guard === RequirementGuard) return requirements.length > 0;
  const bound: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return bound === ResourceServerGuard.prototype || bound instanceof ResourceServerGuard;
}
