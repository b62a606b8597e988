import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ClientCertificate, createClientCertificate } from '../../src/testing/index.js';

/** The certificate of every server here; clients have to be told of it. */
export const ofServer: ClientCertificate = await createClientCertificate({ commonName: 'localhost' });

/** An https server on loopback. */
export interface TlsServer {
  readonly origin: string;
  readonly server: Server;
  close(): void;
}

/** Starts a server that asks for a certificate and takes any. */
export async function startTlsServer(
  listener: RequestListener,
  options: { readonly ca?: readonly ClientCertificate[]; readonly requestCert?: boolean } = {},
): Promise<TlsServer> {
  const { ca = [], requestCert = true } = options;
  const { privateKey: key, certificate: cert } = ofServer;
  const tls = {
    key,
    cert,
    ca: ca.map(({ certificate }) => certificate),
    requestCert,
    rejectUnauthorized: false,
  };
  const server = createServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { origin: `https://localhost:${port}`, server, close };
}

/** A certificate as the option `certificate` takes it. */
export function pemOf({ certificate: cert, privateKey: key }: ClientCertificate) {
  return { cert, key, ca: ofServer.certificate };
}
