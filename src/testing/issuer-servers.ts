import type { RequestListener } from 'node:http';
import {
  type LoopbackServer,
  type LoopbackServerOptions,
  startLoopbackServer,
  type TlsSettings,
} from './loopback-server.js';

export interface IssuerServersOptions extends LoopbackServerOptions {
  /** With `mtlsPort` a second server has it, and the first one serves http. */
  readonly tls?: (TlsSettings & { readonly mtlsPort?: number | undefined }) | undefined;
}

/** The servers of an issuer: one, or two if clients with certificates have their own. */
export interface IssuerServers extends LoopbackServer {
  /** Where clients present certificates, if that's not at `url`. */
  readonly mtlsUrl: string | undefined;
}

/** Makes what answers requests to one of an issuer's servers. */
export type ListenerMaker = (issuer: string, mtlsUrl: string | undefined) => IssuerListeners;

interface IssuerListeners {
  readonly main: RequestListener;
  /** For clients with certificates (RFC 8705 §5). */
  readonly mtls: (url: string) => RequestListener;
}

/**
 * Starts the servers of an issuer on the loopback interface.
 *
 * @throws {Error} see {@link startLoopbackServer}
 */
export async function startIssuerServers(
  createListeners: ListenerMaker,
  { tls, ...where }: IssuerServersOptions,
): Promise<IssuerServers> {
  if (tls?.mtlsPort === undefined) {
    const server = await startLoopbackServer((url) => createListeners(url, undefined).main, {
      ...where,
      tls,
    });
    return { ...server, mtlsUrl: undefined };
  }
  // The documents of the first one name the second one, which has to know its port by then.
  let listener: RequestListener = (_request, response) => response.writeHead(503).end();
  const mtls = await startLoopbackServer(() => (request, response) => listener(request, response), {
    ...where,
    port: tls.mtlsPort,
    tls,
  });
  try {
    const main = await startLoopbackServer((url) => {
      const listeners = createListeners(url, mtls.url);
      listener = listeners.mtls(mtls.url);
      return listeners.main;
    }, where);
    const close = async (): Promise<void> => {
      await Promise.all([main.close(), mtls.close()]);
    };
    return { url: main.url, mtlsUrl: mtls.url, close };
  } catch (error) {
    await mtls.close();
    throw error;
  }
}
