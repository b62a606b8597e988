import { hash } from 'node:crypto';
import { reportWarning } from '../../diagnostics.js';
import { InvalidProofError, UnavailableError } from '../../errors.js';
import { TimeLimitExceeded, withTimeLimit } from '../../keys/time-limit.js';
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
 * @throws {InvalidProofError} `proof_replayed`
 * @throws {UnavailableError} `replay_store_full`, `replay_store_unavailable`: whether the proof was used cannot be told
 */
export async function useOnce(
  store: ReplayStore,
  { thumbprint, targetUri, jti }: ProofIdentity,
  lifetimeSeconds: number,
): Promise<void> {
  // Neither a thumbprint nor a normalised URI has a line feed.
  const key = hash('sha256', `${thumbprint}\n${targetUri}\n${jti}`, 'base64url');
  const isNew = await ask(store, key, lifetimeSeconds);
  if (isNew === false) throw new InvalidProofError('proof_replayed');
  if (isNew !== true) throw unavailable(typeof isNew);
}

async function ask(store: ReplayStore, key: string, lifetimeSeconds: number): Promise<unknown> {
  try {
    const answer: unknown = store.remember(key, lifetimeSeconds);
    if (typeof answer === 'boolean') return answer;
    return await withTimeLimit(STORE_TIMEOUT_SECONDS, async () => answer);
  } catch (error) {
    if (error instanceof UnavailableError) throw error;
    throw unavailable(nameOf(error), error);
  }
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
