import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  type DynamicModule,
  type FactoryProvider,
  Inject,
  type InjectionToken,
  Logger,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  Scope,
  type ScopeOptions,
  type Type,
  UseGuards,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  ApplicationConfig,
  HttpAdapterHost,
  ModulesContainer,
  Reflector,
} from '@nestjs/core';
import type { ResourceServer, ResourceServerOptions } from '../../src/index.js';
import { checkNames } from '../../src/lib/check.js';
import { type FakeCaller, fakeResourceServer, isFake } from '../kit/fake-resource-server.js';
import { Gate, type Next, replyOf, serveMetadata } from '../kit/index.js';
import { NoFilter, ResourceServerExceptionFilter } from './exception.js';
import { GUARD, RESOURCE_SERVER, ResourceServerGuard } from './guard.js';
import { keepUpgrade } from './platform.js';
import { handlerPolicies } from './route-policy.js';
import { GATEWAYS, MESSAGE_HANDLERS, requireFieldGuards, requireGuards } from './unguarded.js';

/** The options of a resource server, or a ready one to share with other adapters. */
export type ResourceServerModuleOptions = ResourceServerOptions | ResourceServer;

/** What `forRoot` and `forRootAsync` take besides the resource server's options. */
export interface ResourceServerModuleExtras {
  /** A subclass of the guard to use globally instead, see `ResourceServerGuard.getRequestResponse`. */
  readonly guard?: Type<ResourceServerGuard>;
}

/** A provider that makes the module's options: `forRootAsync({ useClass: ResourceServerConfig })`. */
export interface ResourceServerOptionsFactory {
  createResourceServerOptions(): ResourceServerModuleOptions | Promise<ResourceServerModuleOptions>;
}

/** Options of `forRootAsync`: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface ResourceServerModuleAsyncOptions extends ResourceServerModuleExtras {
  /** Modules whose providers you need for the options. */
  readonly imports?: ModuleMetadata['imports'];
  /** The arguments of `useFactory`. */
  readonly inject?: FactoryProvider['inject'];
  /** Returns the options. */
  readonly useFactory?: FactoryProvider<ResourceServerModuleOptions>['useFactory'];
  /** A class that makes the options. The module instantiates it. */
  readonly useClass?: Type<ResourceServerOptionsFactory>;
  /** A provider of the imported modules that makes the options. */
  readonly useExisting?: InjectionToken<ResourceServerOptionsFactory>;
}

