import { OpenApiSecurity, type OpenApiSecurityOptions, type SecurityRequirement } from '../kit/openapi.js';
import { fillPath } from '../kit/route-path.js';
import { type Route, readRoutes } from './routes.js';

/** Options of {@link openapiSecurity}. */
export interface ExpressOpenApiOptions extends OpenApiSecurityOptions {
  /**
   * Applications that are mounted in this one, by their whole path: `{ '/admin': adminApp }`. Express doesn't
   * show which they are.
   */
  readonly mounted?: Readonly<Record<string, object>>;
}

/** The parts of a document of OpenAPI 3 that {@link openapiSecurity} fills. */
export interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: Readonly<Record<string, object>>;
}

/** What {@link openapiSecurity} makes of a document. */
export interface SecuredDocument {
  /** Each path with its methods, in lower case: `{ '/stock/{sku}': { get: { security: […] } } }`. */
  readonly paths: Record<string, Record<string, object & { readonly security: SecurityRequirement[] }>>;
  readonly components: { readonly securitySchemes: Record<string, object> };
}

/** The operations of a path that `app.all` is for. */
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/**
 * What `authenticate` and `requireScope` say about each route, as the `security` of a document of OpenAPI 3:
 * `[]` for routes that nothing protects, one element per way to open a route otherwise.
 *
 * Call it when all routes are there. Routes whose path is a regular expression are left out, since OpenAPI
 * has no word for them.
 *
 * @param app an application of Express 4 or 5
 * @param document what to add to: operations keep what else is said of them. Default nothing
 * @throws {TypeError} not exactly one of `tokenUrl` and `issuer`
 * @throws {Error} an application is mounted that isn't among `mounted`
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
  { mounted = {}, ...options }: ExpressOpenApiOptions,
  document?: Document,
): Document & SecuredDocument {
  const security = new OpenApiSecurity(options);
  const { routes, mounts } = readRoutes(app, mounted);
  const unseen = mounts.find(({ isApplication }) => isApplication);
  if (unseen !== undefined)
    throw new Error(`openapiSecurity: name the application at ${unseen.path}: mounted`);
  const paths: Record<string, Record<string, object>> = { ...(document?.paths as object) };
  const done = new Set<string>();
  for (const { path, method, isPattern, declarations } of routes) {
    if (isPattern) continue;
    const written = fillPath(path, (name) => `{${name === '*' ? 'path' : name}}`);
    for (const name of method === 'ALL' ? METHODS : [method.toLowerCase()]) {
      if (done.has(`${name} ${written}`)) continue; // Express asks the first one
      done.add(`${name} ${written}`);
      const operations = paths[written] ?? {};
      const said = { ...operations[name], security: security.describe(access(declarations)) };
      paths[written] = { ...operations, [name]: said };
    }
  }
  const schemes = { ...document?.components?.securitySchemes, [security.name]: security.scheme };
  const components = { ...document?.components, securitySchemes: schemes };
  // Every operation of a route has `security` now; what else the document has was only copied.
  return { ...document, paths, components } as unknown as Document & SecuredDocument;
}

function access(declarations: Route['declarations']): Parameters<OpenApiSecurity['describe']>[0] {
  const servers = declarations.flatMap(({ server }) => server ?? []);
  const requirements = declarations.flatMap(({ requirement }) => requirement ?? []);
  return {
    isPublic: servers.length === 0 && requirements.length === 0,
    servers,
    requirements,
  };
}
