import type { ExecutionContext, Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { Requirement } from '../../src/index.js';

/** What the decorators of a handler and its classes require together. */
export interface RoutePolicy {
  readonly isPublic: boolean;
  readonly requirements: readonly Requirement[];
}

/** What one decorator sets: a requirement, or `@Public()` if there's none. */
interface Mark {
  /** The prototype of the class that has the decorator, on itself or on a method. */
  readonly owner: object;
  /** The decorated method; undefined for the class. */
  readonly key: string | symbol | undefined;
  readonly requirement: Requirement | undefined;
}

const MARKS = Symbol('oauth-resource-server.marks');

/**
 * Stores a decorator's mark with the prototype and the method's name, so that a decorator that replaces the
 * method doesn't lose it, and with the function, which a mixin may copy to another prototype.
 */
export function mark(requirement?: Requirement): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const owner = typeof target === 'function' && key === undefined ? target.prototype : target;
    const said: Mark = { owner, key, requirement };
    for (const place of descriptor === undefined ? [owner] : [owner, descriptor.value])
      Reflect.defineMetadata(MARKS, [said, ...marks(place)], place);
  };
}

/** Whether the class of a prototype or one of its methods has a requirement. */
export function hasRequirements(prototype: object): boolean {
  return marks(prototype).some(({ requirement }) => requirement !== undefined);
}

function marks(place: object): readonly Mark[] {
  return Reflect.getOwnMetadata(MARKS, place) ?? [];
}

/** The policy of an execution context's route. */
export function routePolicy(context: ExecutionContext): RoutePolicy {
  return handlerPolicy(context.getClass().prototype, context.getHandler());
}

/** The policy of a handler in a class. */
export function handlerPolicy(prototype: object, handler: object): RoutePolicy {
  return Reflect.getOwnMetadata(prototype, handler) ?? keepPolicy(prototype, handler, prototype);
}

/** A handler in its class. */
export interface Handler {
  readonly metatype: Type;
  readonly name: string;
  readonly handler: object;
  readonly policy: RoutePolicy;
}

/**
 * Reads the policies of all handlers when the application starts, while each function still has its name: a
 * test may spy on a method later. A handler that the constructor binds or wraps is found on the instance.
 */
export function handlerPolicies(
  modules: ModulesContainer,
  among: readonly ('controllers' | 'providers')[],
): readonly Handler[] {
  const wrappers = [...modules.values()].flatMap((module) =>
    among.flatMap((one) => [...module[one].values()]),
  );
  return wrappers.flatMap(({ metatype, instance }) => {
    const prototype: unknown = metatype?.prototype;
    if (typeof prototype !== 'object' || prototype === null) return []; // made by a factory, or a value
    return [prototype, instance ?? prototype].flatMap((host) =>
      methodNames(prototype).flatMap((name) => {
        const handler: unknown = Reflect.get(host, name);
        if (typeof handler !== 'function') return [];
        return { metatype: metatype as Type, name, handler, policy: keepPolicy(prototype, handler, host) };
      }),
    );
  });
}

/** The names of the methods of a class and its base classes. */
export function methodNames(prototype: object): string[] {
  return new MetadataScanner().getAllMethodNames(prototype);
}

/**
 * Keeps the policy with the handler, by its class's prototype: inherited handlers belong to several classes.
 *
 * @param host what has the handler: the prototype or an instance
 */
function keepPolicy(prototype: object, handler: object, host: object): RoutePolicy {
  const names = methodNames(prototype).filter((name) => Reflect.get(host, name) === handler);
  const policy = readPolicy(prototype, handler, names);
  Reflect.defineMetadata(prototype, policy, handler);
  return policy;
}

/**
 * The rules, as documented at `@Public()`.
 *
 * @param names of the handler in its class. Without one it could be any handler, so it gets all requirements.
 */
function readPolicy(prototype: object, handler: object, names: readonly unknown[]): RoutePolicy {
  const chain: object[] = []; // the class and those that it extends
  for (let one = prototype; one !== null && one !== Object.prototype; one = Object.getPrototypeOf(one))
    chain.push(one);
  const said = [...new Set([...chain, handler].flatMap(marks))];
  const opens = (owner: object | undefined, key: unknown): boolean =>
    said.some((one) => one.owner === owner && one.key === key && one.requirement === undefined);

  const ofHandler = said
    .filter(({ key }) => key !== undefined)
    .filter((one) => names.length === 0 || names.includes(one.key) || marks(handler).includes(one))
    .flatMap(({ requirement }) => requirement ?? []);
  // Where the method is written. `@Public()` on a method that it overrides doesn't apply to it.
  const home = chain.findIndex((one) => Object.hasOwn(one, String(names[0])));
  const isOpened = names.length === 1 && opens(chain[home], names[0]);
  const reach = isOpened && ofHandler.length === 0 ? home : chain.length;
  const ofClasses = said
    .filter(({ owner, key }) => key === undefined && chain.indexOf(owner) < reach)
    .flatMap(({ requirement }) => requirement ?? []);
  const requirements = [...ofClasses, ...ofHandler];
  return { isPublic: requirements.length === 0 && (isOpened || opens(prototype, undefined)), requirements };
}
