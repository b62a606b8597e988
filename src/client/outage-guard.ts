import { CircuitBreaker } from '../issuer/circuit-breaker.js';
import { RequestHeldBack } from '../issuer/request-slots.js';
import { MAX_RETRY_AFTER_SECONDS } from '../lib/retry-after.js';
import { isRegisteredCode, isTokenRequestError, restate, TokenRequestError } from './errors.js';
import type { ClientSettings } from './options.js';

/** Makes a request, if one may be made now. @throws {TokenRequestError} it may not, or what it throws */
export type OutageGuard = <T>(signal: AbortSignal, request: () => Promise<T>) => Promise<T>;

/** The longest pause that the server didn't ask for. */
const COOLDOWN_SECONDS = 30;

/**
 * Spares a token endpoint that fails: callers of different tokens share the pause, and don't all ask at once.
 * A refusal holds up only its own caller. It shows that the server works, and so ends an outage.
 */
export function createOutageGuard({ runtime: { clock }, timeoutSeconds }: ClientSettings): OutageGuard {
  const tooLate = new TokenRequestError('timeout');
  let lastFailure = tooLate;
  const breaker = new CircuitBreaker({
    clock,
    cooldownSeconds: COOLDOWN_SECONDS,
    maxRetryAfterSeconds: MAX_RETRY_AFTER_SECONDS,
    timeoutSeconds,
    findOutage: (error) => {
      if (error === tooLate || !isTokenRequestError(error)) return undefined;
      if (!error.transient && isRegisteredCode(error.error)) return 'none';
      // Some servers answer 500 to a strange token, which no other caller has.
      if (!error.transient || error.status === 500) return undefined;
      lastFailure = error;
      return { retryAfterSeconds: error.retryAfter };
    },
  });
  return async (signal, request) => {
    try {
      return await breaker.run(false, () => {
        if (signal.aborted) throw tooLate; // while it waited for a slot
        return request();
      });
    } catch (error) {
      if (!(error instanceof RequestHeldBack)) throw error;
      throw restate(error.isPaused ? lastFailure : tooLate, Math.ceil(error.retryAfterSeconds));
    }
  };
}
