import { createResourceServer, isResourceServerError } from '../../src/index.js';
import type { KeyRing } from '../../src/testing/signing-key.js';
import { ALGORITHMS } from '../core.js';
import { authenticationMethods, type ClientAuthenticator } from './client-authentication.js';
import { type Handler, jsonAnswer, refusal } from './http.js';
import type { DevClient } from './options.js';
import { parameter, readForm } from './request-body.js';
import { decideGrant, describeGrant, type TokenMint } from './token-mint.js';

/** Paths of endpoints. */
export const paths = {
  authorization: '/authorize',
  token: '/token',
  introspection: '/introspect',
  jwks: '/jwks',
} as const;

/** The members of the metadata beyond the required ones (RFC 8414 §2). */
export function metadataMembers(
  issuer: string,
  clients: readonly DevClient[],
): Readonly<Record<string, unknown>> {
  return {
    authorization_endpoint: `${issuer}${paths.authorization}`,
    token_endpoint: `${issuer}${paths.token}`,
    token_endpoint_auth_methods_supported: authenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    introspection_endpoint: `${issuer}${paths.introspection}`,
    introspection_endpoint_auth_methods_supported: authenticationMethods,
    introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    grant_types_supported: ['client_credentials'],
    scopes_supported: [...new Set(clients.flatMap(({ scopes }) => scopes))],
  };
}

/**
 * The authorization endpoint (RFC 6749 §3.1), which metadata have to name. Nobody can log in here, and no
 * client has registered where to redirect to, so it's the user's browser that gets the error (§4.1.2.1).
 */
export const authorizationEndpoint: Handler = ({ url = '' }) => {
  const query = new URLSearchParams(url.split('?', 2)[1]);
  if (!query.has('response_type'))
    throw refusal(400, 'invalid_request', 'the parameter response_type is missing');
  throw refusal(
    400,
    'unsupported_response_type',
    'nobody can log in to a development issuer; clients get tokens by client_credentials',
  );
};

/** The token endpoint, for the client credentials grant (RFC 6749 §4.4) only. */
export function tokenEndpoint(authenticator: ClientAuthenticator, mint: TokenMint): Handler {
  return async (request, note) => {
    const form = await readForm(request);
    const client = await authenticator.authenticate(request, form, note);
    const grantType = parameter(form, 'grant_type');
    if (grantType === undefined) throw refusal(400, 'invalid_request', 'the parameter grant_type is missing');
    if (grantType !== 'client_credentials')
      throw refusal(400, 'unsupported_grant_type', 'only client_credentials is supported');
    note('client_credentials');

    const targets = [...(form.get('resource') ?? []), ...(form.get('audience') ?? [])];
    const grant = decideGrant(client, { scope: parameter(form, 'scope'), targets });
    note(describeGrant(grant));
    return jsonAnswer(200, {
      access_token: await mint.token(client, grant),
      token_type: 'Bearer',
      expires_in: mint.lifetimeSeconds,
      ...(grant.scopes.length === 0 ? {} : { scope: grant.scopes.join(' ') }),
    });
  };
}

export interface IntrospectionOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  /** What tokens of this issuer can carry as `"aud"`. */
  readonly audience: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * The introspection endpoint (RFC 7662 §2). A token is active if a key that's published now verifies it and
 * it hasn't expired. The answer about any other token says only that it isn't active.
 */
export function introspectionEndpoint(
  authenticator: ClientAuthenticator,
  { issuer, keys, audience, clock }: IntrospectionOptions,
): Handler {
  return async (request, note) => {
    const form = await readForm(request);
    await authenticator.authenticate(request, form, note);
    const token = parameter(form, 'token');
    if (token === undefined) throw refusal(400, 'invalid_request', 'the parameter token is missing');
    const verifier = createResourceServer({
      issuer: { issuer, jwks: keys.published },
      audience,
      tokenType: 'at+jwt',
      clockToleranceSeconds: 0, // the same clock made the tokens
      cache: false,
      refusalWarnings: 'off', // what it's asked about may be anything
      clock,
    });
    try {
      const { claims } = await verifier.verify(token);
      note('active');
      return jsonAnswer(200, { ...claims, active: true, token_type: 'Bearer' });
    } catch (error) {
      if (!isResourceServerError(error) || error.status !== 401) throw error;
      note(`not active: ${error.reason}`);
      return jsonAnswer(200, { active: false });
    }
  };
}
