import type { TokenType, TrustedIssuer } from '../options/options.js';
import type { Introspection } from './introspection.js';
import type { KeySet } from './key-set.js';

/** A {@link TrustedIssuer} with every default filled in and its keys at hand. */
export interface ResolvedIssuer {
  readonly issuer: string;
  readonly audience: ReadonlySet<string>;
  readonly clientIds: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<string>;
  readonly tokenType: TokenType;
  readonly isAccessToken: TrustedIssuer['isAccessToken'];
  readonly scopeClaim: string;
  readonly clientIdClaim: string;
  /** Whether `"scope"` may be an array: only where the option named the claim. */
  readonly scopeMayBeArray: boolean;
  readonly keySet: KeySet;
  /** Undefined where the issuer is not asked about tokens. */
  readonly introspection: Introspection | undefined;
}
