import type { Scheme } from './terms.js';

/**
 * Types that an application may set once, by module augmentation:
 *
 * ```ts
 * import type {} from 'oauth-resource-server';
 *
 * declare module 'oauth-resource-server' {
 *   interface Register {
 *     claims: { tenant: string };
 *     scope: 'read:inventory' | 'write:orders';
 *   }
 * }
 * ```
 */
export interface Register {}

/** The scopes that `requireScope` accepts: those of {@link Register}, or any string. */
export type Scope = Register extends { scope: infer S extends string } ? S : string;

/** The application's own claims: those of {@link Register}, or none. */
export type RegisteredClaims = Register extends { claims: infer C extends object } ? C : Record<never, never>;

/**
 * The claims of an access token as verified (RFC 7519 §4.1, RFC 9068 §2.2); anything else is `unknown` until
 * looked at.
 */
export interface StandardClaims {
  readonly iss: string;
  readonly exp: number;
  readonly aud?: string | readonly string[];
  readonly sub?: string;
  readonly client_id?: string;
  readonly iat?: number;
  readonly nbf?: number;
  readonly jti?: string;
  readonly scope?: unknown;
  readonly act?: { readonly [member: string]: unknown };
  readonly [claim: string]: unknown;
}

/** The JOSE header of a JWT (RFC 7515 §4). */
export interface JoseHeader {
  readonly alg: string;
  readonly kid?: unknown;
  readonly typ?: unknown;
  readonly [parameter: string]: unknown;
}

/**
 * Who acts on behalf of the subject: the outermost `"act"` of a token (RFC 8693 §4.1). It has at least one of
 * these members, unless the issuer names actors in its own way: then see `claims.act`.
 */
export interface Actor {
  /** Its `"sub"`. Unique only together with the issuer. */
  readonly subject: string | undefined;
  /** Its `"iss"`. If undefined, it's usually the issuer of the token. */
  readonly issuer: string | undefined;
  /** Its `"client_id"`. */
  readonly clientId: string | undefined;
}

/**
 * What a verification returns and a cache may keep: everything in {@link Auth} except the token itself.
 * Deeply frozen.
 *
 * @typeParam C the application's own claims
 */
export interface AccessToken<C extends object = RegisteredClaims> {
  /** The JOSE header. Empty for an opaque token. */
  readonly header: Partial<JoseHeader>;
  /**
   * The claims as the issuer sent them, without those that count as absent: null, or a `sub`, `jti`, `acr`,
   * `amr` or `auth_time` of the wrong type. For an introspected token (RFC 7662): the members of the answer
   * that this package knows or that `introspection.claims` names. `iss` and `exp` are always there, even if
   * the answer lacks them.
   */
  readonly claims: Readonly<C> & StandardClaims;
  /** `"iss"`: who issued the token, exactly as configured. */
  readonly issuer: string;
  /**
   * `"sub"`. With client credentials it's often the client itself (RFC 9068 §2.2). Unique only together with
   * `issuer`.
   */
  readonly subject: string | undefined;
  /** The calling client: `"client_id"`, or what `TrustedIssuer.clientIdClaim` says. */
  readonly clientId: string | undefined;
  /**
   * `"act"`: who acts on behalf of the subject; undefined if the subject calls for itself (RFC 8693 §4.1).
   * Earlier actors are in `claims.act.act`. They're history: never decide by them.
   */
  readonly actor: Actor | undefined;
  /** `"aud"` as a list: `["https://inventory.example.com"]`. Empty if the token has none. */
  readonly audience: readonly string[];
  /**
   * The granted scopes, in the token's order and without duplicates: `["read:inventory"]`. Empty if none were
   * granted.
   */
  readonly scopes: readonly string[];
  /**
   * `"exp"` (expiration time), in seconds since the epoch. If the token has none, which only
   * `introspection.mayBeAbsent` allows: when the issuer is asked about it again.
   */
  readonly expiresAt: number;
}

/**
 * What a verified request carries, as `req.auth`, `request.auth` or `@Auth()`.
 *
 * @typeParam C the application's own claims, default those of {@link Register}
 */
export interface Auth<C extends object = RegisteredClaims> extends AccessToken<C> {
  /**
   * The access token as received.
   *
   * Security: not enumerable, so logging or serializing an `Auth` doesn't reveal it. Never pass it on to
   * another service: it was issued for this one.
   */
  readonly token: string;
}

/** The `Auth` of one request: a verified access token and the text it was read from. Frozen. */
export class VerifiedAuth implements Auth {
  readonly header: AccessToken['header'];
  readonly claims: AccessToken['claims'];
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  readonly actor: Actor | undefined;
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  readonly expiresAt: number;
  readonly #token: string;
  readonly #scheme: Scheme;

  constructor(accessToken: AccessToken, token: string, scheme: Scheme = 'Bearer') {
    this.header = accessToken.header;
    this.claims = accessToken.claims;
    this.issuer = accessToken.issuer;
    this.subject = accessToken.subject;
    this.clientId = accessToken.clientId;
    this.actor = accessToken.actor;
    this.audience = accessToken.audience;
    this.scopes = accessToken.scopes;
    this.expiresAt = accessToken.expiresAt;
    this.#token = token;
    this.#scheme = scheme;
    Object.freeze(this);
  }

  get token(): string {
    return this.#token;
  }

  /**
   * The scheme that the access token came in under. A later refusal of the same request must answer with it.
   */
  static schemeOf(auth: Auth): Scheme {
    return #scheme in auth ? auth.#scheme : 'Bearer';
  }

  static isVerified(value: object): value is Auth {
    return #token in value;
  }
}

/** Lets another copy of this package name the problem. It doesn't make an `Auth` genuine there. */
Object.defineProperty(VerifiedAuth.prototype, Symbol.for('oauth-resource-server.auth'), { value: true });

/** Never shows the token, whatever options `util.inspect` gets. */
Object.defineProperty(VerifiedAuth.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: VerifiedAuth): object {
    return { ...this };
  },
});

/**
 * Whether this package made `value`, from a verified token or with the testing kit's `fakeAuth`. False for a
 * plain object with the same members, such as one parsed from a request body.
 */
export function isAuth(value: unknown): value is Auth {
  return typeof value === 'object' && value !== null && VerifiedAuth.isVerified(value);
}
