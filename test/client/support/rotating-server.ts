import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type { Adapter, AdapterPayload, ClientMetadata, Configuration, ResourceServer } from 'oidc-provider';
import { onTestFinished, vi } from 'vitest';
import { INVENTORY, registered } from './authorization-server.js';
import { addJwtBearerGrant, type TrustedPlatform } from './jwt-bearer-grant.js';
import { close, listen } from './token-endpoint.js';

const RESOURCE_SERVER: ResourceServer = {
  audience: INVENTORY,
  scope: 'read:inventory',
  accessTokenFormat: 'opaque',
};

/** A real authorization server, oidc-provider on loopback, whose clients may change while it runs. */
export interface RotatingServer {
  readonly issuer: string;
  /** Requests to the token endpoint and the introspection endpoint that it has had. */
  readonly requests: number;
  /** The JWT bearer grant takes its assertions. */
  readonly platform: TrustedPlatform;
  /** What a client is registered with from now on. */
  register(clientId: string, metadata: Omit<ClientMetadata, 'client_id'>): void;
  /** Called for each of these requests before it's looked at. */
  onRequest: () => void;
}

/** Starts it for the test. Its access tokens are opaque. */
export async function startRotatingServer(): Promise<RotatingServer> {
  const clients = new Map<string, ClientMetadata>();
  const server = createServer();
  const issuer = await listen(server);
  onTestFinished(() => close(server));
  let requests = 0;
  const platform = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
  const rotating: RotatingServer = {
    platform,
    issuer,
    get requests() {
      return requests;
    },
    register: (clientId, metadata) => clients.set(clientId, registered(clientId, metadata)),
    onRequest: () => undefined,
  };
  server.on('request', ({ method }: IncomingMessage) => {
    if (method !== 'POST') return;
    requests += 1;
    rotating.onRequest();
  });
  // It warns of Node 20, where it works.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const { Provider } = await import('oidc-provider');
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const configuration: Configuration = {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    adapter: (name) => (name === 'Client' ? clientStore(clients) : memoryStore()),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256'] },
    scopes: ['read:inventory'],
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => RESOURCE_SERVER,
      },
    },
  };
  const provider = new Provider(issuer, configuration);
  await addJwtBearerGrant(provider, platform, INVENTORY, RESOURCE_SERVER);
  server.on('request', provider.callback());
  return rotating;
}

function clientStore(clients: ReadonlyMap<string, ClientMetadata>): Adapter {
  return { ...memoryStore(), find: async (id) => clients.get(id) as AdapterPayload | undefined };
}

function memoryStore(): Adapter {
  const stored = new Map<string, AdapterPayload>();
  return {
    upsert: async (id, payload) => void stored.set(id, payload),
    find: async (id) => stored.get(id),
    findByUserCode: async () => undefined,
    findByUid: async () => undefined,
    consume: async () => undefined,
    destroy: async (id) => void stored.delete(id),
    revokeByGrantId: async () => undefined,
  };
}
