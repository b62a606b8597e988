import { hash } from 'node:crypto';
import { reportWarning } from '../diagnostics.js';
import { InvalidProofError, UnavailableError } from '../errors.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';
import type { ReplayStore } from './replay-store.js';

/** For stores that have no time limit of their own. */
const STORE_TIMEOUT_SECONDS = 5;
/** A store that was out of reach may be back at once. */
const RETRY_AFTER_SECONDS = 1;

/**
 * What makes a proof the same proof: the client's key, the resource, and the identifier that the client gave
 * it.
 */
export interface ProofIdentity {
  readonly thumbprint: string;
  /** In one spelling. */
  readonly targetUri: string;
  readonly jti: string;
}

/**
 * Makes sure that a proof is used once (RFC 9449 §11.1). Comes after all other checks, so that nobody fills
 * the store with invalid proofs.
 *
 * @param lifetimeSeconds how long the proof could still be used
 * @throws {InvalidProofError} `proof_replayed`
 * @throws {UnavailableError} `replay_store_full`, `replay_store_unavailable`: it can't be told whether the
 *   proof was used
 */
export async function useOnce(
  store: ReplayStore,
  { thumbprint, targetUri, jti }: ProofIdentity,
  lifetimeSeconds: number,
): Promise<void> {
  // Neither a thumbprint nor a normalised URI has a line feed.
  const key = hash('sha256', `${thumbprint}\n${targetUri}\n${jti}`, 'base64url');
  let isNew: unknown;
  try {
    isNew = store.remember(key, lifetimeSeconds);
    if (typeof isNew !== 'boolean') isNew = await withTimeLimit(STORE_TIMEOUT_SECONDS, async () => isNew);
  } catch (error) {
    throw error instanceof UnavailableError ? error : unavailable(describeError(error), error);
  }
  if (isNew === false) throw new InvalidProofError('proof_replayed');
  if (isNew !== true) throw unavailable(typeof isNew);
}

/** @param detail never a text of the store */
function unavailable(detail: string, cause?: unknown): UnavailableError {
  reportWarning({ source: 'replayStore', detail });
  return new UnavailableError('replay_store_unavailable', RETRY_AFTER_SECONDS, cause);
}
