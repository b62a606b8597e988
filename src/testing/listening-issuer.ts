import type { IntrospectionEndpointOptions } from '../index.js';
import { checkNames, checkObject, flag, optional, text, textOrTexts } from '../lib/check.js';
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
import type { IssuerSwitches } from './issuer-switches.js';
import type { TlsSettings } from './loopback-server.js';
import { type NextResponseOptions, NextResponses } from './next-response.js';
import { createOpaqueTokens, type OpaqueTokenIssuer } from './opaque-tokens.js';
import type { KeyRing } from './signing-key.js';
import type { TokenSettings } from './token-claims.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';
import { type AskedIssuer, type TrustOptions, trustOptions } from './trust-options.js';

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
   * Opens a second port for clients with certificates, with https, which the metadata names in
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
   * What the next request gets instead of the usual answer, once: to see what your client does with it.
   * Several calls are answered in order. It waits while the issuer is down.
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

/** What a listening issuer shares with the test issuer that it belongs to. */
interface SharedParts {
  readonly settings: TokenSettings;
  readonly keys: KeyRing;
  readonly switches: IssuerSwitches;
  readonly outage: () => Outage;
}

/** @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects) */
export async function listen(
  given: ListenOptions,
  { settings, keys, switches, outage }: SharedParts,
): Promise<ListeningIssuer> {
  checkListenOptions(given);
  const tls = await resolveTls(given.mtls);
  const { lifetimeSeconds, clock = () => Date.now() } = settings;
  const { assertionIssuers = [], dpopNonce = false } = given;
  const endpoints = { keys, lifetimeSeconds, clock, assertionIssuers, dpopNonce };
  const clients = resolveClients(given, settings);
  const responses = new NextResponses(issuerPaths);
  const server = await startIssuerServer({
    keys,
    outage,
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
