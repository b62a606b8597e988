import type { Runtime } from '../../lib/runtime.js';
import { ALGORITHMS } from '../../terms.js';
import type { TlsSettings } from '../loopback-server.js';
import type { KeyRing } from '../signing-key.js';
import type { TokenClaims } from '../token-claims.js';
import { type AssertionIssuerOptions, createAssertionIssuers } from './assertion-issuers.js';
import { authenticationMethods, createClientAuthenticator } from './client-authentication.js';
import { type Client, GRANT_TYPES } from './clients.js';
import { authorizationEndpoint, introspectionEndpoint, introspectOwnTokens } from './endpoints.js';
import type { Routes } from './http.js';
import { createOwnTokenVerifier } from './own-tokens.js';
import { createSenderConstraints } from './sender-constraint.js';
import { tokenEndpoint } from './token-endpoint.js';
import { createTokenMint, type TokenMint } from './token-mint.js';

/** Paths of endpoints. */
export const paths = {
  authorization: '/authorize',
  token: '/token',
  introspection: '/introspect',
  jwks: '/jwks',
} as const;

export interface AuthorizationServerOptions {
  /** The issuer identifier, which is also where the endpoints are. */
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly clients: readonly Client[];
  readonly assertionIssuers: readonly AssertionIssuerOptions[];
  /** Whether DPoP proofs need a nonce from this server (RFC 9449 §8). */
  readonly dpopNonce: boolean;
  /** Undefined if clients can't present certificates. */
  readonly tls: Pick<TlsSettings, 'ca'> | undefined;
  /** Where clients present certificates, if that's not where the issuer is. */
  readonly mtlsUrl: string | undefined;
  /**
   * The JWTs that introspection calls active and that can be exchanged: `any` that its keys signed, for tests
   * that make them. Default: those that it issues itself.
   */
  readonly ownTokens?: 'any';
  /** What introspection says of tokens that aren't JWTs. Default: they aren't active. */
  readonly introspectOpaque?: (token: string) => TokenClaims;
}

/** The endpoints of an issuer that clients get tokens from. */
export interface AuthorizationServer {
  readonly routes: Routes;
  /** The members of the metadata beyond the required ones (RFC 8414 §2). */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly mint: TokenMint;
}

/** The endpoints of the development issuer, and of a test issuer that listens. */
export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const { issuer, keys, clock, clients, dpopNonce, tls, mtlsUrl } = options;
  const runtime: Runtime = { clock, clockToleranceSeconds: 5, fetch, allowInsecureRequests: false };
  const tokenEndpoints = [issuer, ...(mtlsUrl === undefined ? [] : [mtlsUrl])].map(
    (url) => url + paths.token,
  );
  const audiences = [issuer, ...tokenEndpoints];
  const methods = authenticationMethods(tls);
  const scopes = [...new Set(clients.flatMap((client) => client.scopes))];
  const mint = createTokenMint(options);
  const assertionIssuers = createAssertionIssuers(options.assertionIssuers, { audiences, runtime });
  const grantTypes = GRANT_TYPES.filter(
    (name) => options.assertionIssuers.length > 0 || !name.endsWith('jwt-bearer'),
  );
  const authenticator = createClientAuthenticator({ clients, audiences, runtime, assertionIssuers });
  const audience = options.ownTokens === 'any' ? undefined : clients.flatMap((client) => client.audience);
  const verifyOwnToken = createOwnTokenVerifier({ issuer, keys, clock, audience });
  const introspectJwt = introspectOwnTokens(verifyOwnToken);
  const token = tokenEndpoint({
    authenticator,
    mint,
    verifyOwnToken,
    constraints: createSenderConstraints(dpopNonce, runtime),
    assertionIssuers,
    clients,
    grantTypes,
  });
  const introspection = introspectionEndpoint(authenticator, async (value) =>
    options.introspectOpaque === undefined || value.includes('.')
      ? introspectJwt(value)
      : { claims: options.introspectOpaque(value) },
  );
  return {
    mint,
    routes: [
      [paths.authorization, { GET: authorizationEndpoint }],
      [paths.token, { POST: token }],
      [paths.introspection, { POST: introspection }],
    ],
    metadata: {
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      introspection_endpoint: `${issuer}${paths.introspection}`,
      introspection_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      grant_types_supported: grantTypes,
      ...(scopes.length > 0 && { scopes_supported: scopes }), // no empty list (RFC 8414 §3.2)
      dpop_signing_alg_values_supported: ALGORITHMS,
      tls_client_certificate_bound_access_tokens: tls !== undefined,
      ...(mtlsUrl !== undefined && {
        mtls_endpoint_aliases: {
          token_endpoint: `${mtlsUrl}${paths.token}`,
          introspection_endpoint: `${mtlsUrl}${paths.introspection}`,
        },
      }),
    },
  };
}
