import type { Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { ResourceMetadata } from '../../src/index.js';
import { policyOf } from './route-policy.js';

/** Tells the metadata which scopes the handlers of the application require, by their decorators and those of their classes. */
export function declareRequirements(modules: ModulesContainer, metadata: ResourceMetadata): void {
  const scanner = new MetadataScanner();
  for (const { controllers, providers } of modules.values()) {
    // Providers too: resolvers and the like are some.
    for (const { metatype } of [...controllers.values(), ...providers.values()]) {
      if (!isClass(metatype)) continue;
      for (const name of scanner.getAllMethodNames(metatype.prototype)) {
        const handler: Type = metatype.prototype[name]; // the scanner names methods only
        for (const requirement of policyOf(metatype, handler).requirements)
          metadata.addRequirement(requirement);
      }
    }
  }
}

/** What makes a provider is a class, or else a factory or nothing. */
function isClass(value: unknown): value is Type {
  return typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
}
