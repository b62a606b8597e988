import { ModulesContainer } from '@nestjs/core';
import type { ResourceServer } from '../../src/index.js';
import { OpenApiSecurity, type OpenApiSecurityOptions, type SecurityRequirement } from '../kit/openapi.js';
import { RESOURCE_SERVER } from './guard.js';
import { handlerPolicy, methodNames, type RoutePolicy } from './route-policy.js';

/** The parts of a document of `@nestjs/swagger` that {@link openapiSecurity} changes. */
export interface OpenApiDocument {
  readonly paths: Record<string, object>;
  components?: { securitySchemes?: object };
}

/** The part of a NestJS application that's needed here. */
export interface ProviderContainer {
  get(token: unknown, options?: { readonly strict: boolean }): unknown;
}

/** Where `@nestjs/swagger` keeps what `@ApiSecurity()` sets on a class or handler. */
const API_SECURITY = 'swagger/apiSecurity';

/**
 * Sets what the guard requires of each handler as the `security` of the operations that `@nestjs/swagger`
 * finds: `[]` for `@Public()`, otherwise one element per way to open it. It needs no decorators of
 * `@nestjs/swagger`; `@ApiSecurity()`, `@ApiBearerAuth()` and the like don't count.
 *
 * @param app with `ResourceServerModule`
 * @param createDocument calls `SwaggerModule.createDocument`
 * @returns the document, with the scheme and the scopes of all handlers
 * @throws {TypeError} not exactly one of `tokenUrl` and `issuer`
 * @example
 * ```ts
 * import { NestFactory } from '@nestjs/core';
 * import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
 * import { openapiSecurity, ResourceServerModule } from 'oauth-resource-server/nestjs';
 *
 * const app = await NestFactory.create(ResourceServerModule.forRoot(options));
 * const config = new DocumentBuilder().setTitle('Inventory').build();
 * const document = openapiSecurity(app, () => SwaggerModule.createDocument(app, config), {
 *   tokenUrl: 'https://auth.example.com/token',
 * });
 * SwaggerModule.setup('docs', app, document);
 * ```
 */
export function openapiSecurity<Document extends OpenApiDocument>(
  app: ProviderContainer,
  createDocument: () => Document,
  options: OpenApiSecurityOptions,
): Document {
  const security = new OpenApiSecurity(options);
  // What stands for these tokens.
  const server = app.get(RESOURCE_SERVER, { strict: false }) as ResourceServer;
  const marks = new Marks(app.get(ModulesContainer) as ModulesContainer);
  let document: Document;
  try {
    document = createDocument();
  } finally {
    marks.remove();
  }
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  for (const operation of operations as { security?: SecurityRequirement[] }[]) {
    const policy = marks.find(operation.security ?? []);
    if (policy !== undefined) operation.security = security.describe({ ...policy, servers: [server] });
  }
  document.components ??= {};
  const { components } = document;
  components.securitySchemes = { ...components.securitySchemes, [security.name]: security.scheme };
  return document;
}

/**
 * Marks on classes and handlers, which reach the operations as if they were schemes. Needed because a handler
 * that several classes inherit has a different policy in each.
 */
class Marks {
  readonly #places: object[] = [];
  readonly #before: unknown[] = [];
  readonly #policies = new Map<string, RoutePolicy>();

  constructor(modules: ModulesContainer) {
    for (const { controllers } of modules.values())
      for (const { metatype } of controllers.values()) {
        const prototype: unknown = metatype?.prototype;
        if (metatype === null || typeof prototype !== 'object' || prototype === null) continue;
        const classMark = this.#mark(metatype);
        for (const name of methodNames(prototype)) {
          const handler: unknown = Reflect.get(prototype, name);
          if (typeof handler !== 'function') continue;
          this.#policies.set(`${classMark} ${this.#mark(handler)}`, handlerPolicy(prototype, handler));
        }
      }
  }

  #mark(place: object): string {
    let index = this.#places.indexOf(place);
    if (index < 0) {
      index = this.#places.push(place) - 1;
      this.#before.push(Reflect.getOwnMetadata(API_SECURITY, place));
      Reflect.defineMetadata(API_SECURITY, [{ [`${PREFIX}${index}`]: [] }], place);
    }
    return `${PREFIX}${index}`;
  }

  /** The policy of a handler with these marks; undefined if there are none. */
  find(marked: readonly SecurityRequirement[]): RoutePolicy | undefined {
    const marks = marked.flatMap((one) => Object.keys(one)).filter((name) => name.startsWith(PREFIX));
    return this.#policies.get(marks.join(' '));
  }

  remove(): void {
    for (const [index, place] of this.#places.entries()) {
      const before = this.#before[index];
      if (before === undefined) Reflect.deleteMetadata(API_SECURITY, place);
      else Reflect.defineMetadata(API_SECURITY, before, place);
    }
  }
}

const PREFIX = 'oauth-resource-server:';
