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
    // A decorator that replaces the handler loses the guards bound to it, not those of its class.
    const useGuardOnClass: MethodDecorator = (target) => {
      if (typeof target !== 'function' && !hasRequirements(target)) useGuard(target.constructor);
    };
    return applyDecorators(useGuardOnClass, mark(requirement), useGuard);
  },
  (name) => `@R${name.slice(1)}`,
);

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. On a class it's for every handler.
 * Like all requirements it adds up with the others: of the class, of the classes that it extends, of the
 * handler, and of the method that this one overrides. One challenge names what all of them need.
 */
export const RequireScope: Family['requireScope'] = family.requireScope;
/** Requires at least one of the scopes, see {@link RequirementFamily.requireAnyScope}. */
export const RequireAnyScope: Family['requireAnyScope'] = family.requireAnyScope;
/** Requires `true` of a predicate on the claims, see {@link RequirementFamily.requireClaims}. */
export const RequireClaims: Family['requireClaims'] = family.requireClaims;
/** Requires a way of logging in, or a recent login, see {@link RequirementFamily.requireAuthentication}. */
export const RequireAuthentication: Family['requireAuthentication'] = family.requireAuthentication;
/**
 * Requires `true` of a predicate on the authorization details, see
 * {@link RequirementFamily.requireAuthorizationDetails}.
 */
export const RequireAuthorizationDetails: Family['requireAuthorizationDetails'] =
  family.requireAuthorizationDetails;

/**
 * Lets every request through unauthenticated. On a handler it also voids the requirements of its class and of
 * the classes that this one extends.
 *
 * Security: it counts only where it's written. On a class it doesn't open the classes that extend it, on a
 * method not the one that overrides it, and an inherited handler still has the requirements that a subclass
 * adds. It has no effect next to a `@Require…` on the same class or handler, nor on a class for the handlers
 * that have requirements of their own.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return mark();
}

/**
 * Injects who calls into a handler's parameter: `find(@Auth() auth: Auth)`, also of a resolver, a gateway or
 * a microservice if the guard found a token there. Undefined on public handlers, and for anonymous requests
 * with `optional: true`.
 *
 * @throws {Error} the execution context is of another type; use `getAuth` with its request
 */
export const Auth: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): CoreAuth | undefined => {
    if (context.getType() !== 'http') return findAuth(...requireCarriers(context));
    const { auth } = context.switchToHttp().getRequest<PlatformRequest>();
    return isAuth(auth) ? auth : undefined;
  },
);

function requireCarriers(context: ExecutionContext): readonly object[] {
  const found = carriers(context);
  if (found !== undefined) return found;
  throw new Error(`@Auth() knows no "${context.getType()}" context; use getAuth with its request`);
}

/** What a verified request carries; the type of a parameter decorated with `@Auth()`. */
export type Auth<C extends object = RegisteredClaims> = CoreAuth<C>;
