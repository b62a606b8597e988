/** The types of the core that every framework's entry has as well, beside `Auth`. */
export type {
  AuthenticationOptions,
  AuthorizationDetail,
  AuthorizationDetailsPredicate,
  ClaimsPredicate,
  Register,
  ResourceOptions,
  ResourceServer,
  ResourceServerOptions,
  Scope,
} from '../../src/index.js';
