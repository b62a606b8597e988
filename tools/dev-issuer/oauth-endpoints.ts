import type { IncomingMessage } from 'node:http';
import { isResourceServerError } from '../../src/errors.js';
import { createResourceServer } from '../../src/resource-server.js';
import type { KeyRing } from '../../src/testing/key-ring.js';
import type { ClientAuthenticator } from './client-authentication.js';
import { parameterOf, readForm } from './form.js';
import { decideGrant } from './grant.js';
import { type Handler, jsonAnswer, refusal } from './http.js';
import type { TokenMint } from './token-mint.js';

/** The token endpoint for the client credentials grant (RFC 6749 §4.4), and for no other. */
export function tokenEndpoint(authenticator: ClientAuthenticator, mint: TokenMint): Handler {
  return async (request: IncomingMessage) => {
    const form = await readForm(request);
    const client = await authenticator.authenticate(request, form);
    const grantType = parameterOf(form, 'grant_type');
    if (grantType === undefined) throw refusal(400, 'invalid_request', 'the parameter grant_type is missing');
    if (grantType !== 'client_credentials')
      throw refusal(400, 'unsupported_grant_type', 'only client_credentials is supported');

    const targets = [...(form.get('resource') ?? []), ...(form.get('audience') ?? [])];
    const grant = decideGrant(client, { scope: parameterOf(form, 'scope'), targets });
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
 * The introspection endpoint (RFC 7662 §2). A token is active while a key that is published now verifies it and its time has not run out; of another
 * one the answer says nothing but that.
 */
export function introspectionEndpoint(
  authenticator: ClientAuthenticator,
  options: IntrospectionOptions,
): Handler {
  return async (request: IncomingMessage) => {
    const form = await readForm(request);
    await authenticator.authenticate(request, form);
    const token = parameterOf(form, 'token');
    if (token === undefined) throw refusal(400, 'invalid_request', 'the parameter token is missing');
    return jsonAnswer(200, await introspect(token, options));
  };
}

async function introspect(
  token: string,
  { issuer, keys, audience, clock }: IntrospectionOptions,
): Promise<object> {
  const verifier = createResourceServer({
    issuer: { issuer, jwks: keys.published },
    audience,
    tokenType: 'at+jwt',
    clockToleranceSeconds: 0, // the clock that the tokens were made by
    cache: false,
    clock,
  });
  try {
    const { claims } = await verifier.verify(token);
    return { ...claims, active: true, token_type: 'Bearer' };
  } catch (error) {
    if (isResourceServerError(error) && error.status === 401) return { active: false };
    throw error;
  }
}
