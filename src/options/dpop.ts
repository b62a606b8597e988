import { ALGORITHMS } from '../algorithms.js';
import { checkNames, choice, choices, numberBetween, optionError } from '../lib/check.js';
import { isAcceptableUrl } from '../lib/url.js';
import type { DpopBinding } from '../proof/confirmation.js';
import { dpopBinding } from '../proof/dpop.js';
import { ProofNonces } from '../proof/dpop-nonces.js';
import { createMemoryReplayStore, type ReplayStore, replayStoreOf } from '../proof/replay-store.js';
import { normaliseTargetUri } from '../proof/target-uri.js';
import type { Scheme } from '../request/authorization-header.js';
import type { Algorithm } from './options.js';

/** What is done with access tokens that are bound to a key of the client (RFC 9449). */
export interface DpopOptions {
  /** `'allowed'` (default): access tokens may be bound or not. `'required'`: they have to be. */
  readonly mode?: 'allowed' | 'required';
  /** Accepted signature algorithms of proofs. Default: all of `Algorithm`. They are in every `DPoP` challenge. */
  readonly algorithms?: readonly Algorithm[];
  /** How long ago a proof may have been made, in seconds, 1 to 600. Default 60. Proofs are remembered for about that long. */
  readonly maxAgeSeconds?: number;
  /**
   * Remembers which proofs were used. Default: {@link createMemoryReplayStore}, which knows nothing of what other instances of the API saw; for them
   * `createRedisReplayStore` of `oauth-resource-server/redis`, or one of your own.
   */
  readonly replayStore?: ReplayStore;
  /** Asks clients for a nonce of this server in their proofs (RFC 9449 §9). Default: none. See {@link DpopNonceOptions}. */
  readonly nonce?: DpopNonceOptions;
}

/** How nonces for DPoP proofs are made. Nothing is stored: whoever has the secret knows them. */
export interface DpopNonceOptions {
  /** At least 32 characters that nobody can guess, the same in all instances of the API: `openssl rand -base64 32`. */
  readonly secret: string;
  /** How long a nonce is handed out, in seconds, 1 to 3600. Default 300. It is accepted for as long again. */
  readonly lifetimeSeconds?: number;
}

/** The settings around the option `dpop` that it depends on. */
interface Surroundings {
  readonly baseUrl: string | undefined;
  readonly clockToleranceSeconds: number;
  readonly clock: () => number;
}

/** What the option `dpop` comes to. */
export interface ResolvedDpop {
  /** Undefined where DPoP is off. */
  readonly binding: DpopBinding | undefined;
  /** The schemes that open the API, in the order of their challenges. */
  readonly schemes: readonly Scheme[];
  /** Accepted algorithms of proofs; empty where DPoP is off. */
  readonly algorithms: readonly Algorithm[];
}

const MODES = ['allowed', 'required'] as const;
const NAMES: readonly (keyof DpopOptions)[] = ['mode', 'algorithms', 'maxAgeSeconds', 'replayStore', 'nonce'];
const NONCE_NAMES: readonly (keyof DpopNonceOptions)[] = ['secret', 'lifetimeSeconds'];
const TAKES = "'allowed', 'required', 'off', or an object";
const MIN_SECRET_LENGTH = 32;

/**
 * Checks the option `dpop` and fills in its defaults.
 *
 * @throws {TypeError} naming the member that is wrong
 */
export function resolveDpop(
  given: 'allowed' | 'required' | 'off' | DpopOptions = 'allowed',
  surroundings: Surroundings,
): ResolvedDpop {
  if (given === 'off') return { binding: undefined, schemes: ['Bearer'], algorithms: [] };
  const options = isMode(given) ? { mode: given } : given;
  checkNames(options, NAMES, 'dpop', TAKES);
  const isRequired = choice(options.mode, MODES, 'dpop.mode') === 'required';
  const algorithms = choices(options.algorithms, ALGORITHMS, 'dpop.algorithms') ?? ALGORITHMS;
  const binding = dpopBinding({
    ...surroundings,
    isRequired,
    algorithms,
    maxAgeSeconds: numberBetween(options.maxAgeSeconds, 1, 600, 'dpop.maxAgeSeconds') ?? 60,
    replayStore:
      replayStoreOf(options.replayStore, 'dpop.replayStore') ??
      createMemoryReplayStore({ clock: surroundings.clock }),
    nonces: noncesOf(options.nonce),
  });
  return { binding, schemes: isRequired ? ['DPoP'] : ['Bearer', 'DPoP'], algorithms };
}

function isMode(given: unknown): given is 'allowed' | 'required' {
  return MODES.some((mode) => mode === given);
}

/**
 * The option `baseUrl`, without a slash at the end.
 *
 * @throws {TypeError} no https URL, or one with a query or fragment
 */
export function baseUrlOf(given: unknown, allowInsecureRequests: boolean): string | undefined {
  if (given === undefined) return undefined;
  const isUrl = isAcceptableUrl(given, { allowInsecureRequests, allowLoopback: true }) && !/[?#]/.test(given);
  const normalised = isUrl ? normaliseTargetUri(given) : undefined;
  if (normalised === undefined) {
    throw optionError(
      'baseUrl',
      'an absolute https URL without query and fragment (http only for loopback hosts, or with allowInsecureRequests)',
      given,
    );
  }
  return normalised.replace(/\/+$/, '');
}

function noncesOf(given: DpopNonceOptions | undefined): ProofNonces | undefined {
  if (given === undefined) return undefined;
  checkNames(given, NONCE_NAMES, 'dpop.nonce');
  const { secret } = given;
  if (typeof secret !== 'string' || secret.length < MIN_SECRET_LENGTH) {
    throw optionError('dpop.nonce.secret', `a string of at least ${MIN_SECRET_LENGTH} characters`, secret);
  }
  return new ProofNonces(
    secret,
    numberBetween(given.lifetimeSeconds, 1, 3600, 'dpop.nonce.lifetimeSeconds') ?? 300,
  );
}
