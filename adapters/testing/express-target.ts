import type { IncomingMessage, RequestListener } from 'node:http';
import { member } from '../express/declarations.js';
import { type Route, readRoutes } from '../express/routes.js';
import { declared } from '../kit/index.js';
import type { Probes } from './probes.js';
import type { Target, TargetRoute } from './target.js';

type Handle = (request: IncomingMessage, response: unknown, next: unknown) => unknown;

/**
 * @param application an application of Express 4 or 5
 * @param mounted the inner applications, by path
 */
export function expressTarget(application: object, mounted: Readonly<Record<string, object>>): Target {
  const { routes, mounts } = readRoutes(application, mounted);
  const uses = mounts.filter(({ isApplication }) => !isApplication);
  return {
    listener: application as RequestListener, // an application of Express is one
    routes: [
      ...routes.map((route) => ({ ...route, headers: {} })),
      ...[...new Set(uses.map(({ path }) => path))].map(readUse),
    ],
    blindSpots: mounts.filter(({ isApplication }) => isApplication).map(({ path }) => path),
    guard(probes) {
      const ends = routes.flatMap((route) => stopBefore(route, probes));
      return () => ends.forEach((end) => void end());
    },
  };
}

function readUse(path: string): TargetRoute {
  // At the root there's much besides the route of that name.
  const alias = path === '/' ? undefined : `POST ${path}`;
  return { method: 'USE', path, alias, isPattern: path.includes('^'), headers: {} };
}

/** Stops requests before the route's last layer that's neither ours nor for errors. */
function stopBefore({ layers }: Route, probes: Probes): readonly (() => void)[] {
  const last = layers.findLast((layer) => {
    const handle = member(layer, 'handle');
    return typeof handle === 'function' && declared(handle) === undefined && handle.length < 4;
  }) as { handle: Handle } | undefined; // layers have such a member
  if (last === undefined) return [];
  const { handle } = last;
  last.handle = (request, response, next) =>
    probes.stop(request) ? undefined : handle(request, response, next);
  return [() => (last.handle = handle)];
}
