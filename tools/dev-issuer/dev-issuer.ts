import { randomBytes } from 'node:crypto';
import { type DocumentPath, documentPaths, issuerDocument } from '../../src/testing/issuer-documents.js';
import { createKeyRing, type KeyRing } from '../../src/testing/key-ring.js';
import { type LoopbackServer, startLoopbackServer } from '../../src/testing/loopback-server.js';
import { createClientAuthenticator } from './client-authentication.js';
import { devRoutes } from './dev-endpoints.js';
import type { Handler } from './http.js';
import { createKeysFile, KeysFileError, readKeysFile, replaceKeysFile } from './keys-file.js';
import { devIssuerMetadata, endpointsOf } from './metadata.js';
import { introspectionEndpoint, tokenEndpoint } from './oauth-endpoints.js';
import {
  DEFAULT_ALGORITHM,
  type DevClient,
  type DevIssuerOptions,
  type DevIssuerSettings,
  resolveDevIssuerOptions,
} from './options.js';
import { pageRoutes } from './page-files.js';
import { createRouter, type Route } from './router.js';
import { createTokenMint } from './token-mint.js';

/** How long a resource server may use fetched keys, in seconds: a withdrawn key is to be noticed while somebody watches. */
const KEYS_MAX_AGE_SECONDS = 30;

/** A running development issuer. */
export interface DevIssuer {
  /** The issuer identifier, which is also the address of the page. Without a trailing slash. */
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly introspectionEndpoint: string;
  readonly jwksUri: string;
  readonly clients: readonly DevClient[];
  /** A new key signs from now on; the previous ones stay published only if they are to be kept. */
  rotateKeys(keepPrevious: boolean): Promise<void>;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** What is not configuration. */
export interface DevIssuerSurroundings {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
  /** Told of faults of the development issuer itself, which clients see as status 500. Default: nobody is. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * Starts an authorization server for development on the loopback interface: discovery, keys, tokens by client credentials, introspection,
 * and a page to try all of it. It keeps the process alive until it is closed.
 *
 * Security: whoever reaches it gets tokens, so it listens on loopback addresses only.
 *
 * @throws {TypeError} a wrong option (the promise rejects)
 * @throws {KeysFileError} the file with the keys cannot be used
 * @throws {Error} the port is taken (`EADDRINUSE`)
 */
export async function startDevIssuer(
  options: DevIssuerOptions = {},
  { clock = Date.now, onFault = () => undefined }: DevIssuerSurroundings = {},
): Promise<DevIssuer> {
  const settings = resolveDevIssuerOptions(options);
  const { clients } = settings;
  const keys = await openKeyRing(settings);
  const rotateKeys = rotation(keys, settings.keys);
  const page = await pageRoutes();

  const server: LoopbackServer = await startLoopbackServer((url) => {
    const routes = new Map<string, Route>([
      ...page,
      ...documentRoutes(url, keys, clients),
      ...oauthRoutes(url, keys, settings, clock),
      ...devRoutes({
        issuer: url,
        clients,
        mint: createTokenMint({ issuer: url, keys, lifetimeSeconds: settings.lifetimeSeconds, clock }),
        keyIds: () => keys.keys.map(({ kid }) => kid),
        rotateKeys,
      }),
    ]);
    return createRouter({ routes, url, onFault });
  }, settings);

  const endpoints = endpointsOf(server.url);
  return {
    issuer: server.url,
    tokenEndpoint: endpoints.token,
    introspectionEndpoint: endpoints.introspection,
    jwksUri: endpoints.jwks,
    clients,
    rotateKeys,
    close: server.close,
  };
}

type Routes = readonly (readonly [path: string, route: Route])[];

function documentRoutes(url: string, keys: KeyRing, clients: readonly DevClient[]): Routes {
  const metadata = devIssuerMetadata(url, clients);
  const serve = (path: DocumentPath): Handler => {
    return () => {
      const facts = { url, algorithm: keys.current.algorithm, published: keys.published, metadata };
      const { mediaType, body } = issuerDocument(path, facts);
      const headers = { 'Content-Type': mediaType, 'Cache-Control': `max-age=${KEYS_MAX_AGE_SECONDS}` };
      return { status: 200, headers, body: JSON.stringify(body) };
    };
  };
  return documentPaths.map((path) => [path, { GET: serve(path) }]);
}

function oauthRoutes(
  url: string,
  keys: KeyRing,
  { clients, lifetimeSeconds }: DevIssuerSettings,
  clock: () => number,
): Routes {
  const { token, introspection } = endpointsOf(url);
  const authenticator = createClientAuthenticator({ clients, audiences: [url, token], clock });
  const mint = createTokenMint({ issuer: url, keys, lifetimeSeconds, clock });
  const audience = [...new Set(clients.flatMap((client) => client.audience))];
  const pathOf = (endpoint: string): string => new URL(endpoint).pathname;
  return [
    [pathOf(token), { POST: tokenEndpoint(authenticator, mint) }],
    [
      pathOf(introspection),
      { POST: introspectionEndpoint(authenticator, { issuer: url, keys, audience, clock }) },
    ],
  ];
}

/**
 * The stored keys, or a new one. Key ids are never used twice: a resource server that runs on while the issuer starts anew must
 * see by the id that the key is another.
 */
async function openKeyRing({ keys: file, algorithm }: DevIssuerSettings): Promise<KeyRing> {
  const nextKeyId = (): string => `dev-${randomBytes(6).toString('hex')}`;
  const newRing = (): Promise<KeyRing> => createKeyRing(algorithm ?? DEFAULT_ALGORITHM, { nextKeyId });
  if (file === undefined) return newRing();
  let stored = await readKeysFile(file);
  if (stored === undefined) {
    const ring = await newRing();
    if (await createKeysFile(file, ring.keys)) return ring;
    stored = await readKeysFile(file); // another process was first
  }
  if (stored === undefined) throw new KeysFileError(`${file} comes and goes`);
  const kept = stored[0].algorithm;
  if (algorithm !== undefined && algorithm !== kept)
    throw new KeysFileError(`${file} has keys for ${kept}, and the algorithm is to be ${algorithm}`);
  return createKeyRing(kept, { keys: stored, nextKeyId });
}

/** One rotation after the other, so that the file holds what the last one left. */
function rotation(keys: KeyRing, file: string | undefined): (keepPrevious: boolean) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (keepPrevious) => {
    const rotate = async (): Promise<void> => {
      await keys.rotate(keepPrevious);
      if (file !== undefined) await replaceKeysFile(file, keys.keys);
    };
    last = last.then(rotate, rotate);
    return last;
  };
}
