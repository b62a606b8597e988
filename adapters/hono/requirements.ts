import type { MiddlewareHandler } from 'hono';
import type { Auth } from '../../src/index.js';
import {
  checkRequirements,
  declare,
  type RequirementFamily,
  RouteSteps,
  requirementFamily,
  respond,
} from '../kit/index.js';

/**
 * What a context has after `authenticate`, for applications with typed variables: `new Hono<AuthEnv>()`.
 *
 * @typeParam A `Auth | undefined` with `optional: true`
 */
export type AuthEnv<A extends Auth | undefined = Auth> = { Variables: { auth: A } };

type Family = RequirementFamily<MiddlewareHandler<AuthEnv>>;

const family: Family = requirementFamily((requirement, name) => {
  const mistake = { name, advice: '; put authenticate() before it' };
  const middleware: MiddlewareHandler<AuthEnv> = async (c, next) => {
    // All that are certain to follow, so that one challenge names them all.
    const required = new RouteSteps(c.req.matchedRoutes).requirementsFrom(c.req.routeIndex, requirement);
    const refusal = checkRequirements(c.req, required, mistake);
    if (refusal === undefined) return next();
    c.res = respond(refusal); // `some` of older versions ignores what's returned
    return c.res;
  };
  return declare(middleware, { requirement });
});

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. Goes after `authenticate`, like
 * the others.
 */
export const requireScope: Family['requireScope'] = family.requireScope;
/** Requires at least one of the scopes, see {@link RequirementFamily.requireAnyScope}. */
export const requireAnyScope: Family['requireAnyScope'] = family.requireAnyScope;
/** Requires `true` of a predicate on the claims, see {@link RequirementFamily.requireClaims}. */
export const requireClaims: Family['requireClaims'] = family.requireClaims;
/** Requires a certain kind of login, or a recent one, see {@link RequirementFamily.requireAuthentication}. */
export const requireAuthentication: Family['requireAuthentication'] = family.requireAuthentication;
/**
 * Requires `true` of a predicate on the authorization details, see {@link
 * RequirementFamily.requireAuthorizationDetails}.
 */
export const requireAuthorizationDetails: Family['requireAuthorizationDetails'] =
  family.requireAuthorizationDetails;
