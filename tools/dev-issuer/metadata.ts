import { algorithms } from '../../src/testing/signing-key.js';
import { authenticationMethods } from './client-authentication.js';
import type { DevClient } from './options.js';

/** Where a development issuer has what. */
export interface Endpoints {
  readonly token: string;
  readonly introspection: string;
  readonly jwks: string;
}

export function endpointsOf(issuer: string): Endpoints {
  return { token: `${issuer}/token`, introspection: `${issuer}/introspect`, jwks: `${issuer}/jwks` };
}

/** The members of the metadata that an issuer with these endpoints has beyond the required ones (RFC 8414 §2). */
export function devIssuerMetadata(
  issuer: string,
  clients: readonly DevClient[],
): Readonly<Record<string, unknown>> {
  const endpoints = endpointsOf(issuer);
  return {
    token_endpoint: endpoints.token,
    token_endpoint_auth_methods_supported: authenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint: endpoints.introspection,
    introspection_endpoint_auth_methods_supported: authenticationMethods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    grant_types_supported: ['client_credentials'],
    scopes_supported: [...new Set(clients.flatMap(({ scopes }) => scopes))],
  };
}
