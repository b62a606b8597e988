import { hash } from 'node:crypto';
import { reportWarning } from '../diagnostics.js';
import { InvalidProofError, UnavailableError } from '../errors.js';
import { TimeLimitExceeded, withTimeLimit } from '../lib/deadline.js';
import type { ReplayStore } from './replay-store.js';

/** For stores that have no time limit of their own. */
const STORE_TIMEOUT_SECONDS = 5;
/** A store that was out of reach may be back at once. */
const RETRY_AFTER_SECONDS = 1;

/** What makes a proof the same proof: the client's key, the resource, and the identifier that the client gave it. */
export interface ProofIdentity {
  readonly thumbprint: string;
  /** In one spelling. */
  readonly targetUri: string;
  readonly jti: string;
}

/**
 * Makes sure that a proof is used once (RFC 9449 §11.1). Comes after all other checks, so that nobody fills the store with proofs that do not hold.
 *
 * @param lifetimeSeconds how long the proof could still be used
 * @returns undefined where the store told at once
 * @throws {InvalidProofError} `proof_replayed`
 * @throws {UnavailableError} `replay_store_full`, `replay_store_unavailable`: whether the proof was used cannot be told
 */
export function useOnce(
  store: ReplayStore,
  { thumbprint, targetUri, jti }: ProofIdentity,
  lifetimeSeconds: number,
): Promise<void> | undefined {
  // Neither a thumbprint nor a normalised URI has a line feed.
  const key = hash('sha256', `${thumbprint}\n${targetUri}\n${jti}`, 'base64url');
  let answer: unknown;
  try {
    answer = store.remember(key, lifetimeSeconds);
  } catch (error) {
    throw asUnavailable(error);
  }
  if (typeof answer !== 'boolean') return checkLater(answer);
  checkAnswer(answer);
  return undefined;
}

async function checkLater(answer: unknown): Promise<void> {
  let isNew: unknown;
  try {
    isNew = await withTimeLimit(STORE_TIMEOUT_SECONDS, async () => answer);
  } catch (error) {
    throw asUnavailable(error);
  }
  checkAnswer(isNew);
}

function checkAnswer(isNew: unknown): void {
  if (isNew === false) throw new InvalidProofError('proof_replayed');
  if (isNew !== true) throw unavailable(typeof isNew);
}

function asUnavailable(error: unknown): UnavailableError {
  return error instanceof UnavailableError ? error : unavailable(nameOf(error), error);
}

/** @param detail a name, never a text of the store */
function unavailable(detail: string, cause?: unknown): UnavailableError {
  reportWarning({ source: 'replayStore', detail });
  return new UnavailableError('replay_store_unavailable', RETRY_AFTER_SECONDS, cause);
}

function nameOf(error: unknown): string {
  if (error instanceof TimeLimitExceeded) return 'time-out';
  return error instanceof Error ? error.name : typeof error;
}
