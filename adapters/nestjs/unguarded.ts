import type { ModulesContainer } from '@nestjs/core';
import { RequirementGuard, ResourceServerGuard } from './guard.js';
import { type Handler, handlerPolicies, type RoutePolicy } from './route-policy.js';

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
 * The same for fields of GraphQL objects. Unless the GraphQL module is set to, Nest runs no guards for them,
 * not even those bound to them.
 *
 * @throws {TypeError} names every field with a requirement that nothing would check
 */
export function requireFieldGuards(modules: ModulesContainer): void {
  const graphql = [...modules.values()].flatMap(({ providers }) => providers.get('GqlModuleOptions') ?? []);
  const asksGuards = graphql.every(({ instance }) => {
    const enhancers: unknown = Reflect.get(Object(instance), 'fieldResolverEnhancers');
    return Array.isArray(enhancers) && enhancers.includes('guards');
  });
  if (asksGuards) return;
  const open = handlerPolicies(modules, ['providers']).filter(
    ({ handler, policy }) =>
      Reflect.hasMetadata('graphql:resolve_property', handler) && policy.requirements.length > 0,
  );
  if (open.length === 0) return;
  throw new TypeError(
    `Nothing checks what ${listNames(open)} require: Nest runs no guards for fields. ` +
      "Set fieldResolverEnhancers: ['guards'] in the options of the GraphQL module.",
  );
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
