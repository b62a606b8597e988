import { announceLog, listen } from './diagnostics.js';
import { checkNames } from './lib/check.js';
import { withoutUndefined } from './lib/json.js';
import { typeName } from './lib/public-text.js';

/** The logger of pino, winston, Nest or Fastify, `console`, or any other with such methods. */
export interface RefusalLogger {
  readonly warn: (...args: never[]) => unknown;
}

/** Options of {@link logRefusals}: which methods of the logger to call. */
export interface LogRefusalsOptions {
  /**
   * For requests refused with 400, 401 or 403, and for the end of an outage. Default `'info'`, or `'log'` if
   * the logger has no `info` (Nest's).
   */
  readonly level?: string;
  /** For requests that are refused with 502 or 503, and for what leads to that. Default `'warn'`. */
  readonly outageLevel?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Parts of a key set that no issuer should publish. */
const LEAKS: ReadonlySet<unknown> = new Set(['symmetric key', 'private key published']);

/**
 * Logs every request that a resource server of this process refuses: `method`, `route`, `status`, `reason`
 * and, if known, `hint`, `issuer` and `clientId`. Also logs what causes refusals with 503, and when it's
 * over: keys that can't be loaded, failing introspection, failing functions of the application.
 *
 * It works with all adapters, and without one. It logs while the request is being handled, so a logger finds
 * its `AsyncLocalStorage`, with a request id for example. Renewals in the background belong to no request.
 *
 * Security: logs no token and no key, and of the claims only the issuer (a configured one) and the client of
 * a verified token. Of the request it logs the route's pattern, not the path.
 *
 * @param logger gets the fields as an object: after the message if it has a method `log` (winston, Nest,
 *   `console`), otherwise before it (pino)
 * @returns a function that stops the logging
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
    const fields = withoutUndefined(given);
    // Looked up each time: pino replaces the method when its level changes.
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
  if (Object(logger) !== logger)
    throw new TypeError(`logRefusals: the logger is an object, got ${typeName(logger)}`);
  const hasMethod = (name: string): boolean => typeof Reflect.get(logger, name) === 'function';
  checkNames(options, ['level', 'outageLevel'], 'logRefusals');
  const { level = hasMethod('info') ? 'info' : 'log', outageLevel = 'warn' } = options;
  for (const name of [level, outageLevel])
    if (!hasMethod(name)) throw new TypeError(`logRefusals: the logger has no method "${name}"`);
  return { level, outageLevel };
}
