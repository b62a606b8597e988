import type {
  Algorithm,
  IntrospectionEndpointOptions,
  IntrospectionFunctionOptions,
  IntrospectionOptions,
  TrustedIssuer,
} from '../index.js';
import {
  type Checks,
  callable,
  checkNames,
  checkObject,
  flag,
  oneOf,
  optional,
  optionError,
  text,
  textOrTexts,
} from '../lib/check.js';
import { ALGORITHMS } from '../terms.js';
import {
  type AssertionIssuerOptions,
  checkAssertionIssuers,
  checkWorkloads,
} from './authorization-server/assertion-issuers.js';
import { createAuthorizationServer } from './authorization-server/authorization-server.js';
import { checkCertificatesAreOfUse, checkTlsSettings } from './authorization-server/client-certificates.js';
import {
  type Client,
  type ClientOptions,
  checkClients,
  resolveClient,
} from './authorization-server/clients.js';
import { createServerCertificate } from './certificate.js';
import {
  type IssuerPath,
  introspectionClient,
  issuerPaths,
  type Outage,
  startIssuerServer,
} from './issuer-server.js';
import type { TlsSettings } from './loopback-server.js';
import { type NextResponseOptions, NextResponses } from './next-response.js';
import { createOpaqueTokens, type OpaqueTokenIssuer } from './opaque-tokens.js';
import { createKeyRing } from './signing-key.js';
import { defaults, type TokenSettings } from './token-claims.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';

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

/**
 * Options that make a resource server trust a test issuer. You can add others:
 * `{ ...issuer.options, optional: true }`.
 */
export interface TrustOptions<Issuer extends string | TrustedIssuer> {
  /** The test issuer. */
  readonly issuer: Issuer;
  /** What its tokens carry as `"aud"`. */
  readonly audience: string;
  /** Tests refuse tokens on purpose. */
  readonly refusalWarnings: 'off';
  /** Present if the test issuer was given a clock. */
  readonly clock?: () => number;
}

/** An issuer that's asked about opaque tokens. */
export interface AskedIssuer<Introspection extends IntrospectionOptions> extends TrustedIssuer {
  readonly introspection: Introspection;
}

