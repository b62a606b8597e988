import { type AssertionIssuers, findWorkload } from './assertion-issuers.js';
import { type ClientAuthenticator, requireClient } from './client-authentication.js';
import type { Client, GrantType } from './clients.js';
import { decideGrant, describeGrant, type Granted, readGrantRequest } from './grants.js';
import { type Handler, jsonAnswer, type Note, refusal } from './http.js';
import { grantByAssertion } from './jwt-bearer.js';
import type { OwnTokenVerifier } from './own-tokens.js';
import { type Form, parameter, readForm } from './request-body.js';
import type { SenderConstraints } from './sender-constraint.js';
import { exchangeToken } from './token-exchange.js';
import type { TokenMint } from './token-mint.js';

export interface TokenEndpointOptions {
  readonly authenticator: ClientAuthenticator;
  readonly mint: TokenMint;
  readonly constraints: SenderConstraints;
  readonly verifyOwnToken: OwnTokenVerifier;
  readonly assertionIssuers: AssertionIssuers;
  readonly clients: readonly Client[];
  /** The grants that it takes; others are unsupported, with or without a client. */
  readonly grantTypes: readonly GrantType[];
}

/** For the log. */
const SHORT_NAMES: Readonly<Record<GrantType, string>> = {
  client_credentials: 'client_credentials',
  'urn:ietf:params:oauth:grant-type:token-exchange': 'token-exchange',
  'urn:ietf:params:oauth:grant-type:jwt-bearer': 'jwt-bearer',
};

const JWT_BEARER: GrantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** The token endpoint (RFC 6749 §3.2) for the grants of `grantTypes`. */
export function tokenEndpoint(options: TokenEndpointOptions): Handler {
  const { authenticator, mint, constraints, verifyOwnToken, assertionIssuers } = options;
  /** RFC 7523 §3.1: with this grant a client need not authenticate. The grant verifies the assertion. */
  const readWorkload = (form: Form, note: Note): Client | undefined => {
    const client = findWorkload(options.clients, parameter(form, 'assertion') ?? '');
    if (client !== undefined) note(client.clientId);
    return client;
  };
  return async (request, note) => {
    const form = await readForm(request);
    // First, so that an assertion isn't used up by a request that's made again with a nonce.
    const sender = await constraints.read(request);
    const asked = parameter(form, 'grant_type');
    const authenticated = await authenticator.authenticate(request, form, note);
    const grantType = options.grantTypes.find((known) => known === asked);
    if (asked !== undefined && grantType === undefined)
      throw refusal(400, 'unsupported_grant_type', 'there is no such grant here');
    const client = requireClient(
      authenticated ?? (grantType === JWT_BEARER ? readWorkload(form, note) : undefined),
    );
    if (grantType === undefined) throw refusal(400, 'invalid_request', 'the parameter grant_type is missing');
    note(SHORT_NAMES[grantType]);
    if (!client.grantTypes.includes(grantType))
      throw refusal(400, 'unauthorized_client', 'the client may not use this grant');
    const constraint = constraints.bind(sender, client);

    const granted = async (): Promise<Granted> => {
      switch (grantType) {
        case 'client_credentials':
          return { grant: decideGrant(client, readGrantRequest(form)) };
        case 'urn:ietf:params:oauth:grant-type:token-exchange':
          return exchangeToken(form, client, verifyOwnToken);
        case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
          return grantByAssertion(form, client, assertionIssuers);
      }
    };
    const { grant, claims, endsAt, members } = await granted();
    note(describeGrant(grant));
    const { token, expiresIn } = await mint.token(client, grant, { ...claims, ...constraint.claims }, endsAt);
    const answer = {
      access_token: token,
      ...members,
      token_type: constraint.tokenType,
      expires_in: expiresIn,
      ...(grant.scopes.length === 0 ? {} : { scope: grant.scopes.join(' ') }),
    };
    return jsonAnswer(200, answer, constraint.headers);
  };
}
