import type { IncomingMessage } from 'node:http';
import { findRouter, layers, member } from './declarations.js';
import { mountPaths } from './routes.js';

/** What Express adds to a request. */
interface ExpressRequest extends IncomingMessage {
  readonly app?: unknown;
  readonly originalUrl?: string;
}

/**
 * The pattern of the route that a request is for, with those of the routers it's in: `/stores/:store/stock`.
 * Express itself tells it only once it's there, and a refused request never gets there; and it tells where a
 * router is mounted as the path that the client sent. So the routers are asked what they'd match.
 *
 * @returns undefined if no route matches, or it can't be seen: in an application that's mounted in another
 */
export function routePattern(request: ExpressRequest): string | undefined {
  const { app, originalUrl = request.url, method = '' } = request;
  if (app === undefined || originalUrl === undefined || member(app, 'parent') !== undefined) return undefined;
  const [path = ''] = originalUrl.split('?', 1);
  try {
    return patternIn(findRouter(app), path, method.toLowerCase());
  } catch {
    return undefined; // a path that can't be decoded
  }
}

function patternIn(router: unknown, path: string, method: string): string | undefined {
  for (const layer of layers(router)) {
    const matched = matchedPath(layer, path);
    if (matched === undefined) continue;
    const route = member(layer, 'route');
    if (route !== undefined) {
      if (handles(route, method)) return String(member(route, 'path'));
      continue;
    }
    const rest = path.slice(matched.length);
    const inner = patternIn(member(layer, 'handle'), rest.startsWith('/') ? rest : `/${rest}`, method);
    if (inner === undefined) continue;
    // Of several places, and of a regular expression, what matched is only known as the client's text.
    const [mount, another] = mountPaths(layer);
    return typeof mount === 'string' && another === undefined ? mount.replace(/\/$/, '') + inner : undefined;
  }
  return undefined;
}

/** The part of a path that a layer matches. Older routers say yes or no, and keep the rest. */
function matchedPath(layer: unknown, path: string): string | undefined {
  const test = member(layer, 'match');
  const said: unknown = typeof test === 'function' ? Reflect.apply(test, layer, [path]) : false;
  if (said === false) return undefined;
  return String(member(typeof said === 'object' ? said : layer, 'path') ?? '');
}

function handles(route: unknown, method: string): boolean {
  const has = (name: string): boolean => member(member(route, 'methods'), name) === true;
  return has('_all') || has(method) || (method === 'head' && has('get'));
}
