import type { Algorithm, IntrospectionFunctionOptions, TrustedIssuer } from '../index.js';
import { type Checks, callable, checkObject, matching, oneOf, optional, text } from '../lib/check.js';
import { ALGORITHMS } from '../terms.js';
import { createIssuerSwitches, type IssuerSwitches } from './issuer-switches.js';
import { type ListeningIssuer, type ListenOptions, listen } from './listening-issuer.js';
import { createOpaqueTokens, type OpaqueTokenIssuer } from './opaque-tokens.js';
import { createKeyRing } from './signing-key.js';
import { defaults } from './token-claims.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';
import { type AskedIssuer, type TrustOptions, trustOptions } from './trust-options.js';

/** Options of {@link createTestIssuer}. Every member is optional. */
export interface TestIssuerOptions {
  /** `"aud"` of the tokens: the identifier of the API under test. Default `https://api.example.com`. */
  readonly audience?: string;
  /**
   * The issuer identifier, `"iss"`. Default `https://issuer.example.com`. If a test has several issuers, each
   * needs its own.
   */
  readonly issuer?: string;
  /**
   * The algorithm that signs the tokens. Default `ES256`. A new RSA key takes a tenth of a second or more,
   * the others next to nothing.
   */
  readonly algorithm?: Algorithm;
  /** `"client_id"` of the tokens, and their `"sub"`. Default `test-client`. */
  readonly clientId?: string;
  /** How long a token is valid, in seconds from when it's made, above 0. Default 300. */
  readonly lifetimeSeconds?: number;
  /**
   * The time at which tokens are made, in milliseconds since the epoch. Default `Date.now`. It becomes part
   * of `issuer.options`, so that the resource server under test uses the same clock.
   */
  readonly clock?: () => number;
}

/** An issuer of tokens without a network: the resource server gets the keys by a function call. */
export interface TestIssuer extends TokenIssuer, OpaqueTokenIssuer, IssuerSwitches {
  /**
   * `issuer` and `audience`, ready for `createResourceServer()` and every adapter. Several issuers:
   * `{ issuer: [one.options.issuer, other.options.issuer], audience }`. Frozen.
   */
  readonly options: TrustOptions<TrustedIssuer>;
  /**
   * The same for an API that accepts opaque tokens too: it asks this issuer about them by a function call,
   * for every request. Frozen.
   */
  readonly introspectionOptions: TrustOptions<AskedIssuer<IntrospectionFunctionOptions>>;
  /**
   * Starts a real issuer on the loopback interface that shares keys and outages with this one: metadata (RFC
   * 8414, OpenID Connect Discovery), keys, a token endpoint and introspection over HTTP. Its identifier is
   * its URL, so use the tokens and the options of what this returns.
   *
   * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
   */
  listen(options?: ListenOptions): Promise<ListeningIssuer>;
}

/**
 * A function call floods nothing: tests see rotation and recovery at once instead of waiting for pauses to
 * end.
 */
const NO_PAUSES = Object.freeze({ cooldownSeconds: 0 });
/** For the same reason. */
const NO_MEMORY = Object.freeze({ cacheSeconds: 0, negativeCacheSeconds: 0, cooldownSeconds: 0 });

/**
 * Makes an issuer of access tokens for tests: real keys, real signatures, no network and no mocks.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * import { createTestIssuer } from 'oauth-resource-server/testing';
 * import request from 'supertest';
 *
 * const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
 * const app = createApp(issuer.options);
 * const headers = await issuer.authorization({ scope: 'read:inventory' });
 * await request(app).get('/stock/42').set(headers).expect(200);
 * ```
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const settings = checkObject(options, 'createTestIssuer', CHECKS);
  const keys = await createKeyRing(settings.algorithm);
  const { switches, outage } = createIssuerSwitches(keys);
  const whileUp = <T>(value: T): T => {
    if (outage() !== 'none') throw new Error('the test issuer is down');
    return value;
  };
  const opaque = createOpaqueTokens(settings.issuer, settings);
  const trusted = { issuer: settings.issuer, jwks: () => whileUp(keys.published), keys: NO_PAUSES };
  const introspection = { endpoint: (token: string) => whileUp(opaque.introspect(token)), ...NO_MEMORY };

  return {
    ...createTokenIssuer(settings.issuer, settings, keys),
    ...opaque.issuer,
    ...switches,
    options: trustOptions(Object.freeze(trusted), settings),
    introspectionOptions: trustOptions(Object.freeze({ ...trusted, introspection }), settings),
    listen: (given = {}) => listen(given, { settings, keys, switches, outage }),
  };
}

const isDuration = (given: unknown): given is number =>
  typeof given === 'number' && given > 0 && given < Number.POSITIVE_INFINITY;

const CHECKS = {
  audience: optional(text, defaults.audience),
  issuer: optional(text, defaults.issuer),
  algorithm: optional(oneOf(ALGORITHMS), 'ES256'),
  clientId: optional(text, defaults.clientId),
  lifetimeSeconds: optional(matching(isDuration, 'a number above 0'), defaults.lifetimeSeconds),
  clock: optional<() => number>(callable),
} satisfies Checks<TestIssuerOptions>;
