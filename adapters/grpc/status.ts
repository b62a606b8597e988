import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Denied } from '../../src/index.js';

/** How gRPC defines its codes in terms of HTTP's (google/rpc/code.proto). */
const CODES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  502: status.INTERNAL,
  503: status.UNAVAILABLE,
};

/** The status of a refused call. Its metadata has the challenge, or says when to try again. */
export function toStatus({ error, answer }: Pick<Denied, 'error'> & Partial<Denied>): StatusObject {
  const metadata = new Metadata();
  const { 'WWW-Authenticate': challenges = [], 'Retry-After': seconds } = answer?.headers ?? {};
  for (const challenge of [challenges].flat())
    if (challenge.startsWith('Bearer ')) metadata.add('www-authenticate', challenge); // calls have no proofs
  // What clients with a retry policy read.
  if (seconds !== undefined) metadata.set('grpc-retry-pushback-ms', String(Number(seconds) * 1000));
  return { code: CODES[error.status] ?? status.UNKNOWN, details: error.message, metadata };
}
