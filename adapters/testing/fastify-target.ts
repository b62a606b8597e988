import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fillPath } from '../kit/route-path.js';
import type { Target, TargetRoute } from './target.js';

/** `app.all` has at least this many methods. */
const ALL = 8;
/** What Fastify publishes right before it calls a handler. */
const HANDLER_STARTS = 'tracing:fastify.request.handler:start';

/** A Fastify 5 application; it's made ready. */
export async function fastifyTarget(application: FastifyInstance): Promise<Target> {
  await application.ready();
  const printed = readRoutes(application.printRoutes());
  const paths = new Set(printed.map(({ path }) => path));
  return {
    listener: application.routing as RequestListener, // it takes Node's objects
    routes: printed.map((route) => ({
      ...route,
      isServedBy: (handler) => {
        const path = String(handler);
        return path === route.path || (!paths.has(path) && isPrintedAs(path, route.path));
      },
    })),
    blindSpots: [],
    guard(probes) {
      // `as`: Fastify documents its shape.
      const onStart = (message: unknown): void => stopBefore(message as HandlerStart, probes);
      subscribe(HANDLER_STARTS, onStart);
      return () => void unsubscribe(HANDLER_STARTS, onStart);
    },
  };
}

type PrintedRoute = Omit<TargetRoute, 'isServedBy'>;

interface HandlerStart {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/**
 * Replaces the route's handler, for this request only.
 *
 * @throws {Error} this version of Fastify keeps a request's route somewhere else
 */
function stopBefore({ request, reply }: HandlerStart, probes: Parameters<Target['guard']>[0]): void {
  probes.note(request.raw, request.routeOptions.url);
  if (!probes.stop(request.raw)) return;
  reply.hijack();
  const key = Object.getOwnPropertySymbols(request).find(
    ({ description }) => description === 'fastify.context',
  );
  if (key === undefined) throw new Error('prove cannot stop before the handlers of this version of Fastify');
  const handler = { value: () => undefined };
  Reflect.set(request, key, Object.create(Reflect.get(request, key), { handler }));
}

/**
 * Reads the tree from `printRoutes`: a line per part of a path, and the methods if a route ends there.
 * `└── stock/:sku (GET, HEAD) {"version":"2.0.0"}`; more routes with the same path follow on the lines below.
 */
function readRoutes(tree: string): readonly PrintedRoute[] {
  const routes: PrintedRoute[] = [];
  let parts: readonly string[] = [];
  for (const line of tree.split('\n')) {
    const [, depth, text = line] = /^((?:│ {3}| {4})*)[├└]── (.*)$/.exec(line) ?? [];
    const [end = '', methods, constraints = '{}'] = / \(([A-Z, -]+)\)(?: (\{.*\}))?$/.exec(text) ?? [];
    const printed = text.slice(0, text.length - end.length).replace('(empty root node)', '');
    // It prints a literal colon as one colon; routes have it as two.
    const part = printed.startsWith(':') ? printed : printed.replaceAll(':', '::');
    if (depth !== undefined) parts = [...parts.slice(0, depth.length / 4), part];
    const path = parts.join('');
    const headers = constraintHeaders(JSON.parse(constraints));
    const found = methods?.split(', ') ?? [];
    for (const method of found.length >= ALL ? ['ALL'] : found)
      routes.push({ method, path, isPattern: false, headers });
  }
  return routes;
}

/** Whether a route's path may be printed like this: two lines if it ends in an optional parameter. */
function isPrintedAs(path: string, printed: string): boolean {
  const short = path.replace(/\/:[^/]*\?$/, '');
  return [path, short].some((one) => readShape(one) === readShape(printed));
}

/** A path without what `printRoutes` may change: names, and what the router's options ignore. */
function readShape(path: string): string {
  const filled = fillPath(path, (name) => (name === '*' ? name : '{}')).replace(/\{\}(?:\|\{\})+/g, '{}');
  return filled.toLowerCase().replace(/\/+/g, '/').replace(/\/$/, '');
}

/** The header fields that lead to a route with constraints (for the two that Fastify has built in). */
function constraintHeaders({ version, host }: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...(version !== undefined && { 'Accept-Version': version }),
    ...(host !== undefined && { Host: host }),
  };
}
