import { createPublicKey } from 'node:crypto';
import { type JWK, type JWTPayload, jwtVerify } from 'jose';
import type { Configuration, Provider, ResourceServer, TokenEndpointGrantContext } from 'oidc-provider';
import { CLIENTS, INVENTORY, TOKEN_EXCHANGE } from './authorization-server.js';

type Context = TokenEndpointGrantContext<Record<string, string>>;

const PARAMETERS = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'];

/** Nobody logs in here: what oidc-provider calls an access token is an exchanged one, and the client acts. */
export const addActor: Configuration['extraTokenClaims'] = ({ oidc: { client } }, { kind }) =>
  kind === 'AccessToken' && client !== undefined
    ? { act: { sub: client.clientId, client_id: client.clientId } }
    : undefined;

/**
 * Adds the grant for token exchange (RFC 8693), which oidc-provider leaves to its users. A client gets a
 * token for its API that's about the subject of its caller's token, ends with it, and has scopes that both
 * have.
 *
 * @param key what the provider signs with
 * @param describeApi as oidc-provider knows it
 */
export async function addTokenExchange(
  provider: Provider,
  key: JWK,
  describeApi: (audience: string) => ResourceServer,
): Promise<void> {
  const { errors } = await import('oidc-provider');
  const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
  const read = async (ctx: Context, name: string, audience: string): Promise<JWTPayload> => {
    try {
      const token = ctx.oidc.params[name] ?? '';
      return (await jwtVerify(token, publicKey, { issuer: provider.issuer, audience })).payload;
    } catch {
      throw new errors.InvalidRequest(`${name} is not valid`); // not invalid_grant: RFC 8693 §2.2.2
    }
  };

  const exchange = async (ctx: Context): Promise<void> => {
    const { client, params } = ctx.oidc;
    const own = CLIENTS.find(({ clientId }) => clientId === client.clientId);
    if (own === undefined || params.resource !== own.api)
      throw new errors.InvalidTarget('not for this client');
    const subject = await read(ctx, 'subject_token', INVENTORY);
    const actor = await read(ctx, 'actor_token', own.api);
    if (actor.sub !== own.clientId) throw new errors.InvalidRequest('actor_token is about somebody else');
    const granted = `${subject.scope}`.split(' ').filter((scope) => own.scopes.includes(scope));
    const scopes = (params.scope ?? '').split(' ');
    if (!scopes.every((scope) => granted.includes(scope)))
      throw new errors.InvalidScope('more than both may have', params.scope ?? '');

    const api = new provider.ResourceServer(own.api, describeApi(own.api));
    const token = new provider.AccessToken({
      accountId: subject.sub ?? '',
      client,
      grantId: 'exchanged',
      gty: 'token_exchange',
      scope: scopes.join(' '),
      resourceServer: api,
      expiresIn: (subject.exp ?? 0) - Math.floor(Date.now() / 1000),
    });
    token.resourceServer = api;
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: token.scope,
    };
  };
  provider.registerGrantType(TOKEN_EXCHANGE, exchange, ['audience', 'resource', 'scope', ...PARAMETERS]);
}
