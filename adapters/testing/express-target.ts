import type { IncomingMessage, RequestListener } from 'node:http';
import { member } from '../express/declarations.js';
import { type Mount, type Route, readRoutes } from '../express/routes.js';
import { declared } from '../kit/index.js';
import type { Target, TargetRoute } from './target.js';

type Handle = (request: IncomingMessage, response: unknown, next: unknown) => unknown;
type Layer = { handle: Handle };

/**
 * @param application an application of Express 4 or 5
 * @param mounted the inner applications, by path
 * @param notFound the path of a last route that answers 404 to everything else. Neither it nor others with
 *   the same handler count
 */
export function expressTarget(
  application: object,
  mounted: Readonly<Record<string, object>>,
  notFound?: string | undefined,
): Target {
  const { routes: found, mounts } = readRoutes(application, mounted);
  const last = found.findLast(({ method, path }) => method === 'ALL' && path === notFound);
  const answers404 = last && findHandler(last.layers)?.handle;
  const routes = answers404
    ? found.filter(({ layers }) => findHandler(layers)?.handle !== answers404)
    : found;
  const uses = mounts.filter(({ isApplication }) => !isApplication);
  return {
    listener: application as RequestListener, // an application of Express is one
    routes: [
      ...routes.map((route) => ({
        ...route,
        headers: {},
        isServedBy: (handler: unknown) => handler === findHandler(route.layers),
      })),
      ...[...new Set(uses.map(({ path }) => path))].map((path) => readUse(path, uses)),
    ],
    blindSpots: mounts.filter(({ isApplication }) => isApplication).map(({ path }) => path),
    guard(probes) {
      const handlers = new Set(routes.flatMap(({ layers }) => findHandler(layers) ?? []));
      const middleware = new Set(uses.flatMap(({ layer }) => findHandler([layer]) ?? []));
      const ends = [...handlers, ...middleware].map((layer) => {
        const { handle } = layer;
        layer.handle = (request, response, next) => {
          probes.note(request, layer);
          return handlers.has(layer) && probes.stop(request) ? undefined : handle(request, response, next);
        };
        return () => (layer.handle = handle);
      });
      return () => ends.forEach((end) => void end());
    },
  };
}

function readUse(path: string, uses: readonly Mount[]): TargetRoute {
  // At the root there's much more than the route of that name.
  const alias = path === '/' ? undefined : `POST ${path}`;
  const isServedBy = (handler: unknown): boolean =>
    uses.some((one) => one.path === path && one.layer === handler);
  return { method: 'USE', path, alias, isPattern: path.includes('^'), headers: {}, isServedBy };
}

/** The last layer that's neither ours nor for errors. */
function findHandler(layers: Route['layers']): Layer | undefined {
  return layers.findLast((layer) => {
    const handle = member(layer, 'handle');
    return typeof handle === 'function' && declared(handle) === undefined && handle.length < 4;
  }) as Layer | undefined; // layers have such a member
}
