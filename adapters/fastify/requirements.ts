import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Requirement, ResourceServer } from '../../src/index.js';
import {
  checkRequirements,
  declare,
  declared,
  type Reply,
  type RequirementFamily,
  refuse,
  requirementFamily,
} from '../kit/index.js';

/** Continues with the next hook, or with Fastify's error path. */
export type HookDone = (error?: Error) => void;

/** A hook of a route or a scope: `onRequest`, `preValidation` or `preHandler`. */
export type RequirementHook = (request: object, reply: object, done: HookDone) => void;

const ADVICE =
  '. Register the resourceServer plugin in this scope or around it; ' +
  "a route with config.public cannot have requirements; with bearerMethods 'body' use";

const family: RequirementFamily<RequirementHook> = requirementFamily((requirement, name) => {
  const hook: RequirementHook = (request, reply, done) => {
    // All of the route at once, so that one challenge names them all.
    const known = [...(requirementsOf(request) ?? []), requirement];
    const refusal = checkRequirements(request, known, { name, advice: `${ADVICE} ${name} as preHandler` });
    if (refusal === undefined) done();
    // Whatever types the route gives its replies, a refusal is none of them.
    else refuse(refusal, reply as Reply, done);
  };
  return declare(hook, { requirement });
});

type Family = RequirementFamily<RequirementHook>;

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. Use it as `onRequest`, or as
 * `preHandler` with `bearerMethods: ['body']`, like the others.
 */
export const requireScope: Family['requireScope'] = family.requireScope;
/** Requires at least one of the scopes, see {@link RequirementFamily.requireAnyScope}. */
export const requireAnyScope: Family['requireAnyScope'] = family.requireAnyScope;
/** Requires `true` of a predicate on the claims, see {@link RequirementFamily.requireClaims}. */
export const requireClaims: Family['requireClaims'] = family.requireClaims;
/** Requires a way of logging in, or a recent login, see {@link RequirementFamily.requireAuthentication}. */
export const requireAuthentication: Family['requireAuthentication'] = family.requireAuthentication;
/**
 * Requires `true` of a predicate on the authorization details, see {@link
 * RequirementFamily.requireAuthorizationDetails}.
 */
export const requireAuthorizationDetails: Family['requireAuthorizationDetails'] =
  family.requireAuthorizationDetails;

/** Where a route's `config`, and each request to it, keeps the requirements of its hooks. */
export const requirements: unique symbol = Symbol('oauth-resource-server.requirements');
/** Where a scope keeps the resource server that protects it; scopes inside inherit it. */
const protector: unique symbol = Symbol('oauth-resource-server.protector');

/**
 * From now on, notes what the routes of this scope and the scopes inside require: for their challenges, and
 * for the metadata of the resource server that's nearest to them. Hooks of whole scopes can't be seen.
 */
export function collectRequirements(app: FastifyInstance, server: ResourceServer): void {
  Object.defineProperty(app, protector, { value: server, configurable: true });
  app.addHook('onRoute', function noteRequirements(route) {
    const hooks = [route.onRequest, route.preValidation, route.preHandler].flat();
    const found = hooks.flatMap((hook) => declared(hook)?.requirement ?? []);
    if (found.length === 0) return;
    route.config = Object.assign({}, route.config, { [requirements]: found });
    if (Reflect.get(this, protector) !== server) return;
    for (const requirement of found) server.resourceMetadata?.addRequirement(requirement);
  });
}

/**
 * Reads what the route of a request requires, for {@link requirementsOf}. Fastify makes the options of a
 * route anew each time that they're read, so that's done once.
 */
export function readRoute(request: FastifyRequest): { readonly isPublic: boolean } {
  const { config } = request.routeOptions;
  Reflect.set(request, requirements, config && Reflect.get(config, requirements));
  return { isPublic: config?.public === true };
}

/** What the hooks of a request's route require, as far as it's known; undefined if nothing is. */
export function requirementsOf(request: object): readonly Requirement[] | undefined {
  return Reflect.get(request, requirements); // only this module writes under its symbol
}