/** What can happen to an issuer. */
export interface IssuerSwitches {
  /**
   * From now on a new key signs. The old one isn't published any more: its tokens are refused once the
   * resource server has loaded the keys again.
   *
   * Tokens of the new key are valid at once. Over HTTP a resource server asks for unknown keys only once per
   * `keys.cooldownSeconds`: a test that rotates a listening issuer twice, or after sending a token with an
   * unknown `kid`, needs a clock to step over that.
   *
   * @param options `keepPrevious: true` keeps the keys published so far, as an issuer does that rotates in
   *   good order. Default false
   * @throws {TypeError} an unknown option (the promise rejects)
   */
  rotateKeys(options?: { readonly keepPrevious?: boolean }): Promise<void>;
  /**
   * The keys are out of reach until {@link IssuerSwitches.comeBack}. You can still make tokens.
   *
   * @param options `resetConnections: true` makes a listening issuer break connections instead of answering
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

/** Options of `listen`. Every member is optional. */
export interface ListenOptions {
  /**
   * More clients that get tokens at the token endpoint. One that lists no `scopes`, or no `audience`, gets
   * what it asks for. The client of `clientOptions` is there anyway, unless one of these has its id.
   */
  readonly clients?: readonly ClientOptions[];
  /** The issuers whose assertions clients may exchange for access tokens (RFC 7523 §2.1). Default none. */
  readonly assertionIssuers?: readonly AssertionIssuerOptions[];
  /** Asks for a nonce in the DPoP proofs of token requests (RFC 9449 §8). Default false. */
  readonly dpopNonce?: boolean;
  /**
   * Opens a second port for clients with certificates, with https, which metadata name in
   * `mtls_endpoint_aliases` (RFC 8705 §5). `true` makes a certificate for it. Default false.
   */
  readonly mtls?: boolean | ListenMtlsOptions;
}

/** The https port of a listening issuer. Everything is in PEM. */
export interface ListenMtlsOptions {
  /** Its certificate. Default: a new one for `localhost` and 127.0.0.1. */
  readonly cert?: string;
  /** The private key of `cert`, and required with it. */
  readonly key?: string;
  /**
   * Who vouches for clients with `tlsClientAuth`: a self-signed certificate vouches for itself. Default none.
   */
  readonly ca?: string | readonly string[];
}

/** Where clients with certificates get tokens. */
export interface ListeningMtls {
  /** `https://127.0.0.1:…` */
  readonly url: string;
  /** What a client has to trust, in PEM: the certificate of this port. */
  readonly ca: string;
}

/** What a client of this package needs to get tokens of a listening issuer. */
export interface TestClientOptions {
  /** The listening issuer. */
  readonly issuer: string;
  /** `test-client`, or the option `clientId` of `createTestIssuer`. */
  readonly clientId: string;
  /** `test-secret`. */
  readonly clientSecret: string;
  /** Present if the test issuer was given a clock. */
  readonly clock?: () => number;
}

/** A test issuer over HTTP. */
export interface ListeningIssuer extends TokenIssuer, OpaqueTokenIssuer, IssuerSwitches {
  /** `issuer` is only the URL, so that the resource server discovers the keys. Frozen. */
  readonly options: TrustOptions<string>;
  /**
   * The same for an API that accepts opaque tokens too: it discovers the introspection endpoint, and
   * authenticates there with a secret. Frozen.
   */
  readonly introspectionOptions: TrustOptions<AskedIssuer<IntrospectionEndpointOptions>>;
  /**
   * A client that gets tokens with any scope, for any API, by each grant: `createClientCredentials({
   * ...listening.clientOptions, scope: 'read:inventory' })`. Frozen.
   */
  readonly clientOptions: TestClientOptions;
  /** Undefined without the option `mtls`. */
  readonly mtls: ListeningMtls | undefined;
  /**
   * What the next request gets in place of the usual answer, once: to see what your client does with it.
   * Several calls are answered in their order. It waits while the issuer is down.
   *
   * @param options at the token endpoint, unless `path` says otherwise: `{ status: 503, headers: {
   *   'Retry-After': '1' } }`, `{ body: 'no JSON' }`, `{ delayMs: 6000 }`, `{ resetConnection: true }`
   * @throws {TypeError} an unknown option, or one of the wrong type
   */
  nextResponse(options: NextResponseOptions<IssuerPath>): void;
  /** How often each path has been requested so far, including refusals during an outage. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
  /** Stops listening and ends every connection. The process doesn't wait for it. */
  close(): Promise<void>;
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
  let outage: Outage = 'none';

