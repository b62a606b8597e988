import type { ModulesContainer } from '@nestjs/core';
import { RequirementGuard, ResourceServerGuard } from './guard.js';
import { handlerPolicies, type RoutePolicy } from './route-policy.js';

/** Handlers that Nest calls without asking a global guard, by the metadata that its decorators leave. */
interface Unreached {
  readonly among: 'controllers' | 'providers';
  /** What a class has if its handlers are called at all. */
  readonly ofClass?: string;
  readonly ofHandler: string;
  readonly why: string;
}

export const GATEWAYS: Unreached = {
  among: 'providers',
  ofClass: 'websockets:is_gateway',
  ofHandler: 'websockets:message_mapping',
  why: 'Nest asks no global guard in gateways',
};

/** In an application that also listens to HTTP. One that doesn't asks its global guards. */
export const MESSAGE_HANDLERS: Unreached = {
  among: 'controllers',
  ofHandler: 'microservices:pattern',
  why: 'Nest asks no global guard for messages of an application that also listens to HTTP',
};

/**
 * Keeps the application from starting if somebody could call a handler without a token.
 *
 * @throws {TypeError} names every handler that neither asks the guard nor is `@Public()`
 */
export function requireGuards(
  modules: ModulesContainer,
  { among, ofClass, ofHandler, why }: Unreached,
): void {
  const open = handlerPolicies(modules, [among]).filter(
    ({ metatype, handler, policy }) =>
      (ofClass === undefined || Reflect.hasMetadata(ofClass, metatype)) &&
      Reflect.hasMetadata(ofHandler, handler) &&
      !policy.isPublic &&
      ![metatype, handler].flatMap(boundGuards).some((guard) => asksGuard(guard, policy)),
  );
  if (open.length === 0) return;
  const names = new Set(open.map(({ metatype, name }) => `${metatype.name}.${name}`));
  throw new TypeError(
    `Nothing authenticates the callers of ${[...names].join(', ')}: ${why}. Bind it to the class, ` +
      '@UseGuards(ResourceServerGuard), or mark the handler @Public().',
  );
}

function boundGuards(place: object): readonly unknown[] {
  return Reflect.getMetadata('__guards__', place) ?? [];
}

function asksGuard(guard: unknown, { requirements }: RoutePolicy): boolean {
  if (guard === RequirementGuard) return requirements.length > 0;
  const bound: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return bound === ResourceServerGuard.prototype || bound instanceof ResourceServerGuard;
}
