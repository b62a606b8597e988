import { OpenApiSecurity, type OpenApiSecurityOptions, type SecurityRequirement } from '../kit/openapi.js';
import { readAccess } from './routes.js';

/** What `@fastify/swagger` passes to a `transform`. */
export interface TransformInput<Schema extends object> {
  readonly schema: Schema;
  readonly url: string;
  readonly route: { readonly config?: object | undefined };
  /** The document, if it's OpenAPI 3. */
  readonly openapiObject?: { components?: { securitySchemes?: object } };
}

/** What a `transform` of `@fastify/swagger` returns. */
export interface TransformOutput<Schema extends object> {
  readonly schema: Schema & { readonly security: SecurityRequirement[] };
  readonly url: string;
}

/**
 * Makes a `transform` for `@fastify/swagger` that sets each route's `security` to what the plugin and
 * `requireScope` require: `[]` for public routes, otherwise one element per way to open the route. It adds
 * the scheme to the document, with the scopes of all routes.
 *
 * If you already have a `transform`: `(given) => secure({ ...given, ...transform(given) })`.
 *
 * @throws {TypeError} not exactly one of `tokenUrl` and `issuer`; later, that the document isn't OpenAPI 3
 * @example
 * ```ts
 * import swagger from '@fastify/swagger';
 * import { fastify } from 'fastify';
 * import { openapiSecurity } from 'oauth-resource-server/fastify';
 *
 * const app = fastify();
 * const transform = openapiSecurity({ tokenUrl: 'https://auth.example.com/token' });
 * await app.register(swagger, { openapi: {}, transform });
 * ```
 */
export function openapiSecurity(
  options: OpenApiSecurityOptions,
): <Schema extends object>(given: TransformInput<Schema>) => TransformOutput<Schema> {
  const security = new OpenApiSecurity(options);
  return ({ schema, url, route, openapiObject }) => {
    if (openapiObject === undefined)
      throw new TypeError('openapiSecurity: register @fastify/swagger with the option openapi');
    openapiObject.components ??= {};
    const { components } = openapiObject;
    components.securitySchemes = { ...components.securitySchemes, [security.name]: security.scheme };
    return { schema: { ...schema, security: security.describe(readAccess(route)) }, url };
  };
}
