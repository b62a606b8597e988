import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { ClientMetadata, Configuration, ResourceServer } from 'oidc-provider';
import { addJwtBearerGrant, type TrustedPlatform } from './jwt-bearer-grant.js';
import { close, listen } from './token-endpoint.js';

export const INVENTORY = 'https://inventory.example.com';
export const LIFETIME_SECONDS = 600;
const RESOURCE_SERVER: ResourceServer = {
  audience: INVENTORY,
  scope: 'read:inventory',
  accessTokenFormat: 'jwt',
  accessTokenTTL: LIFETIME_SECONDS,
};

/**
 * A real authorization server, oidc-provider on loopback. Address and keys survive a stop and a new start.
 */
export interface RealAuthorizationServer {
  readonly issuer: string;
  /** How many requests the token endpoint has had. */
  readonly tokenRequests: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts it with these clients, which may use the client-credentials grant for the inventory API and its
 * scope `read:inventory`.
 *
 * @param platform whose assertions the JWT bearer grant takes; without, there's no such grant
 * @param wantsNonce whether proofs of possession need a nonce of this server
 */
export async function startRealAuthorizationServer(
  clients: readonly ClientMetadata[],
  wantsNonce = false,
  platform?: TrustedPlatform,
): Promise<RealAuthorizationServer> {
  const server: Server = createServer();
  const issuer = await listen(server);
  let tokenRequests = 0;
  server.on('request', ({ url, method }: IncomingMessage) => {
    if (url === '/token' && method === 'POST') tokenRequests += 1;
  });
  server.on('request', await createProvider(issuer, clients, wantsNonce, platform));
  return {
    issuer,
    get tokenRequests() {
      return tokenRequests;
    },
    start: async () => {
      await listen(server, Number(new URL(issuer).port));
    },
    stop: () => close(server),
  };
}

/** A client as oidc-provider wants it described. */
export function registered(clientId: string, metadata: Omit<ClientMetadata, 'client_id'>): ClientMetadata {
  return {
    client_id: clientId,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    ...metadata,
  };
}

async function createProvider(
  issuer: string,
  clients: readonly ClientMetadata[],
  wantsNonce: boolean,
  platform: TrustedPlatform | undefined,
): Promise<RequestListener> {
  const jwks = { keys: [await signingKey()] };
  return withoutWarnings(async () => {
    const { Provider } = await import('oidc-provider');
    const configuration: Configuration = {
      jwks,
      clients: [...clients],
      clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
      enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA', 'Ed25519'] },
      scopes: ['read:inventory', 'write:inventory'],
      ttl: { ClientCredentials: LIFETIME_SECONDS },
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => wantsNonce },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => RESOURCE_SERVER,
        },
      },
    };
    const provider = new Provider(issuer, configuration);
    if (platform !== undefined) await addJwtBearerGrant(provider, platform, INVENTORY, RESOURCE_SERVER);
    return provider.callback();
  });
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' };
}

/** oidc-provider warns of Node 20, where it works but is not supported, and of its in-memory storage. */
export async function withoutWarnings<T>(action: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return await action();
  } finally {
    console.warn = warn;
  }
}
