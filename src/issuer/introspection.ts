/**
 * The kinds of access tokens that an issuer can be asked about. `'jwt'`: what looks like a JWT and names the issuer in `"iss"`; `'opaque'`: all that does not
 * look like a JWT.
 */
export type IntrospectedTokens = 'opaque' | 'jwt';

/** Members of an answer that RFC 7662 leaves to the server and this package wants. */
export type WantedMember = 'aud' | 'exp';

/** What an issuer says about a token (RFC 7662 §2.2). Nothing but `active` has been looked at. */
export interface IntrospectionAnswer {
  readonly active: boolean;
  readonly [member: string]: unknown;
}

/** How one issuer is asked about tokens, and what becomes of its answers. */
export interface Introspection {
  readonly tokens: ReadonlySet<IntrospectedTokens>;
  /** How long an active token is remembered; 0 for not at all. */
  readonly cacheSeconds: number;
  /** How long a token is remembered that is not active, or not for this API; 0 for not at all. */
  readonly negativeCacheSeconds: number;
  /** Members that an answer need not have. */
  readonly mayBeAbsent: ReadonlySet<WantedMember>;
  /** The members that the application gets to see. */
  readonly members: ReadonlySet<string>;
  /** The member that holds the granted scopes, and whether it may be an array. */
  readonly scopeClaim: string;
  readonly scopeMayBeArray: boolean;
  /** Whether the keys of the issuer are needed for its answers (RFC 9701). */
  readonly needsKeys: boolean;
  /**
   * Asks the issuer.
   *
   * @throws {UnavailableError} there is no answer, or none that can be used
   */
  ask(token: string): Promise<IntrospectionAnswer>;
  /**
   * Finds out where to ask. The endpoint itself is not called.
   *
   * @throws {UnavailableError} the metadata is out of reach, or names no introspection endpoint
   */
  ready(): Promise<void>;
}
