import type { Algorithm } from '../options/options.js';
import { checkMembers, describe } from './check-members.js';
import { defaults } from './defaults.js';
import { algorithms } from './signing-key.js';

/** What `createTestIssuer` takes. Every member is optional. */
export interface TestIssuerOptions {
  /** `"aud"` of the tokens: the identifier of the API under test. Default `https://api.example.com`. */
  readonly audience?: string;
  /**
   * The issuer identifier, `"iss"`. Default `https://issuer.example.com`. Where a test has several issuers,
   * each needs its own.
   */
  readonly issuer?: string;
  /**
   * What signs the tokens. Default `ES256`. A new RSA key takes a tenth of a second or more, the others next
   * to nothing.
   */
  readonly algorithm?: Algorithm;
  /** `"client_id"` of the tokens, and their `"sub"`. Default `test-client`. */
  readonly clientId?: string;
  /** How long a token is valid, in seconds from when it is made, above 0. Default 300. */
  readonly lifetimeSeconds?: number;
  /**
   * The time at which tokens are made, in milliseconds since the epoch. Default `Date.now`. It becomes part
   * of `issuer.options`, so that the resource server under test goes by the same clock.
   */
  readonly clock?: () => number;
}

/** {@link TestIssuerOptions} with the defaults filled in. */
export interface TestIssuerSettings extends Required<Omit<TestIssuerOptions, 'clock'>> {
  /** Undefined where the test gave none. */
  readonly clock: (() => number) | undefined;
}

const MEMBERS = ['audience', 'issuer', 'algorithm', 'clientId', 'lifetimeSeconds', 'clock'];

/**
 * Checks the options and fills the defaults in.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type
 */
export function resolveTestIssuerOptions(options: TestIssuerOptions): TestIssuerSettings {
  checkMembers(options, MEMBERS, 'createTestIssuer');
  const {
    audience = defaults.audience,
    issuer = defaults.issuer,
    algorithm = 'ES256',
    clientId = defaults.clientId,
    lifetimeSeconds = defaults.lifetimeSeconds,
    clock,
  } = options;
  check('audience', audience, isText(audience), 'a string that is not empty');
  check('issuer', issuer, isText(issuer), 'a string that is not empty');
  check('algorithm', algorithm, algorithms.includes(algorithm), `one of ${algorithms.join(', ')}`);
  check('clientId', clientId, isText(clientId), 'a string that is not empty');
  check(
    'lifetimeSeconds',
    lifetimeSeconds,
    Number.isFinite(lifetimeSeconds) && lifetimeSeconds > 0,
    'a number above 0',
  );
  check('clock', clock, clock === undefined || typeof clock === 'function', 'a function');
  return { audience, issuer, algorithm, clientId, lifetimeSeconds, clock };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function check(name: string, value: unknown, isRight: boolean, expected: string): void {
  if (isRight) return;
  const got = typeof value === 'string' ? JSON.stringify(value) : describe(value);
  throw new TypeError(`the option ${name} of createTestIssuer takes ${expected}, got ${got}`);
}
