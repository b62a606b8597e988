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
import { normalizeTargetUri } from '../proof/target-uri.js';
import { ALGORITHMS, type Algorithm } from '../terms.js';

/** How to treat access tokens that are bound to a key of the client (RFC 9449). */
export interface DpopOptions {
  /** `'allowed'` (default): access tokens may be bound or not. `'required'`: they must be bound. */
  readonly mode?: 'allowed' | 'required';
  /**
   * Signature algorithms accepted in proofs. Default: all of `Algorithm`. Every `DPoP` challenge lists them.
   */
  readonly algorithms?: readonly Algorithm[];
  /**
   * The greatest age of a proof, in seconds, 1 to 600. Default 60. Proofs are remembered for about that long.
   */
  readonly maxAgeSeconds?: number;
  /**
   * Remembers used proofs. Default: {@link createMemoryReplayStore}, which doesn't know what other instances
   * of the API saw. If you run several, use `createRedisReplayStore` from `oauth-resource-server/redis`, or
   * one of your own.
   */
  readonly replayStore?: ReplayStore;
  /**
   * Asks clients for a nonce from this server in their proofs (RFC 9449 §9). Default: no nonces. See
   * {@link DpopNonceOptions}.
   */
  readonly nonce?: DpopNonceOptions;
}

/** How nonces for DPoP proofs are made. Nothing is stored: every instance with the secret can check them. */
export interface DpopNonceOptions {
  /**
   * At least 32 characters that can't be guessed, the same in all instances of the API:
   * `openssl rand -base64 32`.
   */
  readonly secret: string;
  /**
   * How long a nonce is handed out, in seconds, 1 to 3600. Default 300. It's accepted for the same time
   * again.
   */
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
 * @param baseUrl the option of that name, already checked
 * @returns undefined if DPoP is off
 */
export function checkDpop(given: unknown, baseUrl: string | undefined): DpopSettings | undefined {
  if (given === 'off') return undefined;
  const options = given === undefined || MODES.some((mode) => mode === given) ? { mode: given } : given;
  const { mode, ...checked } = checkObject(options, 'dpop', CHECKS, TAKES);
  return { ...checked, isRequired: mode === 'required', baseUrl };
}

/** Checks the option `baseUrl`, and removes a slash at its end. */
export function baseUrlCheck(allowInsecureRequests: InsecureRequests): Check<string> {
  const check = issuerIdentifier(allowInsecureRequests);
  return (given, path) => {
    const normalized = normalizeTargetUri(check(given, path));
    if (normalized === undefined) throw optionError(path, BASE_URL, given);
    return normalized.replace(/\/+$/, '');
  };
}

function checkReplayStore(given: unknown, path: string): ReplayStore {
  const remember: unknown = Reflect.get(Object(given), 'remember');
  // `as`: what it returns is checked at each call.
  if (typeof given === 'object' && typeof remember === 'function') return given as ReplayStore;
  throw optionError(path, 'an object with a function "remember"', given);
}
