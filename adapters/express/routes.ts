import { type Declaration, declared } from '../kit/index.js';
import { fillPath, joinPath } from '../kit/route-path.js';
import { findRouter, layers, matchedPath, member, serves } from './declarations.js';

/** A route of an application of Express 4 or 5, with the paths of the routers around it. */
export interface Route {
  /** `GET`; `ALL` for every method. */
  readonly method: string;
  /** As written: `/api/stock/:sku`. A regular expression as text: `/^\/a/`. */
  readonly path: string;
  /** Whether the path contains a regular expression, so that it can't be filled in. */
  readonly isPattern: boolean;
  /** Its layers, in order. */
  readonly layers: readonly unknown[];
  /** What the middleware around it and in it declares, in order. */
  readonly declarations: readonly Declaration[];
}

/** Middleware with its own path, which may be a handler: `app.use('/metrics', metrics)`. */
export interface Mount {
  readonly path: string;
  readonly layer: unknown;
  /** Whether it's an application: Express doesn't show its routes. */
  readonly isApplication: boolean;
}

/** The result of {@link readRoutes}. */
export interface Routes {
  readonly routes: readonly Route[];
  readonly mounts: readonly Mount[];
}

/**
 * The routes of an application, including those of inner routers. Express doesn't show mounted applications,
 * so name them.
 *
 * @param mounted the inner applications, by mount path: `{ '/admin': adminApp }`
 * @throws {Error} this version of Express doesn't say where its routers are mounted
 */
export function readRoutes(application: object, mounted: Readonly<Record<string, object>> = {}): Routes {
  const routes: Route[] = [];
  const mounts: Mount[] = [];
  /** Returns what the router declares for every request that passes it. */
  const walk = (
    router: unknown,
    prefix: string,
    isPattern: boolean,
    outer: readonly Around[],
  ): readonly Around[] => {
    const around: Around[] = [];
    for (const layer of layers(router)) {
      const route = member(layer, 'route');
      const handle = member(layer, 'handle');
      const said = declared(handle);
      if (route !== undefined) routes.push(...readRoute(route, prefix, isPattern, [...outer, ...around]));
      else if (said !== undefined) around.push({ said, prefix, way: [layer] });
      else {
        let inside: readonly Around[] = [];
        for (const given of mountPaths(layer)) {
          const path = joinPath(prefix, String(given));
          const isApplication = member(layer, 'name') === 'mounted_app';
          const inner = isApplication ? mounted[path] && findRouter(mounted[path]) : handle;
          if (Array.isArray(member(inner, 'stack')))
            inside = walk(inner, path, isPattern || given instanceof RegExp, [...outer, ...around]);
          else mounts.push({ path, layer, isApplication });
        }
        // A request that no route of the inner router answers comes back, and goes on from here.
        around.push(...inside.map(({ said, way }) => ({ said, prefix, way: [layer, ...way] })));
      }
    }
    return around;
  };
  walk(findRouter(application), '/', false, []);
  return { routes, mounts };
}

/** Middleware that declares something for the routes behind it. */
interface Around {
  readonly said: Declaration;
  /** The prefix of the router in which its way begins. */
  readonly prefix: string;
  /** The layers that a request has to match to get there: inner routers, and at the end its own. */
  readonly way: readonly unknown[];
}

function readRoute(
  route: unknown,
  prefix: string,
  isBelowPattern: boolean,
  around: readonly Around[],
): readonly Route[] {
  const named = Object.keys(Object(member(route, 'methods')));
  // `app.all` adds a handler for each of Node's methods, `router.all` one for `_all`.
  const methods = named.includes('_all') || named.length > 20 ? ['all'] : named;
  const paths = [member(route, 'path')].flat(Number.POSITIVE_INFINITY);
  return paths.flatMap((given) => {
    const path = joinPath(prefix, String(given));
    const isPattern = isBelowPattern || given instanceof RegExp;
    const covering = isPattern ? around : around.filter((one) => covers(one, path));
    return methods.map((name) => {
      const own = layers(route).filter((layer) => serves(layer, name === 'all' ? 'get' : name));
      const inside = own.flatMap((layer) => declared(member(layer, 'handle')) ?? []);
      const declarations = [...covering.map(({ said }) => said), ...inside];
      return { method: name.toUpperCase(), path, isPattern, layers: own, declarations };
    });
  });
}

/** Asks the layers themselves. What they store about the match is about the last request anyway. */
function covers({ way, prefix }: Around, path: string): boolean {
  const sample = (one: string): string => fillPath(one, () => '1');
  let below = sample(path).slice(prefix === '/' ? 0 : sample(prefix).length);
  return way.every((layer) => {
    const matched = matchedPath(layer, below.startsWith('/') ? below : `/${below}`);
    below = below.slice(matched?.length);
    return matched !== undefined;
  });
}

/** Where a router or middleware is mounted. */
export function mountPaths(layer: unknown): readonly (string | RegExp)[] {
  // Express 5: the arguments of `use`, with lists already flattened.
  const raw = member(layer, 'rawPath') as string | RegExp | readonly (string | RegExp)[] | undefined;
  if (raw !== undefined) return [raw].flat();
  const regexp = member(layer, 'regexp'); // Express 4
  if (member(layer, 'slash') === true || member(regexp, 'fast_slash') === true) return ['/'];
  if (regexp instanceof RegExp) return [writtenPath(regexp, member(layer, 'keys'))];
  throw new Error('this version of Express does not say where its routers are mounted; update it');
}

/** The path that Express 4 turned into a regular expression; the expression itself if that isn't clear. */
function writtenPath(regexp: RegExp, keys: unknown): string | RegExp {
  const names = (Array.isArray(keys) ? keys : []).map((key) => String(member(key, 'name')));
  const path = regexp.source
    .replace(/^\^/, '')
    .replace(/\\\/\?\(\?=\\\/\|\$\)$/, '')
    .replace(
      /\(\?:(\\\/)?\((?:\\.|\[[^\]]*\]|[^()\\]|\([^()]*\))*\)\)/g,
      (_, slash = '') => `${slash}:${names.shift()}`,
    )
    .replace(/\\(.)/g, '$1');
  return /[()[\]|^$]/.test(path) ? regexp : path;
}
