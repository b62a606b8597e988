import { debuglog } from 'node:util';
import type { Auth, Denied, RequestView } from '../../src/index.js';

/** The logger of a framework, as far as refusals need it; pino's is one. */
export interface RefusalLog {
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

const MESSAGE = 'request refused';
const debug = debuglog('oauth-resource-server');

/**
 * Logs a refusal, with nothing of the token but who issued it and to which client, once that's verified:
 * shown with `NODE_DEBUG=oauth-resource-server`, and by the framework's logger if the request has one, as
 * `warn` if the answer is 503, which is for operators, otherwise as `debug`.
 */
export function logRefusal(
  { error, answer }: Denied,
  { view, log }: { readonly view: RequestView; readonly log?: RefusalLog | undefined },
  auth?: Auth,
): void {
  if (log === undefined && !debug.enabled) return;
  const { reason, hint } = error;
  const { status } = answer;
  const { issuer, clientId } = auth ?? {};
  const fields = { method: view.method, status, reason, hint, issuer, clientId };
  log?.[status === 503 ? 'warn' : 'debug'](fields, MESSAGE);
  if (debug.enabled) debug(`${MESSAGE} %j`, fields);
}
