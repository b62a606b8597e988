import {
  declare,
  enforceRequirements,
  type RequirementFamily,
  replyOf,
  requirementFamily,
} from '../kit/index.js';
import type { Middleware } from './authenticate.js';
import { routeReader } from './declarations.js';

type Family = RequirementFamily<Middleware>;

const family: Family = requirementFamily((requirement, name) => {
  const mistake = { name, advice: '; put authenticate() before it' };
  const read = routeReader(() => middleware);
  const middleware: Middleware = (request, response, next) => {
    // All requirements of the route at once, so that one challenge names them all.
    const known = read(request) ?? [requirement];
    enforceRequirements(request, known, mistake, replyOf(response), next);
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
