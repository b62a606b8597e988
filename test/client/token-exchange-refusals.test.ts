import { inspect } from 'node:util';
import { decodeJwt } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ClientMessage,
  clientChannel,
  createTokenExchange,
  type TokenExchangeOptions,
  type TokenRequestError,
  toResourceServerError,
} from '../../src/client/index.js';
import { listenTo } from '../support/listen-to.js';
import { failureOf } from './support/make-client.js';

type Refusal = readonly [code: string, description: string | undefined, status: number];

const ACTOR_TOKEN = 'actor-token-0123456789';

/** What becomes of an exchange if the token endpoint answers this. */
async function refusedWith(
  [code, description, status]: Refusal,
  options: Partial<TokenExchangeOptions> = {},
  token = 'subject-token-0123456789',
): Promise<TokenRequestError> {
  const body = { error: code, ...(description === undefined ? {} : { error_description: description }) };
  const exchange = createTokenExchange({
    tokenEndpoint: 'https://auth.example.com/token',
    clientId: 'inventory-service',
    clientSecret: 'client-secret-0123456789',
    resource: 'https://warehouse.example.com',
    fetch: async () => Response.json(body, { status }),
    ...options,
  });
  onTestFinished(() => exchange.close());
  return failureOf(exchange.for({ token }).getToken());
}

/**
 * What the caller is to be told. Keycloak's, ZITADEL's and Spring's answers are in their sources; the others
 * are quoted in documentation and reports.
 */
