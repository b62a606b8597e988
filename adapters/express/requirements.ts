import { checkRequirements, declare, type RequirementFamily, requirementFamily } from '../kit/index.js';
import { answerRefusal, type Middleware } from './authenticate.js';
import { routeRequirements } from './declarations.js';

const ADVICE = '; put authenticate() before it';

const family: RequirementFamily<Middleware> = requirementFamily((requirement, name) => {
  const middleware: Middleware = (request, response, next) => {
    // All of the route at once, so that one challenge names them all.
    const known = routeRequirements(request, middleware) ?? [requirement];
    const refusal = checkRequirements(request, known, { name, advice: ADVICE });
    if (refusal === undefined) next();
    else answerRefusal(refusal, response, next);
  };
  return declare(middleware, { requirement });
});

type Family = RequirementFamily<Middleware>;

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. Belongs behind `authenticate`,
 * like the others.
 */
export const requireScope: Family['requireScope'] = family.requireScope;
/** Requires at least one of the scopes, see {@link RequirementFamily.requireAnyScope}. */
export const requireAnyScope: Family['requireAnyScope'] = family.requireAnyScope;
/** Requires `true` of a predicate on the claims, see {@link RequirementFamily.requireClaims}. */
export const requireClaims: Family['requireClaims'] = family.requireClaims;
/** Requires a way of logging in, or a recent login, see {@link RequirementFamily.requireAuthentication}. */
export const requireAuthentication: Family['requireAuthentication'] = family.requireAuthentication;
/**
 * Requires `true` of a predicate on the authorization details, see {@link
 * RequirementFamily.requireAuthorizationDetails}.
 */
export const requireAuthorizationDetails: Family['requireAuthorizationDetails'] =
  family.requireAuthorizationDetails;
