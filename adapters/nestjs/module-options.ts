import type { FactoryProvider, InjectionToken, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { ResourceServer, ResourceServerOptions } from '../../src/index.js';
import type { ResourceServerGuard } from './guard.js';

/** Injects the {@link ResourceServer} that `ResourceServerModule` made or was given: `@Inject(RESOURCE_SERVER)`. */
export const RESOURCE_SERVER: unique symbol = Symbol('RESOURCE_SERVER of ResourceServerModule.forRoot()');

/** The guard that the module uses: its own class, a subclass, or what a test put in its place. */
export const GUARD: unique symbol = Symbol('guard of ResourceServerModule.forRoot()');

/** What `forRoot` or `forRootAsync` was given; private to the module. */
export const MODULE_OPTIONS: unique symbol = Symbol('oauth-resource-server.options');

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

/** Options of `ResourceServerModule.forRootAsync`: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface ResourceServerModuleAsyncOptions
  extends Pick<ModuleMetadata, 'imports'>,
    ResourceServerModuleExtras {
  /** What `useFactory` takes as its arguments. */
  readonly inject?: FactoryProvider['inject'];
  /** Makes the options. */
  readonly useFactory?: FactoryProvider<ResourceServerModuleOptions>['useFactory'];
  /** A class that makes the options; the module instantiates it. */
  readonly useClass?: Type<ResourceServerOptionsFactory>;
  /** A provider of the imported modules that makes the options. */
  readonly useExisting?: InjectionToken<ResourceServerOptionsFactory>;
}

/**
 * The providers of {@link MODULE_OPTIONS}.
 *
 * @throws {TypeError} none or several of `useFactory`, `useClass` and `useExisting` are given
 */
export function asyncOptionsProviders(options: ResourceServerModuleAsyncOptions): Provider[] {
  const { inject = [], useFactory, useClass, useExisting } = options;
  if ([useFactory, useClass, useExisting].filter((given) => given !== undefined).length === 1) {
    if (useFactory !== undefined) return [{ provide: MODULE_OPTIONS, useFactory, inject }];
    if (useClass !== undefined) return [fromOptionsFactory(useClass), useClass];
    if (useExisting !== undefined) return [fromOptionsFactory(useExisting)];
  }
  throw new TypeError('forRootAsync takes exactly one of useFactory, useClass and useExisting');
}

function fromOptionsFactory(token: InjectionToken<ResourceServerOptionsFactory>): Provider {
  return {
    provide: MODULE_OPTIONS,
    useFactory: (factory: ResourceServerOptionsFactory) => factory.createResourceServerOptions(),
    inject: [token],
  };
}
