import type { IntrospectedTokens, WantedMember } from '../issuer/introspection.js';
import type { AssertionAlgorithm, PrivateKey } from '../issuer/private-key.js';

/** What is to be done with answers, and with failures. All durations in seconds. */
export interface IntrospectionPolicyOptions {
  /**
   * What is asked about. Default `['opaque']`: JWTs are verified by their signature as ever, and never sent anywhere. With `'jwt'` those of this issuer are asked
   * about in place of that. At most one issuer takes `'opaque'`, since such a token does not say who issued it.
   */
  readonly tokens?: readonly IntrospectedTokens[];
  /**
   * How long an active token is remembered, 0 to 3600 and never beyond its `exp` (RFC 7662 §4). Default 30. A token that was revoked may open the API for that
   * long; 0 asks for every request.
   */
  readonly cacheSeconds?: number;
  /** How long a token is remembered that is not active or not for this API, 0 to 10. Default 2. Failures are never remembered. */
  readonly negativeCacheSeconds?: number;
  /** The longest time for which the server is left alone after it failed five times in a row, 0 to 3600. Default 30; 0 never leaves it alone. */
  readonly cooldownSeconds?: number;
  /** Time limit of one call; above 0, at most 60. Default 5. */
  readonly timeoutSeconds?: number;
  /**
   * Members that answers of this server lack. Default none: an answer without `aud` is refused, as the token may be for another API, and one without `exp`, as
   * nobody knows how long it holds. A token without `exp` is taken to hold for `cacheSeconds`. Members that are there are checked all the same; `iss`, `sub`
   * and `token_type` never have to be.
   */
  readonly mayBeAbsent?: readonly WantedMember[];
  /**
   * Further members of the answer that the application needs, such as `['tenant', 'username']`. Default none: `auth.claims` has those members that this
   * package knows, and no others (docs/introspection.md).
   */
  readonly claims?: readonly string[];
  /** The member that holds the granted scopes, as in {@link TrustedIssuer.scopeClaim}, whose value is the default. */
  readonly scopeClaim?: string;
}

/** An introspection endpoint (RFC 7662 §2), and how this API authenticates there: by one of `clientSecret`, `privateKey`, `accessToken` and a client certificate. */
export interface IntrospectionEndpointOptions extends IntrospectionPolicyOptions {
  /** Where it is: an https URL (http only for loopback hosts). Default: what the issuer's metadata says (RFC 8414 §2). */
  readonly endpoint?: string;
  /** This API's identifier as a client of the authorization server. */
  readonly clientId: string;
  readonly clientSecret?: string;
  /** The key that signs client assertions (RFC 7523, `private_key_jwt`): PEM (PKCS #8), a JWK, or a key of `node:crypto` or the Web Cryptography API. */
  readonly privateKey?: PrivateKey;
  /** The `kid` of client assertions. Default: the JWK's `kid`, or none. */
  readonly keyId?: string;
  /** The `alg` of client assertions. Default: the JWK's `alg`, or by the key RS256, ES256, ES384, ES512 or EdDSA. */
  readonly algorithm?: AssertionAlgorithm;
  /** Returns an access token of this API's own that opens the endpoint (RFC 7662 §2.1); called for every request, so it should remember its token. */
  readonly accessToken?: () => string | Promise<string>;
  /**
   * Default: `private_key_jwt` with a key; with a secret `client_secret_basic`, or `client_secret_post` where the issuer's metadata has that and not the other.
   * With `tls_client_auth` or `self_signed_tls_client_auth` the connection authenticates (RFC 8705 §2): the option `fetch` has to bring the certificate.
   */
  readonly authenticationMethod?:
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'private_key_jwt'
    | 'tls_client_auth'
    | 'self_signed_tls_client_auth';
  /** Wants answers that the issuer signed (RFC 9701), and refuses all others. Default false. */
  readonly signedResponse?: boolean;
}

/**
 * Says about a token what an introspection endpoint would: `{ active: false }`, or `{ active: true, … }` with the token's claims. Throws where it cannot tell.
 */
export type Introspect = (token: string) => object | Promise<object>;

/** A function in place of the endpoint: for tests, and for servers that are asked in another way. Its failures count as an outage. */
export interface IntrospectionFunctionOptions extends IntrospectionPolicyOptions {
  readonly endpoint: Introspect;
}

/** How an issuer is asked about tokens (RFC 7662). Unknown names are refused. */
export type IntrospectionOptions = IntrospectionEndpointOptions | IntrospectionFunctionOptions;
