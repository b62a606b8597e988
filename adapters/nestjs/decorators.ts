import { applyDecorators, createParamDecorator, type ExecutionContext, UseGuards } from '@nestjs/common';
import { type Auth as CoreAuth, isAuth, type RegisteredClaims } from '../../src/index.js';
import { findAuth, type RequirementFamily, requirementFamily } from '../kit/index.js';
import { RequirementGuard } from './guard.js';
import { carriers, type PlatformRequest } from './platform.js';
import { hasRequirements, mark } from './route-policy.js';

type Family = RequirementFamily<ClassDecorator & MethodDecorator>;

const family: Family = requirementFamily(
  (requirement) => {
    const useGuard = UseGuards(RequirementGuard);
    // A decorator that replaces the handler loses guards bound to the handler, but not those of its class.
    const useGuardOnClass: MethodDecorator = (target) => {
      if (typeof target !== 'function' && !hasRequirements(target)) useGuard(target.constructor);
    };
    return applyDecorators(useGuardOnClass, mark(requirement), useGuard);
  },
  (name) => `@R${name.slice(1)}`,
);

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. On a class, it applies to every
 * handler. Like all requirements, it adds up with the others: of the class, of its base classes, of the
 * handler, and of the method that the handler overrides. One challenge names everything they need.
 */
export const RequireScope: Family['requireScope'] = family.requireScope;
/** Requires at least one of the scopes, see {@link RequirementFamily.requireAnyScope}. */
export const RequireAnyScope: Family['requireAnyScope'] = family.requireAnyScope;
/** Requires `true` of a predicate on the claims, see {@link RequirementFamily.requireClaims}. */
export const RequireClaims: Family['requireClaims'] = family.requireClaims;
/** Requires a certain kind of login, or a recent one, see {@link RequirementFamily.requireAuthentication}. */
export const RequireAuthentication: Family['requireAuthentication'] = family.requireAuthentication;
/**
 * Requires `true` of a predicate on the authorization details, see
 * {@link RequirementFamily.requireAuthorizationDetails}.
 */
export const RequireAuthorizationDetails: Family['requireAuthorizationDetails'] =
  family.requireAuthorizationDetails;

/**
 * Lets every request through unauthenticated. On a handler it also cancels the requirements of its class and
 * base classes.
 *
 * Security: it counts only where it's written. On a class it doesn't open derived classes, on a method it
 * doesn't open an overriding one, and an inherited handler still has the requirements that a subclass adds.
 * It has no effect next to a `@Require…` on the same class or handler; nor does one on a class affect
 * handlers with their own requirements.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return mark();
}

/**
 * Injects the caller into a handler's parameter: `find(@Auth() auth: Auth)`. Also works in a resolver, a
 * gateway or a microservice if the guard found a token there. Undefined on public handlers, and for anonymous
 * requests with `optional: true`.
 *
 * @throws {Error} the execution context is of another type; use `getAuth` with its request
 */
export const Auth: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): CoreAuth | undefined => {
    if (context.getType() === 'http') {
      const { auth } = context.switchToHttp().getRequest<PlatformRequest>();
      return isAuth(auth) ? auth : undefined;
    }
    const found = carriers(context);
    if (found !== undefined) return findAuth(...found);
    throw new Error(
      `@Auth() does not support a "${context.getType()}" context; use getAuth with its request`,
    );
  },
  [forgetType],
);

/**
 * A compiler that sees one file at a time takes the type `Auth` of a parameter for the decorator, so pipes
 * that validate would look for a class there. `Object` is what they get for other interfaces.
 */
function forgetType(target: object, method: string | symbol | undefined, index: number): void {
  const types: unknown = method && Reflect.getOwnMetadata('design:paramtypes', target, method);
  if (Array.isArray(types) && types[index] === Auth) types[index] = Object;
}

/** What a verified request carries; the type of a parameter decorated with `@Auth()`. */
export type Auth<C extends object = RegisteredClaims> = CoreAuth<C>;
