import {
  type Check,
  type Checks,
  checkObject,
  numberBetween,
  object,
  oneOf,
  optional,
  optionError,
  someOf,
  textLike,
} from '../lib/check.js';
import { BASE_URL, type InsecureRequests, issuerIdentifier } from '../lib/url.js';
import type { DpopSettings } from '../proof/dpop.js';
import type { ReplayStore } from '../proof/replay-store.js';
import { normaliseTargetUri } from '../proof/target-uri.js';
import { ALGORITHMS, type Algorithm } from '../terms.js';

/** What is done with access tokens that are bound to a key of the client (RFC 9449). */
export interface DpopOptions {
  /** `'allowed'` (default): access tokens may be bound or not. `'required'`: they have to be. */
  readonly mode?: 'allowed' | 'required';
  /**
   * Accepted signature algorithms of proofs. Default: all of `Algorithm`. They're in every `DPoP` challenge.
   */
  readonly algorithms?: readonly Algorithm[];
  /**
   * How long ago a proof may have been made, in seconds, 1 to 600. Default 60. Proofs are remembered for
   * about that long.
   */
  readonly maxAgeSeconds?: number;
  /**
   * Remembers which proofs were used. Default: {@link createMemoryReplayStore}, which knows nothing of what
   * other instances of the API saw; for them `createRedisReplayStore` of `oauth-resource-server/redis`, or
   * one of your own.
   */
  readonly replayStore?: ReplayStore;
  /**
   * Asks clients for a nonce of this server in their proofs (RFC 9449 §9). Default: none. See {@link
   * DpopNonceOptions}.
   */
  readonly nonce?: DpopNonceOptions;
}

/** How nonces for DPoP proofs are made. Nothing is stored: everyone with the secret knows them. */
export interface DpopNonceOptions {
  /**
   * At least 32 characters that can't be guessed, the same in all instances of the API: `openssl rand -base64
   * 32`.
   */
  readonly secret: string;
  /** How long a nonce is handed out, in seconds, 1 to 3600. Default 300. It's accepted for as long again. */
  readonly lifetimeSeconds?: number;
}

const MODES = ['allowed', 'required'] as const;
const TAKES = "'allowed', 'required', 'off', or an object";

const CHECKS = {
  mode: optional(oneOf(MODES), 'allowed'),
  algorithms: optional(someOf(ALGORITHMS), ALGORITHMS),
  maxAgeSeconds: optional(numberBetween(1, 600), 60),
  replayStore: optional(checkReplayStore),
  nonce: optional(
    object({
      secret: textLike(/^.{32,}$/s, 'a string of at least 32 characters'),
      lifetimeSeconds: optional(numberBetween(1, 3600), 300),
    } satisfies Checks<DpopNonceOptions>),
  ),
} satisfies Checks<DpopOptions>;

/**
 * Checks the option `dpop`.
 *
 * @param baseUrl the option of that name, checked
 * @returns undefined if DPoP is off
 */
export function checkDpop(given: unknown, baseUrl: string | undefined): DpopSettings | undefined {
  if (given === 'off') return undefined;
  const options = given === undefined || MODES.some((mode) => mode === given) ? { mode: given } : given;
  const { mode, ...checked } = checkObject(options, 'dpop', CHECKS, TAKES);
  return { ...checked, isRequired: mode === 'required', baseUrl };
}

/** Checks the option `baseUrl`, and takes the slash at its end away. */
export function baseUrlCheck(allowInsecureRequests: InsecureRequests): Check<string> {
  const check = issuerIdentifier(allowInsecureRequests);
  return (given, path) => {
    const normalised = normaliseTargetUri(check(given, path));
    if (normalised === undefined) throw optionError(path, BASE_URL, given);
    return normalised.replace(/\/+$/, '');
  };
}

function checkReplayStore(given: unknown, path: string): ReplayStore {
  const remember: unknown = Reflect.get(Object(given), 'remember');
  // What it says is looked at.
  if (typeof given === 'object' && typeof remember === 'function') return given as ReplayStore;
  throw optionError(path, 'an object with a function "remember"', given);
}
