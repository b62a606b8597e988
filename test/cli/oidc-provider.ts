import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { onTestFinished, vi } from 'vitest';

/**
 * Starts a real authorization server on loopback, until the test ends. Returns its issuer identifier.
 *
 * @param client who may get tokens by client credentials and introspect them; without one nobody may
 */
export async function startOidcProvider(client?: { id: string; secret: string }): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair('PS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(privateKey)), alg: 'PS256', use: 'sig', kid: 'oidc-1' }] };
  // It warns of this version of Node and of its storage in memory.
  const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  const { Provider } = await import('oidc-provider');
  const provider = new Provider(issuer, {
    jwks,
    clients:
      client === undefined
        ? []
        : [
            {
              client_id: client.id,
              client_secret: client.secret,
              id_token_signed_response_alg: 'PS256',
              grant_types: ['client_credentials'],
              response_types: [],
              redirect_uris: [],
            },
          ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: client !== undefined },
      introspection: { enabled: client !== undefined, allowedPolicy: () => true },
    },
  });
  warn.mockRestore();
  server.on('request', provider.callback());
  return issuer;
}
