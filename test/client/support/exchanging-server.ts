import { createServer, type IncomingMessage } from 'node:http';
import {
  calculateJwkThumbprint,
  EmbeddedJWK,
  exportJWK,
  generateKeyPair,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import type { Provider, ResourceServer, TokenEndpointGrantContext } from 'oidc-provider';
import { INVENTORY, LIFETIME_SECONDS, registered, withoutWarnings } from './authorization-server.js';
import { close, listen } from './token-endpoint.js';

export const WAREHOUSE = 'https://warehouse.example.com';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const SCOPE = 'read:warehouse';

/** A real authorization server, oidc-provider on loopback, with a grant for token exchange (RFC 8693). */
export interface ExchangingServer {
  readonly issuer: string;
  /** How many requests the token endpoint has had. */
  readonly tokenRequests: number;
  /** A token for the inventory API, as a user's application has it. */
  tokenFor(subject: string, lifetimeSeconds?: number): Promise<string>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it. `inventory-service` may exchange tokens of its callers for those of the warehouse. */
export async function startExchangingServer(): Promise<ExchangingServer> {
  const server = createServer();
  const issuer = await listen(server);
  let tokenRequests = 0;
  server.on('request', ({ url, method }: IncomingMessage) => {
    if (url === '/token' && method === 'POST') tokenRequests += 1;
  });
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const { Provider, errors } = await import('oidc-provider');
  const info: ResourceServer = { scope: SCOPE, accessTokenFormat: 'jwt', accessTokenTTL: LIFETIME_SECONDS };
  const provider = await withoutWarnings(
    async () =>
      new Provider(issuer, {
        jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
        clients: [
          registered('inventory-service', {
            client_secret: 'a-secret',
            grant_types: [EXCHANGE, 'client_credentials'],
          }),
        ],
        scopes: [SCOPE],
        extraTokenClaims: ({ oidc }, { kind }) =>
          kind === 'AccessToken' && oidc.client !== undefined
            ? { act: { sub: oidc.client.clientId, client_id: oidc.client.clientId } }
            : undefined,
        features: {
          clientCredentials: { enabled: true },
          devInteractions: { enabled: false },
          dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => false },
          resourceIndicators: { enabled: true, getResourceServerInfo: () => info },
        },
      }),
  );

  const readSubject = async (token: string): Promise<JWTPayload> => {
    try {
      return (await jwtVerify(token, publicKey, { issuer, audience: INVENTORY })).payload;
    } catch {
      throw new errors.InvalidRequest('subject_token is invalid');
    }
  };
  const exchange = async (ctx: TokenEndpointGrantContext<Record<string, string>>): Promise<void> => {
    const { client, params } = ctx.oidc;
    const { sub: accountId = '' } = await readSubject(params.subject_token ?? '');
    if (accountId === 'mallory') throw new errors.AccessDenied('not on behalf of this one');
    if (params.resource !== WAREHOUSE) throw new errors.InvalidTarget('nothing here has this name');
    if (params.scope !== SCOPE) throw new errors.InvalidScope('not for this client', params.scope ?? '');
    const resourceServer = new provider.ResourceServer(WAREHOUSE, info);
    const grant = { accountId, client, scope: SCOPE, grantId: 'exchanged', gty: 'token_exchange' };
    const token = new provider.AccessToken({ ...grant, resourceServer });
    token.resourceServer = resourceServer;
    const thumbprint = await readProof(ctx.get('DPoP'), `${issuer}/token`);
    if (thumbprint !== undefined) token.setThumbprint('jkt', thumbprint);
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: ACCESS_TOKEN,
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: SCOPE,
    };
  };
  register(provider, exchange);
  server.on('request', provider.callback());

  return {
    issuer,
    get tokenRequests() {
      return tokenRequests;
    },
    tokenFor: (subject, lifetimeSeconds = LIFETIME_SECONDS) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ scope: 'read:inventory', client_id: 'shop' })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(INVENTORY)
        .setSubject(subject)
        .setJti(crypto.randomUUID())
        .setIssuedAt(now)
        .setExpirationTime(now + lifetimeSeconds)
        .sign(privateKey);
    },
    start: async () => {
      await listen(server, Number(new URL(issuer).port));
    },
    stop: () => close(server),
  };
}

function register(
  provider: Provider,
  exchange: (ctx: TokenEndpointGrantContext<Record<string, string>>) => Promise<void>,
): void {
  const tokens = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'];
  const parameters = ['audience', 'resource', 'scope', 'requested_token_type', ...tokens];
  provider.registerGrantType(EXCHANGE, exchange, parameters, ['audience', 'resource']);
}

/** The thumbprint of the key, if there's a proof: oidc-provider leaves that to grants of one's own. */
async function readProof(proof: string, url: string): Promise<string | undefined> {
  if (proof === '') return undefined;
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt' });
  if (payload.htu !== url || protectedHeader.jwk === undefined) throw new Error('a proof for something else');
  return calculateJwkThumbprint(protectedHeader.jwk);
}
