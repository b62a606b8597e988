import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { status } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { Forgery } from '../../src/testing/index.js';

/** How a call ended, and what came with it. */
interface GrpcOutcome {
  readonly code: number;
  readonly details: string;
  /** Of the trailing metadata. */
  readonly challenge: string | readonly string[] | undefined;
  readonly pushback: string | undefined;
  /** The serialized message; empty if none came. */
  readonly message: Buffer;
}

/** A call without a client library, which would refuse to send what a forger sends. */
export type GrpcCall = (
  path: string,
  metadata: Readonly<Record<string, string>>,
  message?: Buffer,
) => Promise<GrpcOutcome>;

/** Calls unary methods of a server, over one connection that ends with the test. */
export function grpcCaller(port: number): GrpcCall {
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  return (path, metadata, message = Buffer.alloc(0)) => call(session, path, metadata, message);
}

function call(
  session: ClientHttp2Session,
  path: string,
  metadata: Readonly<Record<string, string>>,
  message: Buffer,
): Promise<GrpcOutcome> {
  return new Promise((resolve, reject) => {
    const stream = requestCall(session, path, metadata);
    const fields: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (headers) => Object.assign(fields, headers));
    stream.on('trailers', (headers) => Object.assign(fields, headers));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () =>
      resolve({
        code: Number(fields['grpc-status']),
        details: decodeURI(String(fields['grpc-message'])),
        challenge: fields['www-authenticate'],
        pushback: fields['grpc-retry-pushback-ms']?.toString(),
        message: Buffer.concat(chunks).subarray(5),
      }),
    );
    stream.end(frame(message));
  });
}

/** A call that has sent no message yet. */
export function requestCall(
  session: ClientHttp2Session,
  path: string,
  metadata: Readonly<Record<string, string>>,
): ClientHttp2Stream {
  const lowerCase = Object.fromEntries(Object.entries(metadata).map(([name, v]) => [name.toLowerCase(), v]));
  return session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...lowerCase,
  });
}

/** A message on the wire. */
export function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5); // not compressed, and how long it is
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const CODES = { 400: status.INVALID_ARGUMENT, 401: status.UNAUTHENTICATED, 403: status.PERMISSION_DENIED };

/** The code that refuses a forgery. */
export function codeFor({ headers, status: httpStatus }: Forgery): status {
  // HTTP/2 and gRPC drop other values, so there are no credentials.
  const arrives = /^([!-~]([ -~]*[!-~])?)?$/.test(headers.Authorization ?? '');
  return arrives ? CODES[httpStatus] : status.UNAUTHENTICATED;
}
