import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import type { Requirement, ResourceServer } from '../../src/index.js';

/** By hook. Says nothing about requests, only about how the application is put together. */
const requirements = new WeakMap<object, Requirement>();
/** Where a route's `config` keeps the requirements of its hooks. */
const declared: unique symbol = Symbol('oauth-resource-server.requirements');
/** Where a scope keeps the resource server that protects it; scopes inside inherit it. */
const protector: unique symbol = Symbol('oauth-resource-server.protector');

/** Remembers what a hook requires, and returns it. */
export function declare<T extends object>(hook: T, requirement: Requirement): T {
  requirements.set(hook, requirement);
  return hook;
}

/**
 * From now on, notes what the routes of this scope and the scopes inside require: for their challenges, and for the metadata of the resource server that is
 * nearest to them. Hooks of whole scopes cannot be seen.
 */
export function collectRequirements(app: FastifyInstance, server: ResourceServer): void {
  Object.defineProperty(app, protector, { value: server, configurable: true });
  app.addHook('onRoute', function noteRequirements(route) {
    const own = requirementsIn(route);
    if (own.length === 0) return;
    route.config = Object.assign({}, route.config, { [declared]: own });
    if (Reflect.get(this, protector) !== server) return;
    for (const requirement of own) server.resourceMetadata?.addRequirement(requirement);
  });
}

/** What the hooks of a request's route require, as far as it is known; undefined where nothing is. */
export function declaredRequirements({ routeOptions }: FastifyRequest): readonly Requirement[] | undefined {
  const { config } = routeOptions;
  return config === undefined ? undefined : Reflect.get(config, declared); // only this module writes under its symbol
}

function requirementsIn({ onRequest, preValidation, preHandler }: RouteOptions): readonly Requirement[] {
  return [onRequest, preValidation, preHandler]
    .flat()
    .map((hook) => (hook === undefined ? undefined : requirements.get(hook)))
    .filter((requirement) => requirement !== undefined);
}
