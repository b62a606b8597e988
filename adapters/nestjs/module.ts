import {
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { createResourceServer, isResourceServer, type ResourceServer } from '../../src/index.js';
import { declareRequirements } from './declared-requirements.js';
import { ResourceServerExceptionFilter } from './exception.js';
import { ResourceServerGuard } from './guard.js';
import {
  asyncOptionsProviders,
  GUARD,
  MODULE_OPTIONS,
  RESOURCE_SERVER,
  type ResourceServerModuleAsyncOptions,
  type ResourceServerModuleExtras,
  type ResourceServerModuleOptions,
} from './module-options.js';
import { serveMetadata } from './resource-metadata.js';

/**
 * Protects every route of the application: without a valid access token only `@Public()` handlers run.
 * Import it once, in the root module. It is global, so the resource server can be injected anywhere by {@link RESOURCE_SERVER};
 * one that the module made is closed when the application shuts down.
 *
 * Routes of other modules imported beside it are protected too; unknown routes are answered by Nest with 404.
 *
 * With the option `resource` it serves the metadata of this API (RFC 9728), whatever the global prefix, and with the scopes that handlers require.
 *
 * @example
 * ```ts
 * @Module({ imports: [ResourceServerModule.forRoot({ issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' })] })
 * export class AppModule {}
 * ```
 */
@Module({})
export class ResourceServerModule implements NestModule, OnApplicationShutdown {
  readonly #server: ResourceServer;
  readonly #ownServer: ResourceServer | undefined;
  readonly #platform: HttpAdapterHost;
  readonly #modules: ModulesContainer;

  constructor(
    @Inject(RESOURCE_SERVER) server: ResourceServer,
    @Inject(MODULE_OPTIONS) options: ResourceServerModuleOptions,
    @Inject(HttpAdapterHost) platform: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    this.#server = server;
    this.#platform = platform;
    this.#modules = modules;
    this.#ownServer = server === options ? undefined : server;
  }

  /**
   * The module with options known beforehand.
   *
   * @throws {TypeError} when the application starts: an option is missing, unknown or wrong
   */
  static forRoot(
    options: ResourceServerModuleOptions,
    extras: ResourceServerModuleExtras = {},
  ): DynamicModule {
    return dynamicModule([{ provide: MODULE_OPTIONS, useValue: options }], extras);
  }

  /**
   * The module with options from other providers, such as a configuration service.
   *
   * @throws {TypeError} none or several of `useFactory`, `useClass` and `useExisting` are given
   * @example
   * ```ts
   * ResourceServerModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ issuer: config.getOrThrow('ISSUER'), audience: config.getOrThrow('AUDIENCE') }),
   * });
   * ```
   */
  static forRootAsync(options: ResourceServerModuleAsyncOptions): DynamicModule {
    return { ...dynamicModule(asyncOptionsProviders(options), options), imports: options.imports ?? [] };
  }

  /** Serves the metadata. Nest calls it before routes and middleware of the application are there, and only where there is an HTTP server. */
  configure(): void {
    const { resourceMetadata } = this.#server;
    if (resourceMetadata === undefined) return;
    declareRequirements(this.#modules, resourceMetadata);
    // Not by Nest's own middleware, whose paths the global prefix is put before: the well-known place is at the root.
    this.#platform.httpAdapter.use(serveMetadata(resourceMetadata));
  }

  /** Closes the resource server that the module made. Nest calls it after the last connection was closed. */
  onApplicationShutdown(): void {
    this.#ownServer?.close();
  }
}

function dynamicModule(
  optionsProviders: Provider[],
  { guard = ResourceServerGuard }: ResourceServerModuleExtras,
): DynamicModule {
  return {
    module: ResourceServerModule,
    global: true,
    providers: [
      ...optionsProviders,
      {
        provide: RESOURCE_SERVER,
        useFactory: (options: ResourceServerModuleOptions) =>
          isResourceServer(options) ? options : createResourceServer(options),
        inject: [MODULE_OPTIONS],
      },
      guard,
      // Existing, so that a test that overrides the guard's provider overrides it for both.
      { provide: APP_GUARD, useExisting: guard },
      { provide: GUARD, useExisting: guard },
      { provide: APP_FILTER, useClass: ResourceServerExceptionFilter },
    ],
    exports: [RESOURCE_SERVER, GUARD],
  };
}
