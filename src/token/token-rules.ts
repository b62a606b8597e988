import type { JoseHeader, StandardClaims } from '../auth.js';
import type { TokenType } from '../terms.js';

/**
 * Where the granted scopes are: in `"scope"` as a string, or where the application says, which is in claims
 * whose scopes add up, or is for a function to find out.
 */
export type ScopeSource = 'standard' | readonly string[] | ((claims: StandardClaims) => readonly string[]);

/** What names the client: a claim, or a function of the application, whose word is needed for each token. */
export type ClientSource = string | ((claims: StandardClaims) => string | undefined);

/** What the access tokens of one issuer must be like. */
export interface TokenRules {
  /** The issuer identifier, equal to `"iss"` character by character. */
  readonly issuer: string;
  /** This API's identifiers: `"aud"` must have one of them. */
  readonly audience: ReadonlySet<string>;
  /** Whether a token may be for its own client and nobody else. */
  readonly audienceMayBeClient: boolean;
  /** Clients whose tokens need no `"aud"`. */
  readonly clientIds: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<string>;
  readonly tokenType: TokenType;
  /** The application's own rule in place of the general one; undefined without one. */
  readonly isAccessToken: ((header: JoseHeader, claims: StandardClaims) => boolean) | undefined;
  readonly scopeSource: ScopeSource;
  readonly clientIdClaim: ClientSource;
}
