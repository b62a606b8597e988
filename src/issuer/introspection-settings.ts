import type { Runtime } from '../lib/runtime.js';
import type { TokenRules } from '../token/token-rules.js';
import type { IdentitySettings } from './client-identity.js';
import type { KeySet } from './key-set.js';
import type { IssuerMetadata } from './metadata.js';

/**
 * The kinds of access tokens that an issuer can be asked about. `'jwt'`: anything that looks like a JWT and
 * names the issuer in `"iss"`; `'opaque'`: anything that doesn't look like a JWT.
 */
export type IntrospectedTokens = 'opaque' | 'jwt';

/** Members of an answer that RFC 7662 makes optional and this package wants. */
export type WantedMember = 'aud' | 'exp';

/**
 * Answers about a token as an introspection endpoint would: `{ active: false }`, or `{ active: true, … }`
 * with the token's claims. Throws if it can't tell.
 */
export type Introspect = (token: string) => object | Promise<object>;

/**
 * How one issuer is asked about tokens, and how its answers are used: the option `introspection` as plain
 * data.
 */
export interface IntrospectionSettings extends Pick<TokenRules, 'scopeSource'> {
  readonly tokens: ReadonlySet<IntrospectedTokens>;
  /** How long an active token is remembered; 0 for not at all. */
  readonly cacheSeconds: number;
  /** How long a token is remembered that isn't active or isn't for this API; 0 for not at all. */
  readonly negativeCacheSeconds: number;
  /** The longest pause after failures; 0 for no pauses. */
  readonly cooldownSeconds: number;
  /** Time limit of one call. */
  readonly timeoutSeconds: number;
  /** Members that an answer needn't have. */
  readonly mayBeAbsent: ReadonlySet<WantedMember>;
  /** The members that the application sees. */
  readonly members: ReadonlySet<string>;
  readonly asks: Introspect | IntrospectionEndpoint;
}

/** An introspection endpoint, and this API as its client. */
export interface IntrospectionEndpoint extends IdentitySettings {
  /** Undefined: the one in the issuer's metadata. */
  readonly url: string | undefined;
  readonly clientId: string;
  /** Whether only signed answers count (RFC 9701). */
  readonly signedResponse: boolean;
}

/** What introspection needs from its issuer. */
export interface IntrospectionContext {
  readonly rules: TokenRules;
  readonly keySet: KeySet;
  readonly metadata: IssuerMetadata;
  readonly runtime: Runtime;
}
