import { type ExpressRequest, findRouter, layers, matchedPath, member } from './declarations.js';
import { mountPaths } from './routes.js';

/**
 * The pattern of a request's route, including its routers: `/stores/:store/stock`. Express itself says so
 * only at the route, which a refused request never reaches, and it gives a router's mount path only as the
 * client sent it. So we ask the routers what they'd match.
 *
 * @returns undefined if no route matches, or it can't be seen: inside a mounted application
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
    // With several paths, or a regular expression, all we know of the match is the client's text.
    const [mount, another] = mountPaths(layer);
    return typeof mount === 'string' && another === undefined ? mount.replace(/\/$/, '') + inner : undefined;
  }
  return undefined;
}

function handles(route: unknown, method: string): boolean {
  const has = (name: string): boolean => member(member(route, 'methods'), name) === true;
  return has('_all') || has(method) || (method === 'head' && has('get'));
}
