import type { JSONWebKeySet } from 'jose';
import type { Auth, JoseHeader, StandardClaims } from '../auth.js';
import type { DpopOptions } from './dpop.js';
import type { IntrospectionOptions } from './introspection-options.js';
import type { MtlsProxyOptions } from './mtls.js';
import type { ResourceOptions } from './resource.js';

/** The signature algorithms that this package verifies (RFC 7518 §3.1, RFC 8037, RFC 9864). Asymmetric only. */
export type Algorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';

/**
 * What the `typ` header of a token must be. `'any'`: `at+jwt`, `JWT` or none, and then whatever looks like an ID token is
 * refused. `'at+jwt'`: RFC 9068 to the letter.
 */
export type TokenType = 'any' | 'at+jwt';

/** Where a client may put the token (RFC 6750 §2), named as in RFC 9728. */
export type BearerMethod = 'header' | 'body' | 'query';

/** How metadata and keys of an issuer are fetched, kept and renewed. All durations in seconds. */
export interface KeysOptions {
  /**
   * How long fetched keys are used before they are fetched anew; at least 1. Default 600. `Cache-Control: max-age` of the issuer shortens it down to
   * `cooldownSeconds` and lengthens it up to six times. A key that the issuer withdrew is trusted at most that long,
   * and longer only while the issuer is out of reach.
   */
  readonly maxAgeSeconds?: number;
  /** How much longer the last good keys serve while the issuer does not answer. Default 86400, a day; 0 refuses at once. */
  readonly staleIfErrorSeconds?: number;
  /**
   * How long no further fetch is made for unknown key ids, and the longest pause between attempts after failures. Default 30. With 0 every unknown key id
   * causes a fetch: for tests only.
   */
  readonly cooldownSeconds?: number;
  /** Time limit of one refresh, bodies included; above 0, at most 60. Default 5. */
  readonly timeoutSeconds?: number;
}

/**
 * An issuer whose tokens are accepted. With `jwks` there is no network at all, with `jwksUri` no discovery; otherwise the metadata is found by
 * RFC 8414 or OpenID Connect Discovery, or at `metadataUrl`. Give at most one of the three.
 */
export interface TrustedIssuer {
  /** The issuer identifier, equal to the tokens' `"iss"` character by character: an https URL (http only for loopback hosts). */
  readonly issuer: string;
  /** Where the keys are. */
  readonly jwksUri?: string;
  /**
   * The keys themselves, or a function that returns them and is called where a fetch would be made (keys from a vault or a file): its failures count as
   * an outage of the issuer.
   */
  readonly jwks?: JSONWebKeySet | (() => JSONWebKeySet | Promise<JSONWebKeySet>);
  /** Where the metadata is, for an issuer that publishes it at an unusual place. */
  readonly metadataUrl?: string;
  /** This API's identifiers at this issuer, in place of the common `audience`. */
  readonly audience?: string | readonly string[];
  /**
   * For issuers whose access tokens have no `"aud"` (Amazon Cognito): tokens without it are accepted when their client is on this list. Tokens with `"aud"`
   * are checked against the audience as ever.
   */
  readonly clientIds?: readonly string[];
  /** In place of the common `algorithms`. */
  readonly algorithms?: readonly Algorithm[];
  /** In place of the common `tokenType`. */
  readonly tokenType?: TokenType;
  /**
   * Says whether a token is an access token, in place of the rule that one must carry a scope or a client
   * (docs/security.md). Called after the signature was verified; only `true` accepts. What marks an ID token is refused all the same.
   */
  readonly isAccessToken?: (header: JoseHeader, claims: StandardClaims) => boolean;
  /** The claim that holds the granted scopes, as a space-separated string or an array. Default `scope`, which must be a string. A path such as `realm_access.roles` reads nested claims. */
  readonly scopeClaim?: string;
  /** The claim that names the client. Default `client_id`. */
  readonly clientIdClaim?: string;
  /** In place of the common `keys`, member by member. */
  readonly keys?: KeysOptions;
  /** Asks the issuer about tokens that it did not sign (RFC 7662): opaque ones. Default: none is accepted that is not a JWT. */
  readonly introspection?: IntrospectionOptions;
}

