import { announceLog, listen } from './diagnostics.js';

/** Pino's, winston's, Nest's, Fastify's logger, `console`, or another one with such methods. */
export interface RefusalLogger {
  readonly warn: (...args: never[]) => unknown;
}

/** Options of {@link logRefusals}: which methods of the logger are called. */
export interface LogRefusalsOptions {
  /**
   * For requests that are refused with 400, 401 or 403, and when an outage is over. Default `'info'`, or
   * `'log'` if the logger has no such method, as Nest's.
   */
  readonly level?: string;
  /** For requests that are refused with 502 or 503, and for what leads to that. Default `'warn'`. */
  readonly outageLevel?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Parts of a key set that no issuer should publish. */
const LEAKS: ReadonlySet<unknown> = new Set(['symmetric key', 'private key published']);

/**
 * Logs every request that a resource server of this process refuses: `method`, `route`, `status`, `reason`,
 * and where they're known `hint`, `issuer` and `clientId`. Also logs what leads to refusals with 503: keys
 * that can't be loaded, introspection that fails, and functions of the application that do; and when that's
 * over.
 *
 * It works with all adapters, and without one. Messages are logged in the middle of the request, so what a
 * logger takes from an `AsyncLocalStorage`, such as a request id, is there.
 *
 * Security: no token, no key, and of the claims only the issuer, which is a configured one, and the client of
 * a verified token. The path of the request isn't logged either, only the pattern of its route.
 *
 * @param logger gets the fields as an object: after the message if it has a method `log`, as winston's,
 *   Nest's and `console`, otherwise before it, as pino's
 * @returns a function that ends the logging
 * @throws {TypeError} the logger has no method for a level, or an option is unknown
 * @example
 * ```ts
 * import { logRefusals } from 'oauth-resource-server';
 * import { pino } from 'pino';
 *
 * const stop = logRefusals(pino());
 * process.once('SIGTERM', stop);
 * ```
 */
export function logRefusals(logger: RefusalLogger, options: LogRefusalsOptions = {}): () => void {
  const { level, outageLevel } = checkLevels(logger, options);
  const isMessageFirst = typeof Reflect.get(logger, 'log') === 'function';
  const log = (method: string, message: string, given: Fields): void => {
    const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    // Looked up each time: pino puts another one in its place when its level changes.
    const write: unknown = Reflect.get(logger, method);
    if (typeof write === 'function')
      Reflect.apply(write, logger, isMessageFirst ? [message, fields] : [fields, message]);
  };

  const failing = new Set<string>();
  const stopListening = listen({
    decision({ outcome, method, route, status, reason, hint, issuer, clientId }) {
      if (outcome !== 'denied') return;
      const fields = { method, route, status, reason, hint, issuer, clientId };
      log((status ?? 0) >= 500 ? outageLevel : level, 'request refused', fields);
    },
    keys({ event, issuer, reason, detail, keys }) {
      if (event === 'failed') {
        failing.add(issuer);
        log(outageLevel, 'keys not loaded', { issuer, reason, detail, keys });
      } else if (event === 'loaded' && failing.delete(issuer)) {
        log(level, 'keys loaded again', { issuer, keys });
      } else if (event === 'key_skipped' && LEAKS.has(detail)) {
        log(outageLevel, 'key not used', { issuer, detail });
      }
    },
    introspection({ event, issuer, reason, detail, seconds }) {
      if (event === 'failed' || event === 'suspended')
        log(outageLevel, `introspection ${event}`, { issuer, reason, detail, seconds });
      else if (event === 'resumed') log(level, 'introspection resumed', { issuer });
    },
    warning({ source, detail }) {
      log(outageLevel, 'function or option of the application failed', { source, detail });
    },
  });
  const withdraw = announceLog();
  return () => {
    stopListening();
    withdraw();
  };
}

function checkLevels(logger: RefusalLogger, options: LogRefusalsOptions): Required<LogRefusalsOptions> {
  const hasMethod = (name: string): boolean => typeof Reflect.get(logger, name) === 'function';
  const { level = hasMethod('info') ? 'info' : 'log', outageLevel = 'warn', ...unknown } = options;
  for (const name of Object.keys(unknown))
    throw new TypeError(`logRefusals: unknown option ${name}; known are level, outageLevel`);
  for (const name of [level, outageLevel])
    if (!hasMethod(name)) throw new TypeError(`logRefusals: the logger has no method "${name}"`);
  return { level, outageLevel };
}
