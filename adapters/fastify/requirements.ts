import {
  declare,
  enforceRequirements,
  type Next,
  type Reply,
  type RequirementFamily,
  requirementFamily,
} from '../kit/index.js';
import { routeRequirements } from './routes.js';

/** A hook of a route or a scope: `onRequest`, `preValidation` or `preHandler`. */
export type RequirementHook = (request: object, reply: object, done: Next) => void;

type Family = RequirementFamily<RequirementHook>;

const family: Family = requirementFamily((requirement, name) => {
  const advice =
    '. Register the resourceServer plugin in this scope or around it; a route with config.public ' +
    `cannot have requirements; with bearerMethods 'body' use ${name} as preHandler`;
  const hook: RequirementHook = (request, reply, done) => {
    // All requirements of the route at once, so that one challenge names them all.
    const known = routeRequirements(request, requirement);
    // The reply types of the route don't cover a refusal.
    enforceRequirements(request, known, { name, advice }, reply as Reply, done);
  };
  return declare(hook, { requirement });
});

/**
 * Requires every scope listed, see {@link RequirementFamily.requireScope}. Use it as `onRequest`, or as
 * `preHandler` with `bearerMethods: ['body']`, like the others.
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