/** Options of `createResourceServer` and of every adapter. Unknown names are refused. */
export interface ResourceServerOptions {
  /** Whose tokens are accepted: an issuer identifier (its keys are discovered), a {@link TrustedIssuer}, or a list of both. */
  readonly issuer: string | TrustedIssuer | readonly (string | TrustedIssuer)[];
  /** This API's identifiers: a token's `"aud"` must contain one of them exactly (RFC 9068 §4). */
  readonly audience: string | readonly string[];
  /** Accepted signature algorithms. Default: all of {@link Algorithm}. */
  readonly algorithms?: readonly Algorithm[];
  /** Tolerated difference between the issuer's clock and ours, in seconds, 0 to 300. Default 5. */
  readonly clockToleranceSeconds?: number;
  /** See {@link TokenType}. Default `'any'`. */
  readonly tokenType?: TokenType;
  /** Where the token may be. Default `['header']`. Security: `'query'` puts tokens into logs and histories (RFC 9700 §4.3.2). */
  readonly bearerMethods?: readonly BearerMethod[];
  /** Lets requests without credentials through as anonymous. Bad credentials stay refused. Default false. */
  readonly optional?: boolean;
  /** The `realm` of the challenge (RFC 9110 §11.5), printable ASCII. Default `api`. */
  readonly realm?: string;
  /**
   * Verified tokens are remembered until they expire, `maxTokens` of them at most (default 10000, 1 to 1000000; about 8 MB of heap, tokens with many
   * claims count as several), so that only the first use of a token pays for its signature. `false` verifies every token each time.
   */
  readonly cache?: { readonly maxTokens?: number } | false;
  /** See {@link KeysOptions}. */
  readonly keys?: KeysOptions;
  /**
   * Accepts access tokens that are bound to a client certificate (RFC 8705), from clients that show it: `true` takes it from the TLS connection, which the server
   * then has to ask for, an object from a header field that a proxy sets. Default false: such tokens are refused. Other tokens are accepted as ever.
   */
  readonly mtls?: boolean | MtlsProxyOptions;
  /**
   * Says whether an access token was revoked: a look-up by `"jti"`, `"sub"` or `"sid"`, say. Called for every request whose token holds, so it must be quick; only
   * `false` accepts. An exception, another value than a boolean, or none in time is answered with 503.
   */
  readonly isRevoked?: (auth: Auth) => boolean | Promise<boolean>;
  /** Time limit of `isRevoked`, in seconds, above 0, at most 60. Default 2. */
  readonly revocationTimeoutSeconds?: number;
  /**
   * What is done with access tokens that are bound to a key of the client (RFC 9449). `'allowed'` (default): they are accepted under the scheme `DPoP` with a proof
   * of possession, others as bearer tokens. `'required'`: only bound ones are accepted. `'off'`: bound ones are refused. An object says more, see
   * {@link DpopOptions}.
   */
  readonly dpop?: 'allowed' | 'required' | 'off' | DpopOptions;
  /**
   * Where clients find this API: an https URL (http only for loopback hosts), with the path that proxies take away before requests arrive here. DPoP proofs are for
   * URLs below it. Default: what the framework says of the request, which depends on `Host` and on how it is told to trust proxies.
   */
  readonly baseUrl?: string;
  /**
   * What this API publishes about itself (RFC 9728), so that clients find out by themselves where to get access tokens: its resource identifier, an https URL such as
   * `https://inventory.example.com`, or {@link ResourceOptions}. Challenges then name the URL of the metadata, and those with status 401 the scopes that the route
   * requires, where these are known. Default: nothing is published.
   */
  readonly resource?: string | ResourceOptions;
  /** `'respond'` (default) sends the answer; `'next'` hands the typed error to the framework's own error path, with the challenge already set on the response. */
  readonly errors?: 'respond' | 'next';
  /** Allows plain http for other hosts than loopback. Default false. Security: whoever is on the path chooses the keys. */
  readonly allowInsecureRequests?: boolean;
  /** Used for metadata and keys, in place of the global `fetch`: for proxies and private certificate authorities. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
}
