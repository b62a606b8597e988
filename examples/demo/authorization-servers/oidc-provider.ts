import { createServer, type RequestListener } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { ClientMetadata, Configuration, ResourceServer } from 'oidc-provider';
import { closeServer, listen } from '../http-server.js';
import {
  APIS,
  type AuthorizationServer,
  CLIENTS,
  type Client,
  TOKEN_LIFETIME_SECONDS,
} from './authorization-server.js';
import { addActor, addTokenExchange } from './token-exchange.js';

/**
 * `oidc-provider`, in this process. What ends with {@link AuthorizationServer.kill} is its server and every
 * connection.
 */
export async function startOidcProvider(): Promise<AuthorizationServer> {
  const server = createServer();
  const issuer = await listen(server);
  server.on('request', await createProvider(issuer));

  return {
    name: 'oidc-provider',
    issuer,
    async start({ newKey = false } = {}) {
      if (newKey) {
        const provider = await createProvider(issuer);
        server.removeAllListeners('request').on('request', provider);
      }
      await listen(server, Number(new URL(issuer).port));
    },
    kill: () => closeServer(server),
    close: () => closeServer(server),
  };
}

/** A provider with a new signing key. */
async function createProvider(issuer: string): Promise<RequestListener> {
  const key = await createSigningKey();
  return withoutWarnings(async () => {
    const { errors, Provider } = await import('oidc-provider');
    const configuration: Configuration = {
      jwks: { keys: [key] },
      clients: CLIENTS.map(describeClient),
      scopes: [...new Set([...APIS.values()].flat())],
      extraTokenClaims: addActor,
      ttl: { ClientCredentials: TOKEN_LIFETIME_SECONDS },
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context, resource, { clientId }) => {
            const isFor = CLIENTS.some((client) => client.clientId === clientId && client.api === resource);
            if (!isFor) throw new errors.InvalidTarget();
            return describeApi(resource);
          },
        },
      },
    };
    const provider = new Provider(issuer, configuration);
    await addTokenExchange(provider, key, describeApi);
    return provider.callback();
  });
}

function describeClient({ clientId, clientSecret, scopes, grantTypes }: Client): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    scope: scopes.join(' '),
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [...grantTypes],
    response_types: [],
    redirect_uris: [],
  };
}

function describeApi(audience: string): ResourceServer {
  return { audience, scope: (APIS.get(audience) ?? []).join(' '), accessTokenFormat: 'jwt' };
}

export async function createSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' };
}

/**
 * oidc-provider warns of Node 20, where it works but is not supported, and of its in-memory storage, which is
 * what a demo wants. Neither belongs in the demo's output.
 */
export async function withoutWarnings<T>(action: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await action();
  } finally {
    console.warn = warn;
  }
}
