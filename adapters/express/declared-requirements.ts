import type { Requirement, ResourceMetadata, ResourceServer } from '../../src/index.js';

/** What a middleware of this package does. */
interface Declaration {
  readonly server?: ResourceServer;
  readonly requirement?: Requirement;
}

/** By middleware. Says nothing about requests, only about how the application is put together. */
const declarations = new WeakMap<object, Declaration>();

/** Remembers what a middleware does, and returns it. */
export function declare<T extends object>(middleware: T, declaration: Declaration): T {
  declarations.set(middleware, declaration);
  return middleware;
}

/**
 * Tells the metadata which scopes the routes of an application require, as far as its router shows them. Nothing where several resource servers protect it: whose
 * routes are whose cannot be seen.
 *
 * @param application an application of Express 4 or 5
 */
export function declareRequirements(application: object | undefined, metadata: ResourceMetadata): void {
  const found = [...declarationsIn(stackOf(application))];
  const urls = new Set(
    found.flatMap(({ server }) => (server === undefined ? [] : [server.resourceMetadata?.url])),
  );
  if (urls.size !== 1 || !urls.has(metadata.url)) return;
  for (const { requirement } of found) if (requirement !== undefined) metadata.addRequirement(requirement);
}

/** In the order of the router: its own layers, those of its routes and of routers inside. */
function* declarationsIn(stack: unknown): Generator<Declaration> {
  if (!Array.isArray(stack)) return;
  for (const layer of stack as readonly unknown[]) {
    const handle = memberOf(layer, 'handle');
    const declaration = isObject(handle) ? declarations.get(handle) : undefined;
    if (declaration !== undefined) yield declaration;
    yield* declarationsIn(memberOf(memberOf(layer, 'route'), 'stack') ?? memberOf(handle, 'stack'));
  }
}

/** Express 4 has its router at `_router`, where asking for `router` throws; Express 5 at `router`. */
function stackOf(application: unknown): unknown {
  return memberOf(memberOf(application, '_router') ?? memberOf(application, 'router'), 'stack');
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
