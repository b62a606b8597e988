import { createServer, type RequestListener } from 'node:http';
import type { Configuration, ResourceServer } from 'oidc-provider';
import { createSigningKey, withoutWarnings } from '../demo/authorization-servers/oidc-provider.js';
import { closeServer, listen } from '../demo/http-server.js';

/** APIs that access tokens are issued for, by resource indicator (RFC 8707). */
export type Apis = ReadonlyMap<string, ResourceServer>;

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A real authorization server on loopback. */
export interface AuthorizationServer {
  readonly issuer: string;
  stop(): Promise<void>;
}

/** Starts `oidc-provider` with one client, which may use the client-credentials grant (RFC 6749 §4.4). */
export async function startAuthorizationServer(
  client: ClientCredentials,
  apis: Apis,
): Promise<AuthorizationServer> {
  const server = createServer();
  const issuer = await listen(server);
  server.on('request', await createProvider(issuer, client, apis));

  return {
    issuer,
    stop: () => closeServer(server),
  };
}

async function createProvider(
  issuer: string,
  client: ClientCredentials,
  apis: Apis,
): Promise<RequestListener> {
  const jwks = { keys: [await createSigningKey()] };
  return withoutWarnings(async () => {
    const { errors, Provider } = await import('oidc-provider');
    const configuration: Configuration = {
      jwks,
      clients: [
        {
          client_id: client.clientId,
          client_secret: client.clientSecret,
          token_endpoint_auth_method: 'client_secret_basic',
          grant_types: ['client_credentials'],
          response_types: [],
          redirect_uris: [],
        },
      ],
      scopes: [...new Set([...apis.values()].flatMap(({ scope }) => scope.split(' ')))],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context, resource) => {
            const api = apis.get(resource);
            if (api === undefined) throw new errors.InvalidTarget();
            return api;
          },
        },
      },
    };
    return new Provider(issuer, configuration).callback();
  });
}

export function describeApi(audience: string, scope: string): ResourceServer {
  return { audience, scope, accessTokenFormat: 'jwt' };
}