const answers: Readonly<Record<string, readonly (readonly [...Refusal, answer: number])[]>> = {
  Keycloak: [
    ['invalid_request', 'Invalid token', 400, 401],
    ['invalid_request', 'Requested audience not available: warehouse', 400, 502],
    ['invalid_client', 'Audience not found', 400, 502],
    ['invalid_client', 'Public client is not allowed to exchange token', 400, 502],
    ['access_denied', 'Client is not within the token audience', 403, 403],
    ['access_denied', 'Client not allowed to exchange', 403, 403],
    ['invalid_scope', 'Invalid scopes: read:warehouse', 400, 403],
    ['invalid_scope', 'Missing consents for Token Exchange in client inventory-service', 400, 403],
    ['invalid_request', 'Standard token exchange is not enabled for the requested client', 400, 502],
    ['invalid_request', "Parameter 'subject_token' supports access tokens only", 400, 502],
    ['invalid_request', 'Invalid subject token type', 400, 502],
    ['invalid_request', 'requested_token_type unsupported', 400, 502],
    ['invalid_request', 'Scope offline_access not allowed for token exchange', 400, 502],
    ['invalid_request', 'DPoP proof is missing', 400, 502],
    [
      'invalid_request',
      'Sender-constrained token exchange rejected as the token was not issued for the requesting client',
      400,
      401,
    ],
  ],
  ZITADEL: [
    ['invalid_request', 'subject_token invalid', 400, 401],
    ['invalid_request', 'actor_token invalid', 400, 502],
    ['invalid_target', 'audience "warehouse" not found in subject or actor token', 400, 403],
    ['invalid_target', 'resource parameter not supported', 400, 403],
    ['unauthorized_client', 'grant_type "token-exchange" not allowed', 400, 502],
  ],
  'Spring Authorization Server': [
    ['invalid_grant', undefined, 400, 401],
    ['invalid_scope', undefined, 400, 403],
    ['unauthorized_client', undefined, 400, 502],
    ['unsupported_token_type', 'OAuth 2.0 Token Exchange parameter: subject_token_type', 400, 502],
    ['invalid_request', 'OAuth 2.0 Parameter: resource', 400, 502],
    ['invalid_request', 'OAuth 2.0 Parameter: audience', 400, 502],
    ['invalid_request', 'OAuth 2.0 Parameter: actor_token_type', 400, 502],
  ],
  Okta: [
    ['invalid_grant', 'subject token is invalid', 400, 401],
    ['invalid_grant', "'subject_token' is invalid.", 400, 401],
    [
      'access_denied',
      'Policy evaluation failed for this request, please check the policy configurations.',
      400,
      403,
    ],
    [
      'invalid_scope',
      'One or more scopes are not configured for the authorization server resource.',
      400,
      403,
    ],
    ['invalid_client', 'The client secret supplied for a confidential client is invalid.', 401, 502],
  ],
  Auth0: [
    ['invalid_request', 'Invalid subject token', 400, 401],
    ['invalid_request', 'Invalid subject_token_type and requested_token_type combination.', 400, 502],
    ['access_denied', 'Service not found: https://warehouse.example.com', 403, 403],
    ['unauthorized_client', "Grant type 'token-exchange' not allowed for the client.", 403, 502],
  ],
  'Microsoft Entra ID, behind a gateway that speaks RFC 8693': [
    ['invalid_grant', 'AADSTS500133: Assertion is not within its valid time range.', 400, 401],
    [
      'invalid_grant',
      'AADSTS500131: Assertion audience does not match the Client app presenting it.',
      400,
      401,
    ],
    ['interaction_required', 'AADSTS50076: you must use multi-factor authentication to access', 400, 403],
    ['invalid_resource', 'AADSTS500011: The resource principal was not found in the tenant.', 400, 502],
    ['invalid_scope', 'AADSTS70011: The provided value for scope is not supported.', 400, 403],
  ],
  'Ory Hydra': [['unsupported_grant_type', 'The authorization grant type is not supported', 400, 502]],
  ThunderID: [
    ['invalid_request', 'The subject_token has expired', 400, 401],
    ['invalid_request', "The subject_token audience does not contain this server's issuer", 400, 401],
    ['invalid_request', 'Invalid actor_token', 400, 502],
  ],
  'any server, in its own words': [
    ['invalid_request', undefined, 400, 401],
    ['invalid_request', 'multi-factor authentication is required', 400, 401],
    ['invalid_request', 'the factor of this refactored reactor', 400, 401],
    ['invalid_request', 'the audience of the subject token is wrong', 400, 401],
    ['invalid_request', 'invalid token audience', 400, 401],
    ['invalid_request', 'Invalid access token: the audience is wrong', 400, 401],
    ['invalid_request', 'Client certificate missing', 400, 502],
    ['invalid_request', 'The token was issued for another audience', 400, 401],
    ['invalid_request', 'unexpected "aud" in token', 400, 401],
    ['invalid_request', 'the resource owner has withdrawn consent', 400, 401],
    ['invalid_request', 'Unknown audience', 400, 502],
    ['invalid_request', "The parameter 'resource' is not an absolute URI", 400, 502],
    ['invalid_request', 'requested scope exceeds that of the subject token', 400, 502],
    ['invalid_request', 'cannot issue a token for this audience', 400, 502],
    ['invalid_request', 'token exchange is disabled', 400, 502],
    ['invalid_request', 'Client is not authorized to exchange tokens', 400, 502],
    ['invalid_request', 'missing grantType', 400, 502],
    ['invalid_request', 'the Actor is unknown', 400, 502],
    ['invalid_request', 'HTTPS required', 400, 502],
    ['invalid_request', 'Client authentication failed', 400, 502],
    ['invalid_request', 'Missing client credentials', 400, 502],
    ['invalid_request', 'Invalid parameter: client_secret', 400, 502],
    ['invalid_request', 'Missing parameter: client_id', 400, 502],
    ['invalid_request', 'multiple client authentication methods used', 400, 502],
    ['invalid_request', 'duplicated parameter', 400, 502],
    ['invalid_request', 'Content-Type must be application/x-www-form-urlencoded', 400, 502],
    ['invalid_request', 'Too many requests', 400, 502],
    ['invalid_request', 'subject token was issued for another client_id', 400, 401],
    ['invalid_request', 'the client_id of the token is unknown', 400, 401],
    ['invalid_request', 'Unknown issuer: https://idp.example.com', 400, 401],
    ['invalid_request', 'User was disabled: too many failed logins', 400, 401],
    ['invalid_grant', "The 'actor_token' is invalid, expired or revoked.", 400, 502],
    ['invalid_token', 'actor token expired', 401, 502],
    ['invalid_grant', 'session not enabled for this audience', 400, 401],
    ['interaction_required', 'multi-factor authentication is required', 400, 403],
    ['login_required', 'the actor must log in again', 400, 403],
    ['consent_required', 'consent for this audience is not supported', 400, 403],
    ['access_denied', 'actor may not act for this subject', 400, 403],
    ['invalid_scope', 'scope is not supported', 400, 403],
    ['invalid_target', 'audience is not enabled', 400, 403],
  ],
};

