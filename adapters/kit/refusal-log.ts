import type { Auth, Denied, RequestView } from '../../src/index.js';

/** The part of a framework's logger that refusals need; pino's fits. */
export interface RefusalLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/**
 * Logs a refusal with the framework's logger for the request, at the levels of `logRefusals`. Of the token it
 * logs only the issuer and the client, once they're verified.
 */
export function logRefusal(
  { error, answer }: Denied,
  { view, log }: { readonly view: RequestView; readonly log?: RefusalLog | undefined },
  auth?: Auth,
): void {
  if (log === undefined) return;
  const { reason, hint } = error;
  const { status } = answer;
  const { method, route } = view;
  const { issuer, clientId } = auth ?? {};
  const fields = { method, route, status, reason, hint, issuer, clientId };
  log[status >= 500 ? 'warn' : 'info'](fields, 'request refused');
}
