import type { JoseHeader, StandardClaims } from '../auth.js';
import type { TokenType } from '../terms.js';

/**
 * Where the granted scopes are: in `"scope"` as a string, or as the application says: in claims whose scopes
 * add up, or for a function to find.
 */
export type ScopeSource = 'standard' | readonly string[] | ((claims: StandardClaims) => readonly string[]);

/**
 * What names the client: a claim, or a function of the application that must know the client of each token.
 */
export type ClientSource = string | ((claims: StandardClaims) => string | undefined);

/** What the access tokens of one issuer must be like. */
export interface TokenRules {
  /** The issuer identifier, equal to `"iss"` character by character. */
  readonly issuer: string;
  /** This API's identifiers. `"aud"` must contain one of them. */
  readonly audience: ReadonlySet<string>;
  /** Whether a token may be only for its own client. */
  readonly audienceMayBeClient: boolean;
  /** Whether an access token may have the `"nonce"` of a login. */
  readonly nonceMayBePresent: boolean;
  /** Clients whose tokens need no `"aud"`. */
  readonly clientIds: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<string>;
  readonly tokenType: TokenType;
  /** The application's own rule, which replaces the general one; undefined if there's none. */
  readonly isAccessToken: ((header: JoseHeader, claims: StandardClaims) => boolean) | undefined;
  readonly scopeSource: ScopeSource;
  readonly clientIdClaim: ClientSource;
}
