import {
  createAuthorizationServer,
  paths,
} from '../../src/testing/authorization-server/authorization-server.js';
import type { Client } from '../../src/testing/authorization-server/clients.js';
import {
  createRouter,
  type Handler,
  type Route,
  type Routes,
  type ServedRequest,
} from '../../src/testing/authorization-server/http.js';
import { documentPaths, issuerDocument } from '../../src/testing/issuer-server.js';
import { startIssuerServers } from '../../src/testing/issuer-servers.js';
import type { KeyRing } from '../../src/testing/signing-key.js';
import { openKeyRing } from './keys-file.js';
import { type DevIssuerOptions, resolveDevIssuerOptions } from './options.js';
import { devRoutes, pageRoutes } from './page.js';

/**
 * How long a resource server may use fetched keys, in seconds. Short, so that you can watch it notice a
 * withdrawn key.
 */
const KEYS_MAX_AGE_SECONDS = 30;

/** A running development issuer. */
export interface DevIssuer {
  /** The issuer identifier, which is also the address of the page. Without a trailing slash. */
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly introspectionEndpoint: string;
  readonly jwksUri: string;
  /** Where clients with certificates get tokens, if that's another port (RFC 8705 §5). */
  readonly mtlsTokenEndpoint: string | undefined;
  readonly clients: readonly Client[];
  /** A new key signs from now on. The previous ones stay published only with `keepPrevious`. */
  rotateKeys(keepPrevious: boolean): Promise<void>;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** What isn't configuration. */
export interface DevIssuerSurroundings {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
  /**
   * Gets the faults of the development issuer itself, which clients see as status 500. Default: they're
   * dropped.
   */
  readonly onFault?: (error: unknown) => void;
  /** Is told each request and its outcome, without secrets and tokens. Default: nobody is. */
  readonly onRequest?: (request: ServedRequest) => void;
}

/**
 * Starts an authorization server for development on the loopback interface: discovery, keys, tokens by client
 * credentials, introspection, and a page to try all of it. It keeps the process alive until you close it.
 *
 * Security: anyone who can reach it gets tokens, so it listens on loopback addresses only.
 *
 * @throws {TypeError} a wrong option (the promise rejects)
 * @throws {FileError} the file with the keys can't be used
 * @throws {Error} the port is taken (`EADDRINUSE`)
 */
export async function startDevIssuer(
  options: DevIssuerOptions = {},
  { clock = Date.now, onFault = () => undefined, onRequest = () => undefined }: DevIssuerSurroundings = {},
): Promise<DevIssuer> {
  const settings = await resolveDevIssuerOptions(options);
  const { clients } = settings;
  const keys = await openKeyRing(settings);
  const rotateKeys = rotation(keys);
  const page = await pageRoutes();

  const server = await startIssuerServers((url, mtlsUrl) => {
    const authorizationServer = createAuthorizationServer({ ...settings, issuer: url, mtlsUrl, keys, clock });
    const { mint, metadata } = authorizationServer;
    const keyIds = () => keys.keys.map(({ kid }) => kid);
    const routes = new Map<string, Route>([
      ...page,
      ...documentRoutes(url, keys, metadata),
      ...authorizationServer.routes,
      ...devRoutes({ issuer: url, clients, mint, keyIds, rotateKeys }),
    ]);
    const log = { onFault, onRequest };
    const endpoints = new Map(authorizationServer.routes);
    return {
      main: createRouter({ routes, url, ...log }),
      mtls: (secondUrl) => createRouter({ routes: endpoints, url: secondUrl, ...log }),
    };
  }, settings);

  return {
    issuer: server.url,
    tokenEndpoint: `${server.url}${paths.token}`,
    introspectionEndpoint: `${server.url}${paths.introspection}`,
    jwksUri: `${server.url}${paths.jwks}`,
    mtlsTokenEndpoint: server.mtlsUrl === undefined ? undefined : `${server.mtlsUrl}${paths.token}`,
    clients,
    rotateKeys,
    close: server.close,
  };
}

function documentRoutes(url: string, keys: KeyRing, metadata: Readonly<Record<string, unknown>>): Routes {
  return documentPaths.map((path) => {
    const GET: Handler = () => {
      const facts = { url, algorithm: keys.current.algorithm, published: keys.published, metadata };
      const { mediaType, body } = issuerDocument(path, facts);
      const headers = { 'Content-Type': mediaType, 'Cache-Control': `max-age=${KEYS_MAX_AGE_SECONDS}` };
      return { status: 200, headers, body: JSON.stringify(body) };
    };
    return [path, { GET }];
  });
}

/** One rotation after the other, so that the file ends up with what the last one left. */
function rotation(keys: KeyRing): (keepPrevious: boolean) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (keepPrevious) => {
    const rotate = (): Promise<void> => keys.rotate(keepPrevious);
    last = last.then(rotate, rotate);
    return last;
  };
}
