import { startBackgroundTimer } from '../lib/background-timer.js';
import { TimeLimitExceeded, unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { pauseAfter, type Random } from '../lib/pause.js';
import { isTokenRequestError, TokenRequestError } from './errors.js';
import type { Report } from './events.js';
import type { ReceivedToken, TokenRequest } from './token-endpoint.js';

const MAX_ATTEMPTS = 3;
/** The longest delay before the second attempt. */
const FIRST_RETRY_SECONDS = 0.25;

export interface FlightOptions {
  readonly request: TokenRequest;
  /** Time limit of all attempts together. */
  readonly timeoutSeconds: number;
  readonly random: Random;
  readonly report: Report;
  /** Ends the flight early, with the signal's reason. */
  readonly closing: AbortSignal;
}

/**
 * Gets one token, for every caller that waits for it: up to three attempts within the time limit, each after
 * a failure that may pass. Its timers don't keep the process alive.
 *
 * @throws {TokenRequestError}
 */
export async function fly(options: FlightOptions): Promise<ReceivedToken> {
  const { timeoutSeconds, closing, report } = options;
  const attempts = withTimeLimit(timeoutSeconds, (signal) => makeAttempts(options, signal), closing);
  try {
    return await unlessAborted(attempts, closing);
  } catch (error) {
    if (!(error instanceof TimeLimitExceeded)) throw error;
    const failure = new TokenRequestError('timeout');
    report('failed', () => failure);
    throw failure;
  }
}

async function makeAttempts(options: FlightOptions, signal: AbortSignal): Promise<ReceivedToken> {
  const { timeoutSeconds, random } = options;
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (let failures = 1; ; failures += 1) {
    try {
      return await makeAttempt(options, signal);
    } catch (error) {
      if (!isTokenRequestError(error) || !error.transient || failures === MAX_ATTEMPTS) throw error;
      const spread = { least: 0, random };
      const limits = { firstSeconds: FIRST_RETRY_SECONDS, maxSeconds: Number.POSITIVE_INFINITY, spread };
      const delay = 1000 * Math.max(error.retryAfter ?? 0, pauseAfter(failures, limits));
      if (signal.aborted || performance.now() + delay >= deadline) throw error;
      await new Promise<void>((resolve) => startBackgroundTimer(resolve, delay));
      if (signal.aborted) throw error;
    }
  }
}

async function makeAttempt(
  { request, report, closing }: FlightOptions,
  signal: AbortSignal,
): Promise<ReceivedToken> {
  let isMade = false;
  try {
    const received = await request(signal, () => {
      isMade = true;
      report('requested');
    });
    report('renewed', () => received.token);
    return received;
  } catch (error) {
    if (isMade && isTokenRequestError(error) && !closing.aborted) report('failed', () => error);
    throw error;
  }
}
