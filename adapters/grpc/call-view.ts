import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { RequestView } from '../../src/index.js';

/** A call as a request: its metadata are HTTP/2 header fields, the full name of its method is the path. */
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
    // Older versions don't tell.
    clientCertificate: () => call.getAuthContext?.().sslPeerCertificate?.raw,
    header(name) {
      if (name === 'dpop') return []; // there are no proofs for calls: nobody says what they would be for
      // Nothing binary is a token, and nobody may have it count beside another one.
      const values = [...metadata.get(name), ...metadata.get(`${name}-bin`)];
      return values.map((value) => (typeof value === 'string' ? value : ''));
    },
  };
}
