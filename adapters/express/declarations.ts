import type { IncomingMessage } from 'node:http';
import type { Requirement } from '../../src/index.js';
import { type Declaration, declared } from '../kit/index.js';

/** What Express adds to a request. */
export interface ExpressRequest extends IncomingMessage {
  /** The application that received it; `parent` if that's mounted in another one. */
  readonly app?: object & { readonly parent?: unknown };
  /** The request target before a router removed its mount path. */
  readonly originalUrl?: string;
}

/**
 * What the middleware of an Express 4 or 5 application declares, as far as its router shows it: its own
 * layers, then those of its routes and inner routers, in order.
 */
export function declarations(application: object): readonly Declaration[] {
  return inside(findRouter(application));
}

/** Express 4 has it at `_router`, and throws for `router`; Express 5 has it at `router`. */
export function findRouter(application: unknown): unknown {
  return member(application, '_router') ?? member(application, 'router');
}

function inside(router: unknown): readonly Declaration[] {
  return layers(router).flatMap((layer) => {
    const handle = member(layer, 'handle');
    return [declared(handle) ?? [], inside(member(layer, 'route') ?? handle)].flat();
  });
}

/**
 * All requirements of the route that a middleware is in; undefined if it isn't in one.
 *
 * @returns a function that remembers the last route: most middleware is in one
 */
export function routeReader(
  middleware: () => object,
): (request: IncomingMessage) => readonly Requirement[] | undefined {
  let last:
    | { route: unknown; method: string | undefined; size: number; found: readonly Requirement[] | undefined }
    | undefined;
  return (request) => {
    const route = member(request, 'route');
    if (route === undefined) return undefined;
    const { method } = request;
    const size = layers(route).length; // a route may get more handlers later
    if (last === undefined || last.route !== route || last.method !== method || last.size !== size)
      last = { route, method, size, found: routeRequirements(route, method, middleware()) };
    return last.found;
  };
}

function routeRequirements(
  route: unknown,
  method: string | undefined,
  middleware: object,
): readonly Requirement[] | undefined {
  // As in Express: handlers for GET serve HEAD, unless there are some for HEAD.
  const isGet = method === 'HEAD' && member(member(route, 'methods'), 'head') !== true;
  const handles = layers(route)
    .filter((layer) => serves(layer, isGet ? 'get' : method?.toLowerCase()))
    .map((layer) => member(layer, 'handle'));
  // After a route that called `next`, `request.route` still names that route.
  if (!handles.includes(middleware)) return undefined;
  return handles.flatMap((handle) => declared(handle)?.requirement ?? []);
}

/**
 * Whether a layer of a route handles a method, in lower case. A layer from `route.all` names none, so it
 * handles them all.
 */
export function serves(layer: unknown, method: string | undefined): boolean {
  const own = member(layer, 'method');
  return own === undefined || own === method;
}

/** The layers of a router or route; empty for anything else. */
export function layers(routerOrRoute: unknown): readonly unknown[] {
  const stack = member(routerOrRoute, 'stack');
  return Array.isArray(stack) ? stack : [];
}

/**
 * The part of a path that a layer of a router matches; undefined if it doesn't. Newer routers return the
 * match, older ones say whether there's one and store it.
 */
export function matchedPath(layer: unknown, path: string): string | undefined {
  const match = member(layer, 'match');
  const found: unknown = typeof match === 'function' ? Reflect.apply(match, layer, [path]) : false;
  if (found === false) return undefined;
  return String(member(typeof found === 'object' ? found : layer, 'path') ?? '');
}

/** A member of an object or function that only the framework knows. */
export function member(value: unknown, name: string): unknown {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? Reflect.get(value, name) : undefined;
}
