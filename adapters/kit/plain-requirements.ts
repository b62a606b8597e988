import type { Requirement } from '../../src/index.js';
import { type RequirementFamily, requirementFamily } from './requirements.js';

const family: RequirementFamily<Requirement> = requirementFamily((requirement) => requirement);
type Family = RequirementFamily<Requirement>;

/** Requires every scope listed, see {@link RequirementFamily.requireScope}. For a gate, like the others. */
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
