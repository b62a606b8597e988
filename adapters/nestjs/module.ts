import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  type DynamicModule,
  type FactoryProvider,
  Inject,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  Scope,
  type ScopeOptions,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost, ModulesContainer, Reflector } from '@nestjs/core';
import type { ResourceServer, ResourceServerOptions } from '../../src/index.js';
import { Gate, type Next, replyOf, serveMetadata } from '../kit/index.js';
import { NoFilter, ResourceServerExceptionFilter } from './exception.js';
import { GUARD, RESOURCE_SERVER, ResourceServerGuard } from './guard.js';
import { readPolicies } from './route-policy.js';

/** The options of a resource server, or a ready one to share with other adapters. */
export type ResourceServerModuleOptions = ResourceServerOptions | ResourceServer;

/** What `forRoot` and `forRootAsync` take beside the resource server's options. */
export interface ResourceServerModuleExtras {
  /** A subclass of the guard to use globally in its place, see `ResourceServerGuard.getRequestResponse`. */
  readonly guard?: Type<ResourceServerGuard>;
}

/** A provider that makes the module's options: `forRootAsync({ useClass: ResourceServerConfig })`. */
export interface ResourceServerOptionsFactory {
  createResourceServerOptions(): ResourceServerModuleOptions | Promise<ResourceServerModuleOptions>;
}

/** Options of `forRootAsync`: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface ResourceServerModuleAsyncOptions extends ResourceServerModuleExtras {
  /** Modules with what the options are made from. */
  readonly imports?: ModuleMetadata['imports'];
  /** What `useFactory` takes as its arguments. */
  readonly inject?: FactoryProvider['inject'];
  /** Makes the options. */
  readonly useFactory?: FactoryProvider<ResourceServerModuleOptions>['useFactory'];
  /** A class that makes the options; the module instantiates it. */
  readonly useClass?: Type<ResourceServerOptionsFactory>;
  /** A provider of the imported modules that makes the options. */
  readonly useExisting?: InjectionToken<ResourceServerOptionsFactory>;
}

/** What `forRoot` or `forRootAsync` was given; private to the module. */
const MODULE_OPTIONS = Symbol('oauth-resource-server.options');

/**
 * Protects every route of the application: without a valid access token only `@Public()` handlers run. Import
 * it once, in the root module; a second one fails at start. It's global, so you can inject the resource
 * server anywhere by {@link RESOURCE_SERVER}. One that the module made is closed when the application shuts
 * down.
 *
 * Routes of other modules imported beside it are protected too; unknown routes are answered by Nest with 404.
 *
 * With the option `resource` it serves the metadata of this API (RFC 9728), whatever the global prefix, and
 * with the scopes that handlers require.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { ResourceServerModule } from 'oauth-resource-server/nestjs';
 *
 * const options = { issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' };
 *
 * @Module({ imports: [ResourceServerModule.forRoot(options)] })
 * export class AppModule {}
 * ```
 */
