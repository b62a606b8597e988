import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { RequestView } from '../../src/index.js';

/** A call as a request: its metadata is HTTP/2 header fields, its method's full name is the path. */
export function callView(
  route: string,
  call: ServerInterceptingCallInterface,
  metadata: Metadata,
): RequestView {
  return {
    method: 'POST',
    route,
    url: `https://localhost${route}`, // no proof is compared with it
    remoteAddress: call.getPeer().replace(/:\d+$/, ''),
    // Older versions don't have it.
    clientCertificate: () => call.getAuthContext?.().sslPeerCertificate?.raw,
    header(name) {
      if (name === 'dpop') return []; // no standard defines DPoP proofs for calls
      // A token is never binary, and a binary one mustn't count next to another.
      const values = [...metadata.get(name), ...metadata.get(`${name}-bin`)];
      return values.map((value) => (typeof value === 'string' ? value : ''));
    },
  };
}
