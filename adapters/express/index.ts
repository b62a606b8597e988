export type {
  Auth,
  ClaimsPredicate,
  Register,
  ResourceServer,
  ResourceServerOptions,
  Scope,
} from '../../src/index.js';
export {
  authenticate,
  getAuth,
  type Middleware,
  requireAnyScope,
  requireClaims,
  requireScope,
} from './middleware.js';
