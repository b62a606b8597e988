import {
  OpenApiSecurity,
  type OpenApiSecurityOptions,
  type RouteAccess,
  type SecurityRequirement,
} from '../kit/openapi.js';
import { fillPath } from '../kit/route-path.js';
import { type Route, readRoutes } from './routes.js';

/** Options of {@link openapiSecurity}. */
export interface ExpressOpenApiOptions extends OpenApiSecurityOptions {
  /**
   * Applications mounted in this one, by their full path: `{ '/admin': adminApp }`. Express doesn't show
   * them.
   */
  readonly mounted?: Readonly<Record<string, object>>;
}

/** The parts of a document of OpenAPI 3 that {@link openapiSecurity} fills. */
export interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: Readonly<Record<string, object>>;
}

/** What {@link openapiSecurity} adds to a document. */
export interface SecuredDocument {
  /** Each path with its methods, in lower case: `{ '/stock/{sku}': { get: { security: […] } } }`. */
  readonly paths: Record<string, Record<string, object & { readonly security: SecurityRequirement[] }>>;
  readonly components: { readonly securitySchemes: Record<string, object> };
}

/** The operations that `app.all` stands for. */
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/**
 * Describes what `authenticate` and `requireScope` require of each route, as the `security` of an OpenAPI 3
 * document: `[]` for unprotected routes, otherwise one element per way to open the route.
 *
 * Call it when all routes are there. Routes with a regular expression as path are left out, because OpenAPI
 * can't express them.
 *
 * @param app an application of Express 4 or 5
 * @param document the document to add to; operations keep everything else. Default: an empty one
 * @throws {TypeError} not exactly one of `tokenUrl` and `issuer`
 * @throws {Error} a mounted application isn't in `mounted`
 * @example
 * ```ts
 * import { openapiSecurity } from 'oauth-resource-server/express';
 *
 * const { paths, components } = openapiSecurity(app, { tokenUrl: 'https://auth.example.com/token' });
 * app.get('/openapi.json', (_req, res) => res.json({ openapi: '3.1.0', paths, components }));
 * ```
 */
export function openapiSecurity<Document extends OpenApiDocument>(
  app: object,
  options: ExpressOpenApiOptions,
  document?: Document,
): Document & SecuredDocument {
  const security = new OpenApiSecurity(options, 'mounted');
  const { routes, mounts } = readRoutes(app, options.mounted);
  const unseen = mounts.find(({ isApplication }) => isApplication);
  if (unseen !== undefined) {
    const found = `openapiSecurity: an application is mounted at ${unseen.path}`;
    throw new Error(`${found}; name it: mounted: { '${unseen.path}': … }`);
  }
  const paths: Record<string, Record<string, object>> = { ...(document?.paths as object) };
  const done = new Set<string>();
  for (const { path, method, isPattern, declarations } of routes) {
    if (isPattern) continue;
    const written = fillPath(path, (name) => `{${name === '*' ? 'path' : name}}`);
    for (const name of method === 'ALL' ? METHODS : [method.toLowerCase()]) {
      if (done.has(`${name} ${written}`)) continue; // Express asks the first one
      done.add(`${name} ${written}`);
      const operations = paths[written] ?? {};
      const said = { ...operations[name], security: security.describe(readAccess(declarations)) };
      paths[written] = { ...operations, [name]: said };
    }
  }
  const schemes = { ...document?.components?.securitySchemes, [security.name]: security.scheme };
  const components = { ...document?.components, securitySchemes: schemes };
  // Every operation of a route has `security` now; the rest of the document was only copied.
  return { ...document, paths, components } as unknown as Document & SecuredDocument;
}

function readAccess(declarations: Route['declarations']): RouteAccess {
  const servers = declarations.flatMap(({ server }) => server ?? []);
  const requirements = declarations.flatMap(({ requirement }) => requirement ?? []);
  return {
    isPublic: servers.length === 0 && requirements.length === 0,
    servers,
    requirements,
  };
}
