import './request-types.js';

export type {
  Auth,
  ClaimsPredicate,
  Register,
  ResourceServer,
  ResourceServerOptions,
  Scope,
} from '../../src/index.js';
export { resourceServer } from './plugin.js';
export type { RequirementHook } from './requirements.js';
export { getAuth, requireAnyScope, requireClaims, requireScope } from './requirements.js';
