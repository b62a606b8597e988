import type { Auth, Denied, RequestView } from '../../src/index.js';

/** The logger of a framework, as far as refusals need it; pino's is one. */
export interface RefusalLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/**
 * Logs a refusal with the logger that the framework has for the request, at the levels of `logRefusals`. With
 * nothing of the token but who issued it and to which client, once that's verified.
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
