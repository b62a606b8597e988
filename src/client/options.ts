import type { AssertionAlgorithm, PrivateKey } from '../issuer/private-key.js';
import type { AuthenticationMethod } from './client-authentication.js';

/** Options of `createClientCredentials`. Unknown names are refused. */
export interface ClientCredentialsOptions {
  /**
   * The authorization server's identifier, an https URL (http only for loopback hosts). Its metadata is discovered (RFC 8414, OpenID Connect Discovery), unless `tokenEndpoint` is given. One of the
   * two is required.
   */
  readonly issuer?: string;
  /** The token endpoint, for a server without metadata: an https URL (http only for loopback hosts). There is no discovery then. */
  readonly tokenEndpoint?: string;
  /** The client's identifier at the authorization server (RFC 6749 §2.2). */
  readonly clientId: string;
  /** The client's secret. Either this or `privateKey` is required. */
  readonly clientSecret?: string;
  /** The key that signs client assertions (RFC 7523, `private_key_jwt`), in place of a secret. Nothing secret leaves the process then. */
  readonly privateKey?: PrivateKey;
  /** The `kid` of client assertions: which of the client's registered keys it is. Default: the JWK's `kid`, or none. */
  readonly keyId?: string;
  /** The `alg` of client assertions. Default: the JWK's `alg`, or by the key RS256, ES256, ES384, ES512 or EdDSA. */
  readonly algorithm?: AssertionAlgorithm;
  /**
   * The `"aud"` of client assertions. Default `'issuer'`. `'token_endpoint'` is for servers that know only the older rule. Security: an assertion for the
   * URL of an endpoint can be made use of by a server that lets clients take its endpoint for another's.
   */
  readonly assertionAudience?: 'issuer' | 'token_endpoint';
  /**
   * How the client authenticates. Default: `private_key_jwt` with a key; with a secret `client_secret_basic`, or `client_secret_post` where the server's
   * metadata has that and not the other.
   */
  readonly authenticationMethod?: AuthenticationMethod;
  /** The scopes to ask for: space-separated, `"read:inventory write:orders"`, or a list. Default: none, and the server decides. */
  readonly scope?: string | readonly string[];
  /** The API that the token is for (RFC 8707): an absolute URI without fragment. */
  readonly resource?: string;
  /** The parameter `audience`, by which some authorization servers (Auth0) want the API to be named. */
  readonly audience?: string;
  /** Further parameters of the token request. Those that the other options set cannot be among them. */
  readonly parameters?: Readonly<Record<string, string>>;
  /**
   * The origins that `fetch` sends the token to: `["https://inventory.example.com"]`. Default: that of `resource` where it is an https URL (http only for
   * loopback hosts). Security: who receives the token can use it.
   */
  readonly origins?: readonly string[];
  /** Refuses a token with fewer scopes than asked for. Default false: what was granted is in `GrantedToken.scope`. */
  readonly requireAllScopes?: boolean;
  /** How long a token is used whose lifetime the server does not tell, in seconds, 1 to 86400. Default 60. */
  readonly defaultLifetimeSeconds?: number;
  /** Time limit for getting a token, in seconds, discovery and further attempts included; above 0, at most 60. Default 5. */
  readonly timeoutSeconds?: number;
  /** Allows plain http for other hosts than loopback. Default false. Security: whoever is on the path reads secrets and tokens. */
  readonly allowInsecureRequests?: boolean;
  /** Used for every request, in place of the global `fetch`: for proxies, private certificate authorities and mutual TLS. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
  /** Spreads renewals and further attempts in time: from 0 up to 1. Default `Math.random`. For tests. */
  readonly random?: () => number;
}
