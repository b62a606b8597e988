import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { InsufficientScopeError, type ResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { type Checks, checkObject } from '../../src/lib/check.js';
import { type Line, recheckSecondsOption, TokenLifetime } from '../kit/connection.js';
import { type ConnectionOptions, Gate, warnOfBug } from '../kit/index.js';
import { callView } from './call-view.js';
import { type Methods, readMethods } from './methods.js';
import { toStatus } from './status.js';

/** The interceptor's own options, besides those of the resource server. */
export type GrpcOptions = Pick<ConnectionOptions, 'recheckSeconds'>;

const CHECKS = { recheckSeconds: recheckSecondsOption } satisfies Checks<GrpcOptions>;

/**
 * A server interceptor that protects your methods: only calls with a valid access token reach their handler.
 * Put it first, so that nothing runs for refused calls. There are no anonymous calls: even with
 * `optional: true`, those without a token are refused.
 *
 * The token comes in the metadata `authorization`: `Bearer eyJ…`. Refused calls end with `UNAUTHENTICATED`,
 * `PERMISSION_DENIED`, `INVALID_ARGUMENT` for malformed credentials, or `UNAVAILABLE` during an outage of the
 * issuer. Their trailing metadata has the challenge as `www-authenticate`.
 *
 * Streams end with `UNAUTHENTICATED` when their token expires or is revoked.
 *
 * @param options of a resource server, or a ready one to share
 * @param methods who may call what; methods that aren't listed are refused
 * @throws {TypeError} at once: an option or a method is wrong
 * @example
 * ```ts
 * import { Server } from '@grpc/grpc-js';
 * import { authenticate, requireScope } from 'oauth-resource-server/grpc';
 *
 * export const server = new Server({
 *   interceptors: [
 *     authenticate(options, {
 *       '/inventory.Inventory/GetStock': requireScope('read:inventory'),
 *       '/grpc.health.v1.Health/*': 'public',
 *     }),
 *   ],
 * });
 * ```
 */
export function authenticate(
  options: ResourceServerOptions | ResourceServer,
  methods: Methods,
  grpcOptions: GrpcOptions = {},
): ServerInterceptor {
  const gate = new Gate(options);
  const accessTo = readMethods(methods);
  const { recheckSeconds } = checkObject(grpcOptions, '', CHECKS);
  return ({ path, requestStream, responseStream }, call) => {
    const requirements = accessTo(path);
    if (requirements === 'public') return new ServerInterceptingCall(call);
    const over = new AbortController();
    const line: Line = {
      isOpen: () => !over.signal.aborted,
      onClose: (listener) => over.signal.addEventListener('abort', listener),
      end(error) {
        const refusal = toStatus({ error });
        call.sendStatus(refusal);
        // A client that doesn't read keeps the first one waiting behind earlier messages. The second one ends
        // the call for the server: nothing more is received, and the handler is told.
        call.sendStatus(refusal);
      },
    };
    const admit = async (metadata: Metadata, pass: (metadata: Metadata) => void): Promise<void> => {
      const arrival = { message: metadata, view: callView(path, call, metadata) };
      const decision = await gate.enter(arrival, requirements ?? []);
      if (decision.kind !== 'allowed') return call.sendStatus(toStatus(decision));
      if (requirements === undefined)
        return call.sendStatus(toStatus(gate.deny(arrival, new InsufficientScopeError('claims_not_met'))));
      if (requestStream || responseStream)
        new TokenLifetime(gate, arrival, line, { requirements, recheckSeconds });
      pass(metadata);
    };
    const fail = (bug: unknown) => call.sendStatus({ code: status.INTERNAL, details: warnOfBug(bug) });
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => void admit(metadata, pass).catch(fail),
          onCancel: () => over.abort(), // of every call, however it ended
        }),
    });
  };
}
