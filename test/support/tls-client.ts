import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { SecureVersion, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../src/testing/index.js';

/** A request over TLS, and what the client brings to the handshake. */
export interface TlsRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** What the client authenticates itself with, if anything. */
  readonly certificate?: Pick<ClientCertificate, 'certificate' | 'privateKey'> | undefined;
  /** Of an earlier connection, to be resumed. */
  readonly session?: Buffer | undefined;
  readonly version?: SecureVersion;
  /** A Unix socket, in place of the host of the URL. */
  readonly socketPath?: string;
}

export interface TlsResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** To resume later. */
  readonly session: Buffer | undefined;
  readonly wasResumed: boolean;
}

/** Sends one request over a TLS connection of its own. The certificate of the server may be any. */
export async function sendOverTls(url: string, sent: TlsRequest = {}): Promise<TlsResponse> {
  const {
    path = '/stock/42',
    method = 'GET',
    headers = {},
    body,
    certificate,
    session,
    version,
    socketPath,
  } = sent;
  return new Promise((resolve, reject) => {
    let latest: Buffer | undefined;
    const outgoing = request(
      `${url}${path}`,
      {
        method,
        headers: { ...headers, Connection: 'close' },
        agent: false,
        rejectUnauthorized: false,
        ...(certificate && { cert: certificate.certificate, key: certificate.privateKey }),
        ...(session && { session }),
        ...(version && { minVersion: version, maxVersion: version }),
        ...(socketPath && { socketPath }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
            session: latest,
            wasResumed: (response.socket as TLSSocket).isSessionReused(), // an https response has no other socket
          });
        });
      },
    );
    outgoing.on('socket', (socket) => {
      socket.on('session', (ticket: Buffer) => {
        latest = ticket;
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
