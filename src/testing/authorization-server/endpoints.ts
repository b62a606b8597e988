import { isResourceServerError } from '../../errors.js';
import { introspectedType, type TokenClaims } from '../token-claims.js';
import { type ClientAuthenticator, requireClient } from './client-authentication.js';
import { type Handler, jsonAnswer, refusal } from './http.js';
import type { OwnTokenVerifier } from './own-tokens.js';
import { parameter, readForm } from './request-body.js';

/**
 * The authorization endpoint (RFC 6749 §3.1), which the metadata has to name. Nobody can log in here, and
 * no client has registered a redirect URI, so the user's browser gets the error (§4.1.2.1).
 */
export const authorizationEndpoint: Handler = ({ url = '' }) => {
  const query = new URLSearchParams(url.split('?', 2)[1]);
  if (!query.has('response_type'))
    throw refusal(400, 'invalid_request', 'the parameter response_type is missing');
  throw refusal(
    400,
    'unsupported_response_type',
    'nobody can log in to a development issuer; clients get tokens at the token endpoint',
  );
};

/** What introspection says about a token, and if it isn't active, why, in a word. */
export interface Introspected {
  readonly claims: TokenClaims;
  readonly reason?: string;
}

/** Introspection of an issuer's own JWTs: those that `verify` accepts are active. */
export function introspectOwnTokens(verify: OwnTokenVerifier): (token: string) => Promise<Introspected> {
  return async (token) => {
    try {
      const { claims } = await verify(token);
      return { claims: { ...claims, active: true, token_type: introspectedType(claims) } };
    } catch (error) {
      if (!isResourceServerError(error) || error.status === 503) throw error;
      return { claims: { active: false }, reason: error.reason };
    }
  };
}

/**
 * The introspection endpoint (RFC 7662 §2). The answer about a token that isn't active says nothing more.
 */
export function introspectionEndpoint(
  authenticator: ClientAuthenticator,
  introspect: (token: string) => Introspected | Promise<Introspected>,
): Handler {
  return async (request, note) => {
    const form = await readForm(request);
    requireClient(await authenticator.authenticate(request, form, note));
    const token = parameter(form, 'token');
    if (token === undefined) throw refusal(400, 'invalid_request', 'the parameter token is missing');
    const { claims, reason } = await introspect(token);
    note(claims.active === true ? 'active' : `not active${reason === undefined ? '' : `: ${reason}`}`);
    return jsonAnswer(200, claims);
  };
}
