import type {
  IntrospectionEndpointOptions,
  IntrospectionFunctionOptions,
  IntrospectionOptions,
} from '../options/introspection-options.js';
import type { TrustedIssuer } from '../options/options.js';
import { checkMembers } from './check-members.js';
import { answerIntrospection, introspectionClient } from './introspection-endpoint.js';
import type { IssuerPath } from './issuer-documents.js';
import { type Outage, startIssuerServer } from './issuer-server.js';
import { createKeyRing } from './key-ring.js';
import { createOpaqueTokens, type OpaqueTokenIssuer } from './opaque-tokens.js';
import {
  resolveTestIssuerOptions,
  type TestIssuerOptions,
  type TestIssuerSettings,
} from './test-issuer-options.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';

/**
 * Options that make a resource server trust a test issuer. Others can be added: `{ ...issuer.options,
 * optional: true }`.
 */
export interface TrustOptions<Issuer extends string | TrustedIssuer> {
  /** The test issuer. */
  readonly issuer: Issuer;
  /** What its tokens carry as `"aud"`. */
  readonly audience: string;
  /** Present when the test issuer was given a clock. */
  readonly clock?: () => number;
}

/** An issuer that is asked about opaque tokens. */
export interface AskedIssuer<Introspection extends IntrospectionOptions> extends TrustedIssuer {
  readonly introspection: Introspection;
}

/** What becomes of an issuer in its life. */
export interface IssuerSwitches {
  /**
   * From now on a new key signs. The old one is published no more: its tokens stop holding when the resource
   * server has loaded the keys anew.
   *
   * Tokens of the new key hold at once. Over HTTP a resource server asks for unknown keys only once per `keys.cooldownSeconds`: a test that rotates a
   * listening issuer twice, or after sending a token with an unknown `kid`, needs a clock to step over that.
   *
   * @param options `keepPrevious: true` keeps the keys published so far, as an issuer does that rotates in
   *   good order. Default false
   * @throws {TypeError} an unknown option (the promise rejects)
   */
  rotateKeys(options?: { readonly keepPrevious?: boolean }): Promise<void>;
  /**
   * The keys are out of reach until {@link IssuerSwitches.comeBack}. Tokens are made as ever.
   *
   * @param options `resetConnections: true` makes a listening issuer break connections where it would answer
   *   503. Default false
   * @throws {TypeError} an unknown option
   */
  goDown(options?: { readonly resetConnections?: boolean }): void;
  /** Ends an outage. */
  comeBack(): void;
}

/** An issuer of tokens without a network: the resource server gets the keys by a function call. */
export interface TestIssuer extends TokenIssuer, OpaqueTokenIssuer, IssuerSwitches {
  /**
   * `issuer` and `audience`, ready for `createResourceServer()` and every adapter. Several issuers:
   * `{ issuer: [one.options.issuer, other.options.issuer], audience }`. Frozen.
   */
  readonly options: TrustOptions<TrustedIssuer>;
  /**
   * The same for an API that accepts opaque tokens too: it asks this issuer about them by a function call, for every request. Frozen.
   */
  readonly introspectionOptions: TrustOptions<AskedIssuer<IntrospectionFunctionOptions>>;
  /**
   * Starts a real issuer on the loopback interface that shares keys and outages with this one: metadata (RFC
   * 8414, OpenID Connect Discovery) and keys over HTTP. Its identifier is its URL, so use the tokens and the
   * options of what this returns.
   */
  listen(): Promise<ListeningIssuer>;
}

/** A test issuer over HTTP. */
export interface ListeningIssuer extends TokenIssuer, OpaqueTokenIssuer, IssuerSwitches {
  /** `issuer` is the URL alone, so that the resource server discovers the keys. Frozen. */
  readonly options: TrustOptions<string>;
  /** The same for an API that accepts opaque tokens too: it discovers the introspection endpoint, and authenticates there with a secret. Frozen. */
  readonly introspectionOptions: TrustOptions<AskedIssuer<IntrospectionEndpointOptions>>;
  /** How often each path was asked for until now, refusals during an outage included. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
  /** Stops listening and ends every connection. The process does not wait for it. */
  close(): Promise<void>;
}

/** A function call floods nobody: tests see rotation and recovery at once instead of waiting for pauses to end. */
const NO_PAUSES = Object.freeze({ cooldownSeconds: 0 });
/** For the same reason. */
const NO_MEMORY = Object.freeze({ cacheSeconds: 0, negativeCacheSeconds: 0, cooldownSeconds: 0 });

/**
 * An issuer of access tokens for tests: real keys, real signatures, no network and no mocks.
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
 * const app = createApp(issuer.options);
 * await request(app).get('/stock/42').set(await issuer.authorization({ scope: 'read:inventory' })).expect(200);
 * ```
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const settings = resolveTestIssuerOptions(options);
  const keys = await createKeyRing(settings.algorithm);
  let outage: Outage = 'none';

  const switches: IssuerSwitches = {
    async rotateKeys(choice = {}) {
      checkMembers(choice, ['keepPrevious'], 'rotateKeys');
      await keys.rotate(choice.keepPrevious === true);
    },
    goDown(choice = {}) {
      checkMembers(choice, ['resetConnections'], 'goDown');
      outage = choice.resetConnections === true ? 'reset' : 'unavailable';
    },
    comeBack() {
      outage = 'none';
    },
  };
  const whileUp = <T>(value: T): T => {
    if (outage !== 'none') throw new Error('the test issuer is down');
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
    async listen() {
      const server = await startIssuerServer({
        published: () => keys.published,
        outage: () => outage,
        algorithm: settings.algorithm,
        introspect: (request, response) => void answerIntrospection(request, response, opaqueHere.introspect),
      });
      const opaqueHere = createOpaqueTokens(server.url, settings);
      return {
        ...createTokenIssuer(server.url, settings, keys),
        ...opaqueHere.issuer,
        ...switches,
        options: trustOptions(server.url, settings),
        introspectionOptions: trustOptions(
          Object.freeze({ issuer: server.url, introspection: introspectionClient }),
          settings,
        ),
        get requests() {
          return server.requests;
        },
        close: server.close,
      };
    },
  };
}

function trustOptions<Issuer extends string | TrustedIssuer>(
  issuer: Issuer,
  { audience, clock }: TestIssuerSettings,
): TrustOptions<Issuer> {
  return Object.freeze({ issuer, audience, ...(clock === undefined ? {} : { clock }) });
}
