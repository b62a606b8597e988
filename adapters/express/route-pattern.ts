import type { IncomingMessage } from 'node:http';
import { findRouter, layers, member } from './declarations.js';

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
    const matched = match(layer, path);
    if (matched === undefined) continue;
    const route = member(layer, 'route');
    if (route !== undefined) {
      if (handles(route, method)) return String(member(route, 'path'));
      continue;
    }
    const rest = path.slice(matched.path.length);
    const inner = patternIn(member(layer, 'handle'), rest.startsWith('/') ? rest : `/${rest}`, method);
    const mount = mountPattern(layer, matched);
    if (inner !== undefined) return mount === undefined ? undefined : mount + inner;
  }
  return undefined;
}

/** What a layer makes of a path. Older routers say yes or no, and keep the rest. */
interface Matched {
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function match(layer: unknown, path: string): Matched | undefined {
  const test = member(layer, 'match');
  const said: unknown = typeof test === 'function' ? Reflect.apply(test, layer, [path]) : false;
  if (said === false) return undefined;
  const found = typeof said === 'object' ? said : layer;
  const params = member(found, 'params');
  return {
    path: String(member(found, 'path') ?? ''),
    params: { ...(typeof params === 'object' ? params : {}) },
  };
}

/**
 * Where a router is mounted, with the names of parameters in place of what the client sent.
 *
 * Security: undefined if something in it may be the client's that has no name.
 */
function mountPattern(layer: unknown, { path, params }: Matched): string | undefined {
  const given = member(layer, 'rawPath'); // newer routers keep what they were given
  if (path === '' || typeof given === 'string') return path === '' ? '' : trimSlash(String(given));
  if (isRegExp(layer)) return undefined;
  const names = new Map(Object.entries(params).map(([name, value]) => [String(value), `:${name}`]));
  const segments = path.split('/').map((segment) => decodeURIComponent(segment));
  if ([...names.keys()].some((value) => !segments.includes(value))) return undefined;
  return trimSlash(segments.map((segment) => names.get(segment) ?? segment).join('/'));
}

/** Whether a layer was given a regular expression. Express 4 makes one of every path, which ends so. */
function isRegExp(layer: unknown): boolean {
  const matchers = member(layer, 'matchers');
  if (Array.isArray(matchers)) return matchers.some((matcher) => member(matcher, 'name') === 'regexpMatcher');
  return !String(member(member(layer, 'regexp'), 'source')).endsWith('\\/?(?=\\/|$)');
}

function trimSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function handles(route: unknown, method: string): boolean {
  const has = (name: string): boolean => member(member(route, 'methods'), name) === true;
  return has('_all') || has(method) || (method === 'head' && has('get'));
}