/**
 * Protects every route of the application: without a valid access token, only `@Public()` handlers run.
 * Import it once, in the root module; a second import fails, and so does `LazyModuleLoader`. It's global, so
 * you can inject the resource server anywhere with {@link RESOURCE_SERVER}. If the module created the
 * resource server, it closes it when the application shuts down.
 *
 * Routes of other modules are protected too. Nest answers unknown routes with 404.
 *
 * With the option `resource` it serves the metadata of this API (RFC 9728), outside the global prefix.
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
export class ResourceServerModule
  implements NestModule, OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  constructor(
    @Inject(RESOURCE_SERVER) private readonly server: ResourceServer,
    @Inject(HttpAdapterHost) private readonly platform: HttpAdapterHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: GlobalGuards,
  ) {
    const [own, another] = resourceServerModules(modules);
    if (another !== undefined) throw new TypeError(IMPORTED_TWICE);
    // The first one is Nest's own. The root module imports every global module that's there at start.
    const [, root] = modules.values();
    if (own && root && root !== own && !root.imports.has(own)) throw new TypeError(LOADED_LATE);
    requireGuards(modules, GATEWAYS);
    // Already now, because an application can start its microservices before it starts itself, or without.
    if (platform.httpAdapter) requireGuards(modules, MESSAGE_HANDLERS);
  }

  /**
   * The module with options that you know up front.
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
   * The module for unit tests, with {@link fakeResourceServer} instead of a real one.
   *
   * @param caller the caller of every request; without one, requests are anonymous
   * @throws {Error} `NODE_ENV` is `production`
   * @example
   * ```ts
   * import { Test } from '@nestjs/testing';
   * import { ResourceServerModule } from 'oauth-resource-server/nestjs';
   * import { fakeAuth } from 'oauth-resource-server/testing';
   *
   * const testing = await Test.createTestingModule({
   *   imports: [ResourceServerModule.forTesting(fakeAuth({ scopes: ['read:inventory'] }))],
   *   controllers: [],
   * }).compile();
   * await testing.createNestApplication().init();
   * ```
   */
  static forTesting(caller?: FakeCaller, extras: ResourceServerModuleExtras = {}): DynamicModule {
    return ResourceServerModule.forRoot(fakeResourceServer(caller), extras);
  }

  /**
   * The module with options from other providers, such as a configuration service.
   *
   * @throws {TypeError} an option is unknown, or not exactly one of `useFactory`, `useClass` and
   *   `useExisting` is given
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
    checkNames(options, NAMES, 'ResourceServerModule');
    const { imports = [], inject = [], useFactory, useClass, useExisting } = options;
    const { guard = ResourceServerGuard } = options;
    if ([useFactory, useClass, useExisting].filter((given) => given !== undefined).length !== 1)
      throw new TypeError('forRootAsync takes exactly one of useFactory, useClass and useExisting');

    const guards = [guard, ResourceServerGuard];
    const makeOptions: FactoryProvider<ResourceServerModuleOptions>['useFactory'] =
      useFactory ?? ((made: ResourceServerOptionsFactory) => made.createResourceServerOptions());
    // Nest must know up front whether a guard is created per request.
    const { scope = Scope.DEFAULT } = new Reflector().get<ScopeOptions>('scope:options', guard) ?? {};
    /** Binds the guards as enhancers in this module, so that a test's `overrideGuard` can replace them. */
    @UseGuards(...guards)
    class Overridable {}

    return {
      module: ResourceServerModule,
      global: true,
      imports,
      providers: [
        useClass ?? [],
        {
          provide: RESOURCE_SERVER, // the only one that needs the options, so that a test can do without
          useFactory: async (application: ModulesContainer, ...args: unknown[]) => {
            const given = await makeOptions(...args);
            const { server } = new Gate(given);
            return server === given ? server : Object.assign(server, { [MADE_FOR]: application });
          },
          inject: [
            ModulesContainer,
            ...(useFactory === undefined ? [useClass ?? useExisting ?? []].flat() : inject),
          ],
        },
        [Overridable, ...guards],
        {
          provide: GUARD,
          useFactory: (own: CanActivate, all: ModulesContainer) => overridingGuard(all, guards) ?? own,
          inject: [guard, ModulesContainer],
        },
        {
          provide: APP_GUARD,
          useFactory: (chosen: CanActivate, config: ApplicationConfig) => {
            if (scope !== Scope.DEFAULT) return chosen;
            // Now, before Nest adds any: those of the root module would otherwise run first, unauthenticated.
            config.addGlobalGuard(chosen);
            return undefined;
          },
          inject: [GUARD, ApplicationConfig],
          scope,
        },
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
    requireGuards(this.modules, MESSAGE_HANDLERS); // a testing module has had no HTTP server until now
    const server: unknown = this.platform.httpAdapter.getHttpServer();
    // With a listener, Node leaves upgrades to it. If there are gateways, they have added theirs by now.
    if (server instanceof EventEmitter && server.listenerCount('upgrade') > 0)
      server.prependListener('upgrade', keepUpgrade);
    const { resourceMetadata } = this.server;
    // Nest's own middleware would be under the global prefix, but the well-known place is at the root.
    if (resourceMetadata === undefined) return;
    this.platform.httpAdapter.use((request: IncomingMessage, response: ServerResponse, next: Next) =>
      serveMetadata([resourceMetadata], request, replyOf(response), next),
    );
  }

  /** Reads the decorators' requirements. */
  onModuleInit(): void {
    handlerPolicies(this.modules, ['controllers', 'providers']); // each keeps its own
    const logger = new Logger(ResourceServerModule.name);
    if (isFake(this.server)) logger.warn('No access token is verified: the resource server is for tests');
    // A guard created per request runs after all others, wherever it's bound.
    const scoped = this.config.getGlobalRequestGuards();
    const before = this.config.getGlobalGuards().flatMap((guard) => guard?.constructor.name ?? []);
    if (before.length > 0 && scoped.some(({ host }) => host?.metatype === ResourceServerModule))
      logger.warn(
        `Nest runs ${before.join(', ')} before requests are authenticated, because the guard of ` +
          "ResourceServerModule is created per request. They can't use getAuth.",
      );
  }

  /** Refuses to start if GraphQL fields are unguarded. By now the GraphQL module has its schema. */
  onApplicationBootstrap(): void {
    requireFieldGuards(this.modules);
  }

  /**
   * Closes the resource server that the module created. Nest calls it after the last connection was closed.
   */
  onApplicationShutdown(): void {
    if (Reflect.get(this.server, MADE_FOR) === this.modules) this.server.close();
  }
}

/** The global guards that Nest's `ApplicationConfig` knows; some factories returned none. */
interface GlobalGuards {
  getGlobalGuards(): readonly (CanActivate | undefined)[];
  getGlobalRequestGuards(): readonly { readonly host?: { readonly metatype: unknown } | undefined }[];
}

/** On a resource server that the module created: the application it belongs to. */
const MADE_FOR = Symbol('oauth-resource-server.application');

const resourceServerModules = (modules: ModulesContainer) =>
  [...modules.values()].filter(({ metatype }) => metatype === ResourceServerModule);

const NAMES = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'guard'];

const IMPORTED_TWICE =
  'ResourceServerModule.forRoot() or forRootAsync() is imported twice. Import it once, in the root module: ' +
  'it protects the routes of every module, and @Inject(RESOURCE_SERVER) works in all of them. If a part of ' +
  'your API takes other tokens, list its issuers in the same options, or create an application of its own.';

const LOADED_LATE =
  'ResourceServerModule was loaded by LazyModuleLoader. Nest calls no global guards of such a module, so ' +
  'it would protect nothing: import it in the root module.';

/**
 * The replacement of a guard by `overrideGuard` or `overrideProvider`, recognized by its wrapper's other
 * class.
 */
function overridingGuard(modules: ModulesContainer, guards: readonly Type[]): CanActivate | undefined {
  const overridden = resourceServerModules(modules)
    .flatMap(({ providers, injectables }) => [providers, injectables])
    .flatMap((wrappers) => guards.map((guard) => wrappers.get(guard)))
    .find((wrapper) => wrapper?.metatype !== wrapper?.token);
  if (overridden === undefined) return undefined;
  // Looked up late, because Nest creates enhancers after providers. `as`: the test promised a guard.
  return { canActivate: (context) => (overridden.instance as CanActivate).canActivate(context) };
}