@Module({})
export class ResourceServerModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(RESOURCE_SERVER) private readonly server: ResourceServer,
    @Inject(MODULE_OPTIONS) private readonly options: ResourceServerModuleOptions,
    @Inject(HttpAdapterHost) private readonly platform: HttpAdapterHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {
    if (resourceServerModules(modules).length > 1) throw new TypeError(IMPORTED_TWICE);
  }

  /**
   * The module with options known beforehand.
   *
   * @throws {TypeError} when the application starts: an option is wrong, or the module is imported twice
   */
  static forRoot(
    options: ResourceServerModuleOptions,
    extras: ResourceServerModuleExtras = {},
  ): DynamicModule {
    return ResourceServerModule.forRootAsync({ ...extras, useFactory: () => options });
  }

  /**
   * The module with options from other providers, such as a configuration service.
   *
   * @throws {TypeError} none or several of `useFactory`, `useClass` and `useExisting` are given
   * @example
   * ```ts
   * import { ResourceServerModule } from 'oauth-resource-server/nestjs';
   *
   * ResourceServerModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({
   *     issuer: config.getOrThrow('ISSUER'),
   *     audience: config.getOrThrow('AUDIENCE'),
   *   }),
   * });
   * ```
   */
  static forRootAsync(options: ResourceServerModuleAsyncOptions): DynamicModule {
    const { imports = [], inject = [], useFactory, useClass, useExisting } = options;
    if ([useFactory, useClass, useExisting].filter((given) => given !== undefined).length !== 1)
      throw new TypeError('forRootAsync takes exactly one of useFactory, useClass and useExisting');

    const { guard = ResourceServerGuard } = options;
    const guards = [guard, ResourceServerGuard];
    // Nest wants to know beforehand if a guard is made for each request.
    const { scope = Scope.DEFAULT } = new Reflector().get<ScopeOptions>('scope:options', guard) ?? {};
    /** Binds the guards as enhancers in this module: those are what `overrideGuard` of a test replaces. */
    @UseGuards(...guards)
    class Overridable {}

    return {
      module: ResourceServerModule,
      global: true,
      imports,
      providers: [
        useClass ?? [],
        {
          provide: MODULE_OPTIONS,
          useFactory:
            useFactory ?? ((made: ResourceServerOptionsFactory) => made.createResourceServerOptions()),
          inject: useFactory === undefined ? [useClass ?? useExisting ?? []].flat() : inject,
        },
        {
          provide: RESOURCE_SERVER,
          useFactory: (given: ResourceServerModuleOptions) => new Gate(given).server,
          inject: [MODULE_OPTIONS],
        },
        [Overridable, ...guards],
        {
          provide: GUARD,
          useFactory: (own: CanActivate, all: ModulesContainer) => overridingGuard(all, guards) ?? own,
          inject: [guard, ModulesContainer],
        },
        { provide: APP_GUARD, useFactory: (chosen: CanActivate) => chosen, inject: [GUARD], scope },
        {
          provide: APP_FILTER,
          useFactory: (server: ResourceServer) =>
            server.errors === 'next' ? new NoFilter() : new ResourceServerExceptionFilter(server),
          inject: [RESOURCE_SERVER],
        },
      ].flat(),
      exports: [RESOURCE_SERVER, GUARD],
    };
  }

  /** Serves the metadata. Nest calls it if there's an HTTP server, before the application's own routes. */
  configure(): void {
    const { resourceMetadata } = this.server;
    // Nest's own middleware would be behind the global prefix. The well-known place is at the root.
    if (resourceMetadata === undefined) return;
    this.platform.httpAdapter.use((request: IncomingMessage, response: ServerResponse, next: Next) =>
      serveMetadata([resourceMetadata], request, replyOf(response), next),
    );
  }

  /** Reads what the decorators say, for requests and for the metadata. */
  onModuleInit(): void {
    readPolicies(this.modules, (requirement) => this.server.resourceMetadata?.addRequirement(requirement));
  }

  /** Closes the resource server that the module made. Nest calls it after the last connection was closed. */
  onApplicationShutdown(): void {
    if (this.server !== this.options) this.server.close();
  }
}

const resourceServerModules = (modules: ModulesContainer) =>
  [...modules.values()].filter(({ metatype }) => metatype === ResourceServerModule);

const IMPORTED_TWICE =
  'ResourceServerModule.forRoot() or forRootAsync() is imported twice. Import it once, in the root module: ' +
  'it protects the routes of every module, and @Inject(RESOURCE_SERVER) works in all of them. If a part of ' +
  'your API takes other tokens, list its issuers in the same options, or create an application of its own.';

/** What `overrideGuard` or `overrideProvider` put in place of a guard: the class of its wrapper differs. */
function overridingGuard(modules: ModulesContainer, guards: readonly Type[]): CanActivate | undefined {
  const overridden = resourceServerModules(modules)
    .flatMap(({ providers, injectables }) => [providers, injectables])
    .flatMap((wrappers) => guards.map((guard) => wrappers.get(guard)))
    .find((wrapper) => wrapper?.metatype !== wrapper?.token);
  if (overridden === undefined) return undefined;
  // Asked later, since Nest makes enhancers after providers. A guard is what the test promised.
  return { canActivate: (context) => (overridden.instance as CanActivate).canActivate(context) };
}
