import { type ExecutionContext, SetMetadata, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  type Requirement,
  requirementOfAuthentication,
  requirementOfScopes,
  type Scope,
} from '../../src/index.js';

/** What the decorators of a handler and of its class say together. */
export interface RoutePolicy {
  readonly isPublic: boolean;
  readonly requirements: readonly Requirement[];
}

const PUBLIC = Symbol('oauth-resource-server.public');
const REQUIREMENTS = Symbol('oauth-resource-server.requirements');
const reflector = new Reflector();

/** Marks a class or handler as public. */
export function markPublic(): ClassDecorator & MethodDecorator {
  return SetMetadata(PUBLIC, true);
}

/** Adds a requirement to those of a class, inherited ones included, or of a handler. */
export function addRequirement(requirement: Requirement): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const decorated = descriptor === undefined ? target : descriptor.value;
    const setRequirements = SetMetadata(REQUIREMENTS, [requirement, ...requirementsOf(decorated)]);
    if (key === undefined || descriptor === undefined) setRequirements(decorated);
    else setRequirements(target, key, descriptor);
  };
}

/**
 * The policy of a route. Requirements of class and handler add up. `@Public()` on the handler voids those of the class,
 * being nearer; next to a requirement on the same class or handler it has no effect, and neither has it on the class where
 * the handler has requirements.
 */
export function routePolicyOf(context: ExecutionContext): RoutePolicy {
  return policyOf(context.getClass(), context.getHandler() as Type); // a method; Reflector's type only knows classes and the banned Function
}

/** The same for a class and one of its methods. */
export function policyOf(controller: Type, handler: Type): RoutePolicy {
  const ofController = policies.get(controller) ?? new WeakMap<Type, RoutePolicy>();
  policies.set(controller, ofController);
  const policy = ofController.get(handler) ?? readPolicy(controller, handler);
  ofController.set(handler, policy);
  return policy;
}

/** By class and handler: decorators say the same for every request, and an inherited handler belongs to several classes. */
const policies = new WeakMap<Type, WeakMap<Type, RoutePolicy>>();

function readPolicy(controller: Type, handler: Type): RoutePolicy {
  const ofHandler = requirementsOf(handler);
  const ofClass = requirementsOf(controller);
  if (ofHandler.length === 0) {
    if (isMarkedPublic(handler)) return OPEN;
    if (ofClass.length === 0 && isMarkedPublic(controller)) return OPEN;
  }
  return { isPublic: false, requirements: combine([...ofClass, ...ofHandler]) };
}

const OPEN: RoutePolicy = { isPublic: true, requirements: [] };

function isMarkedPublic(target: Type): boolean {
  return reflector.get<unknown>(PUBLIC, target) === true;
}

function requirementsOf(target: Type): readonly Requirement[] {
  return reflector.get<readonly Requirement[] | undefined>(REQUIREMENTS, target) ?? [];
}

/**
 * RFC 6750 §3: the challenge names all scopes that the request needs, hence one requirement for all of them. The first demand on the user's authentication joins it, so
 * that one challenge can name both (RFC 9470 §3).
 */
function combine(requirements: readonly Requirement[]): readonly Requirement[] {
  const scopes = requirements.flatMap(({ allScopes }) => allScopes ?? []) as Scope[]; // checked by the decorators
  const [authentication, ...more] = requirements.flatMap((one) => one.authentication ?? []);
  const others = requirements.filter(
    (one) => one.allScopes === undefined && one.authentication === undefined,
  );
  const rest = [...more.map((one) => requirementOfAuthentication(one)), ...others];
  if (authentication !== undefined)
    return [
      requirementOfAuthentication({ ...authentication, ...(scopes.length > 0 && { scopes }) }),
      ...rest,
    ];
  return scopes.length === 0 ? rest : [requirementOfScopes(scopes), ...rest];
}