describe.each(Object.entries(answers))('a refusal of %s', (_server, rows) => {
  it.each(rows)('%s, %s (%i) is answered with %i', { tags: ['CLI-15'] }, async (...row) => {
    const [code, description, status, expected] = row;
    const failure = await refusedWith([code, description, status], { actorToken: () => ACTOR_TOKEN });
    expect(failure).toMatchObject({ error: code, description });
    expect(toResourceServerError(failure)).toMatchObject({ status: expected });
  });
});

it('is found behind the error of another HTTP client', { tags: ['CLI-15'] }, async () => {
  const failure = await refusedWith(['invalid_grant', undefined, 400]);
  const wrapped = new TypeError('fetch failed', { cause: new Error('Request failed', { cause: failure }) });
  expect(toResourceServerError(wrapped)).toMatchObject({ status: 401 });
  const circular = new Error('circular');
  circular.cause = circular;
  expect(toResourceServerError(circular)).toBeUndefined();
});

it.each(['s', 'x-use_dpop_nonce'])(
  'a wanted nonce is sent, even if the secret is %s',
  {
    tags: ['CLI-17'],
  },
  async (clientSecret) => {
    const nonces: unknown[] = [];
    const exchange = createTokenExchange({
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: 'inventory-service',
      clientSecret,
      dpop: true,
      resource: 'https://warehouse.example.com',
      fetch: async (_url, init) => {
        const { nonce } = decodeJwt(String(new Headers(init?.headers).get('dpop')));
        nonces.push(nonce);
        return nonce === undefined
          ? Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: { 'DPoP-Nonce': 'n-1' } })
          : Response.json({ access_token: 'token', token_type: 'DPoP' });
      },
    });
    onTestFinished(() => exchange.close());
    await exchange.for({ token: 'subject' }).getToken();
    expect(nonces).toEqual([undefined, 'n-1']);
  },
);

it('is reported with the same reason as it has for the caller', { tags: ['CLI-15'] }, async () => {
  const messages = listenTo<ClientMessage>(clientChannel);
  const { reason } = await refusedWith(['invalid_grant', undefined, 400]);
  expect(messages.filter(({ event }) => event === 'failed')).toMatchObject([
    { reason, error: 'invalid_grant' },
  ]);
  expect(reason).toBe('subject_refused');
});

describe('a refusal that repeats a secret', () => {
  const options = { actorToken: () => ACTOR_TOKEN };

  it('is judged by what the server said, and then not quoted', { tags: ['CLI-15', 'OPS-02'] }, async () => {
    const description = `the actor_token ${ACTOR_TOKEN} is expired`;
    const failure = await refusedWith(['invalid_request', description, 400], options);
    expect(failure).toMatchObject({ reason: 'refused', error: 'invalid_request', description: undefined });
    expect(toResourceServerError(failure)).toMatchObject({ status: 502 });
    expect(inspect(failure, { showHidden: true })).not.toContain(ACTOR_TOKEN);
  });

  it.each([
    ['a', 'invalid_grant', 'subject_refused'],
    ['one', 'login_required', 'delegation_refused'],
    ['consent_required', 'consent_required', 'delegation_refused'],
    ['server', 'server_error', 'server_error'],
    ['porarily', 'temporarily_unavailable', 'server_error'],
  ])('has its registered code, if the token is %s', { tags: ['CLI-15'] }, async (token, code, reason) => {
    expect(await refusedWith([code, undefined, 400], { random: () => 0 }, token)).toMatchObject({
      reason,
      error: code,
    });
  });

  it('has no code of the server’s own that repeats it', { tags: ['OPS-02'] }, async () => {
    const failure = await refusedWith([`x-${ACTOR_TOKEN}`, 'no', 400], options);
    expect(failure).toMatchObject({ reason: 'refused', error: undefined, description: 'no' });
  });
});