  const switches: IssuerSwitches = {
    async rotateKeys(choice = {}) {
      checkNames(choice, ['keepPrevious'], 'rotateKeys');
      await keys.rotate(choice.keepPrevious === true);
    },
    goDown(choice = {}) {
      checkNames(choice, ['resetConnections'], 'goDown');
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
    async listen(given = {}) {
      checkListenOptions(given);
      const tls = await resolveTls(given.mtls);
      const { lifetimeSeconds, clock = Date.now } = settings;
      const { assertionIssuers = [], dpopNonce = false } = given;
      const endpoints = { keys, lifetimeSeconds, clock, assertionIssuers, dpopNonce };
      const clients = resolveClients(given, settings);
      const responses = new NextResponses(issuerPaths);
      const server = await startIssuerServer({
        keys,
        outage: () => outage,
        nextResponse: (path) => responses.take(path),
        tls,
        createAuthorizationServer: (url, mtlsUrl) =>
          createAuthorizationServer({
            ...endpoints,
            issuer: url,
            mtlsUrl,
            tls,
            clients,
            ownTokens: 'any',
            introspectOpaque: (token) => opaqueHere.introspect(token),
          }),
      });
      const opaqueHere = createOpaqueTokens(server.url, settings);
      const asked = { issuer: server.url, introspection: introspectionClient };
      return {
        ...createTokenIssuer(server.url, settings, keys),
        ...opaqueHere.issuer,
        ...switches,
        options: trustOptions(server.url, settings),
        introspectionOptions: trustOptions(Object.freeze(asked), settings),
        clientOptions: Object.freeze({
          issuer: server.url,
          clientId: settings.clientId,
          clientSecret: CLIENT_SECRET,
          ...(settings.clock && { clock: settings.clock }),
        }),
        mtls:
          tls === undefined || server.mtlsUrl === undefined
            ? undefined
            : Object.freeze({ url: server.mtlsUrl, ca: tls.cert }),
        nextResponse: (next) => responses.add(next, '/token'),
        get requests() {
          return server.requests;
        },
        close: server.close,
      };
    },
  };
}

const CHECKS = {
  audience: optional(text, defaults.audience),
  issuer: optional(text, defaults.issuer),
  algorithm: optional(oneOf(ALGORITHMS), 'ES256'),
  clientId: optional(text, defaults.clientId),
  lifetimeSeconds: optional(duration, defaults.lifetimeSeconds),
  clock: optional<() => number>(callable),
} satisfies Checks<TestIssuerOptions>;

function duration(given: unknown, path: string): number {
  if (typeof given === 'number' && given > 0 && given < Number.POSITIVE_INFINITY) return given;
  throw optionError(path, 'a number above 0', given);
}

const MTLS_CHECKS = { cert: optional(text), key: optional(text), ca: optional(textOrTexts) };

/** The secret of the client that's there anyway. */
const CLIENT_SECRET = 'test-secret';

function checkListenOptions(given: unknown): asserts given is ListenOptions {
  checkNames(given, ['clients', 'assertionIssuers', 'dpopNonce', 'mtls'], 'listen');
  // checkNames accepts only objects.
  const options: { readonly [name in keyof ListenOptions]?: unknown } = given as object;
  const label = (path: string): string => `listen.${path}`;
  if (options.clients !== undefined) checkClients(options.clients, label);
  if (options.assertionIssuers !== undefined) checkAssertionIssuers(options.assertionIssuers, label);
  optional<boolean>(flag)(options.dpopNonce, label('dpopNonce'));
  checkWorkloads(options.clients ?? [], options.assertionIssuers ?? [], label);
  const { mtls = false } = options;
  const takes = 'true, false or an object';
  const tls =
    mtls === false ? undefined : checkObject(mtls === true ? {} : mtls, label('mtls'), MTLS_CHECKS, takes);
  if ((tls?.cert === undefined) !== (tls?.key === undefined))
    throw new TypeError(`option "${label('mtls')}" takes cert and key together, or neither`);
  checkCertificatesAreOfUse(options.clients ?? [], tls, 'mtls', label);
}

async function resolveTls(given: ListenOptions['mtls']): Promise<TlsSettings | undefined> {
  if (given === undefined || given === false) return undefined;
  const { cert, key, ca } = given === true ? {} : given;
  const made = cert === undefined || key === undefined ? await createServerCertificate() : undefined;
  const settings = { cert: made?.certificate ?? cert ?? '', key: made?.privateKey ?? key ?? '', ca };
  checkTlsSettings(settings, 'listen.mtls');
  return settings;
}

/** Later ones take the place of those that have their id. */
function resolveClients({ clients = [] }: ListenOptions, settings: TokenSettings): readonly Client[] {
  const usual: readonly ClientOptions[] = [
    { clientId: settings.clientId, clientSecret: CLIENT_SECRET },
    { ...introspectionClient, grantTypes: [] },
    ...clients,
  ];
  const defaults = { audience: [settings.audience], mayAskForAny: true };
  const byId = new Map(usual.map((client) => [client.clientId, client]));
  return [...byId.values()].map((client) => resolveClient(client, defaults));
}

function trustOptions<Issuer extends string | TrustedIssuer>(
  issuer: Issuer,
  { audience, clock }: TokenSettings,
): TrustOptions<Issuer> {
  return Object.freeze({
    issuer,
    audience,
    refusalWarnings: 'off',
    ...(clock === undefined ? {} : { clock }),
  });
}
