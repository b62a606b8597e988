import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Requirement, ResourceServer } from '../../src/index.js';
import { declared } from '../kit/index.js';
import type { RouteAccess } from '../kit/openapi.js';

/** What a route requires, and what protects it. */
export interface Route {
  /** Those of its own hooks; hooks of whole scopes aren't visible. */
  readonly requirements: readonly Requirement[];
  /** The resource servers that guard it against preflights, because they saw that one could reach it. */
  readonly servers: readonly ResourceServer[];
  /** For documents: where it's declared, and all that protects it, with the nearest resource server last. */
  readonly declared?: { readonly scope: object; readonly protectors: readonly ResourceServer[] };
}

/** Where a route's `config`, and each request to it, keep its {@link Route}. */
export const ROUTE: unique symbol = Symbol('oauth-resource-server.route');

declare module 'fastify' {
  interface FastifyRequest {
    [ROUTE]?: Route | undefined;
  }
  interface FastifyContextConfig {
    [ROUTE]?: Route | undefined;
  }
}

/** For unknown paths, and routes made before anything protected their scope. */
const UNSEEN: Route = { requirements: [], servers: [] };

/**
 * From now on, records the routes of this scope and of inner scopes: what they require, for challenges and
 * for documents.
 *
 * @param guard runs before the own hooks of a route that a preflight could reach
 */
export function noteRoutes(app: FastifyInstance, server: ResourceServer, guard: onRequestHookHandler): void {
  app.addHook('onRoute', function note(route) {
    const { onRequest = [], preValidation = [], preHandler = [], config } = route;
    const hooks = [onRequest, preValidation, preHandler].flat();
    const requirements = hooks.flatMap((hook) => declared(hook)?.requirement ?? []);
    const isGuarded = config?.public !== true && [route.method].flat().includes('OPTIONS');
    const servers = [...(config?.[ROUTE]?.servers ?? []), isGuarded ? server : []].flat();
    const protectors = [...(config?.[ROUTE]?.declared?.protectors ?? []), server];
    route.config = { ...config, [ROUTE]: { requirements, servers, declared: { scope: this, protectors } } };
    if (isGuarded) route.onRequest = [guard, onRequest].flat();
  });
}

/**
 * The route of a request. The request keeps it, because Fastify makes a route's options anew each time
 * they're read. Only now is it clear whether the route is public: hooks of inner scopes may have changed
 * that.
 */
export function readRoute(request: FastifyRequest): Pick<Route, 'servers'> & { readonly isPublic: boolean } {
  const { config } = request.routeOptions;
  const route = config?.[ROUTE] ?? UNSEEN;
  request[ROUTE] = route;
  return { servers: route.servers, isPublic: config?.public === true };
}

/**
 * Who may call a route, for documents. Unlike for requests, the hooks of whole scopes count: all are there
 * when a document is made.
 *
 * @param route its options
 */
export function readAccess({ config }: { readonly config?: object | undefined }): RouteAccess {
  // Only this module writes under its symbol.
  const route: Route | undefined = Reflect.get(config ?? {}, ROUTE);
  const { requirements = [], declared: { scope = {}, protectors = [] } = {} } = route ?? {};
  const isPublic = route === undefined || Reflect.get(config ?? {}, 'public') === true;
  const key = Object.getOwnPropertySymbols(scope).find(({ description }) => description === 'fastify.hooks');
  const hooks: Record<string, unknown> = key === undefined ? {} : Reflect.get(scope, key);
  const ofScope = ['onRequest', 'preValidation', 'preHandler']
    .flatMap((name) => hooks[name] ?? [])
    .flatMap((hook) => declared(hook)?.requirement ?? []);
  return { isPublic, servers: protectors, requirements: [...ofScope, ...requirements] };
}

/** Everything that a request's route requires. One requirement is known already. */
export function routeRequirements(request: object, requirement: Requirement): readonly Requirement[] {
  const known: Route = Reflect.get(request, ROUTE) ?? UNSEEN; // only this module writes under its symbol
  return known.requirements.includes(requirement) ? known.requirements : [...known.requirements, requirement];
}
