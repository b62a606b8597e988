import type { Algorithm } from '../../src/index.js';
import {
  type AssertionIssuerOptions,
  checkAssertionIssuers,
  checkWorkloads,
} from '../../src/testing/authorization-server/assertion-issuers.js';
import {
  checkCertificatesAreOfUse,
  checkTlsSettings,
  readThumbprints,
} from '../../src/testing/authorization-server/client-certificates.js';
import {
  type Client,
  type ClientOptions,
  checkClients,
  resolveClient,
  toList,
} from '../../src/testing/authorization-server/clients.js';
import { isLoopbackHost, type TlsSettings } from '../../src/testing/loopback-server.js';
import {
  ALGORITHMS,
  badOption,
  checkNames,
  flag,
  object,
  oneOf,
  optional,
  text,
  textOrTexts,
  typeName,
  wholeNumberBetween,
  YEAR_SECONDS,
} from '../core.js';
import { FileError, readTextFile } from '../json-file.js';

/** Options of `startDevIssuer`, and the content of a configuration file. Every member is optional. */
export interface DevIssuerOptions {
  /**
   * `localhost`, an address of 127.0.0.0/8, or `::1`. Default `127.0.0.1`. It becomes part of the issuer
   * identifier.
   */
  readonly host?: string;
  /** 0 takes any free port. Default 4400. */
  readonly port?: number;
  /** The algorithm that signs the tokens. Default that of the stored keys, otherwise RS256. */
  readonly algorithm?: Algorithm;
  /** How long a token is valid, in whole seconds, 1 to 31536000. Default 3600. */
  readonly lifetimeSeconds?: number;
  /**
   * A file for the private keys, made if it's missing: then tokens outlive a restart. Default: new keys at
   * each start.
   */
  readonly keys?: string;
  /** The APIs that tokens are for: `"aud"`. Default `https://inventory.example.com`. */
  readonly audience?: string | readonly string[];
  /**
   * Default `order-service` with the secret `dev-secret` and the scopes `read:inventory` and `write:orders`.
   */
  readonly clients?: readonly ClientOptions[];
  /** The issuers whose assertions clients may exchange for access tokens (RFC 7523 §2.1). Default none. */
  readonly assertionIssuers?: readonly AssertionIssuerOptions[];
  /** Asks for a nonce in the DPoP proofs of token requests (RFC 9449 §8). Default false. */
  readonly dpopNonce?: boolean;
  /** Serves https, and takes client certificates. Default: http, and none. */
  readonly tls?: DevTlsOptions;
}

/** What https needs, as names of files in PEM. */
interface DevTlsOptions {
  /** The certificate of the development issuer. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities that vouch for clients with `tlsClientAuth`. Default none. */
  readonly ca?: string;
  /**
   * A second port for clients with certificates, 0 for any free one, which metadata name in
   * `mtls_endpoint_aliases` (RFC 8705 §5). The first one stays http then. Default: one port for all, with
   * https.
   */
  readonly mtlsPort?: number;
}

/** {@link DevIssuerOptions} with every default filled in. */
export interface DevIssuerSettings {
  readonly host: string;
  readonly port: number;
  /** Undefined: that of the stored keys, otherwise {@link DEFAULT_ALGORITHM}. */
  readonly algorithm: Algorithm | undefined;
  readonly lifetimeSeconds: number;
  readonly keys: string | undefined;
  readonly clients: readonly Client[];
  readonly assertionIssuers: readonly AssertionIssuerOptions[];
  readonly dpopNonce: boolean;
  readonly tls: (TlsSettings & { readonly mtlsPort: number | undefined }) | undefined;
}

export const DEFAULT_ALGORITHM: Algorithm = 'RS256';
const DEFAULT_AUDIENCE = 'https://inventory.example.com';
export const DEFAULT_CLIENT: ClientOptions = {
  clientId: 'order-service',
  clientSecret: 'dev-secret',
  scopes: ['read:inventory', 'write:orders'],
};

const OPTION_NAMES: readonly (keyof DevIssuerOptions)[] = [
  'host',
  'port',
  'algorithm',
  'lifetimeSeconds',
  'keys',
  'audience',
  'clients',
  'assertionIssuers',
  'dpopNonce',
  'tls',
];
const TLS_CHECKS = {
  cert: text,
  key: text,
  ca: optional(text),
  mtlsPort: optional(wholeNumberBetween(0, 65_535)),
};

/**
 * Fills the defaults in, and reads the files except for that of the keys.
 *
 * @throws {TypeError} see {@link checkDevIssuerOptions} (the promise rejects)
 * @throws {FileError} a file can't be read, or has something else in it
 */
export async function resolveDevIssuerOptions(options: DevIssuerOptions): Promise<DevIssuerSettings> {
  checkDevIssuerOptions(options);
  const audience = toList(options.audience ?? DEFAULT_AUDIENCE);
  const { host = '127.0.0.1', port = 4400, lifetimeSeconds = 3600, algorithm, keys } = options;
  const { assertionIssuers = [], dpopNonce = false } = options;
  const clients = await Promise.all(
    (options.clients ?? [DEFAULT_CLIENT]).map(async (client) =>
      resolveClient(await withCertificate(client), { audience, mayAskForAny: false }),
    ),
  );
  const tls = options.tls && (await readTlsFiles(options.tls));
  const general = { host: withoutBrackets(host), port, algorithm, lifetimeSeconds, keys };
  return { ...general, clients, assertionIssuers, dpopNonce, tls };
}

/**
 * Checks options that may come from anywhere: a program, a file, flags.
 *
 * @throws {TypeError} naming the option, what it takes, and the type of what it got
 */
export function checkDevIssuerOptions(options: unknown): asserts options is DevIssuerOptions {
  checkNames(options, OPTION_NAMES, 'options');
  const label = (path: string): string => path;
  // checkNames accepts only objects.
  const given: { readonly [name in keyof DevIssuerOptions]?: unknown } = options as object;
  checkHost(given.host);
  optional(wholeNumberBetween(0, 65_535))(given.port, 'port');
  optional(oneOf(ALGORITHMS))(given.algorithm, 'algorithm');
  optional(wholeNumberBetween(1, YEAR_SECONDS))(given.lifetimeSeconds, 'lifetimeSeconds');
  optional(text)(given.keys, 'keys');
  optional(textOrTexts)(given.audience, 'audience');
  if (given.clients !== undefined) checkClients(given.clients, label);
  if (given.assertionIssuers !== undefined) checkAssertionIssuers(given.assertionIssuers, label);
  optional<boolean>(flag)(given.dpopNonce, 'dpopNonce');
  checkWorkloads(given.clients ?? [], given.assertionIssuers ?? [], label);
  const tls = optional(object(TLS_CHECKS))(given.tls, 'tls');
  checkCertificatesAreOfUse(given.clients ?? [], tls, 'tls', label);
}

function checkHost(host: unknown): void {
  if (host === undefined || (typeof host === 'string' && isLoopbackHost(withoutBrackets(host)))) return;
  const takes = 'localhost, an address of 127.0.0.0/8 or ::1';
  const got = typeof host === 'string' && host !== '' ? JSON.stringify(host) : typeName(host);
  throw badOption('host', `takes ${takes}, got ${got}: a development issuer is for one machine`);
}

async function withCertificate(client: ClientOptions): Promise<ClientOptions> {
  if (client.certificate === undefined) return client;
  const certificate = await readTextFile(client.certificate);
  orFileError(client.certificate, () => readThumbprints(certificate, 'certificate'));
  return { ...client, certificate };
}

async function readTlsFiles({ cert, key, ca, mtlsPort }: DevTlsOptions): Promise<DevIssuerSettings['tls']> {
  const settings = {
    cert: await readTextFile(cert),
    key: await readTextFile(key),
    ca: ca && (await readTextFile(ca)),
    mtlsPort,
  };
  orFileError([cert, key, ...(ca === undefined ? [] : [ca])].join(', '), () =>
    checkTlsSettings(settings, 'tls'),
  );
  return settings;
}

/** What's wrong with the content of a file isn't wrong with the options. */
function orFileError(file: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof TypeError) throw new FileError(`${file}: ${error.message}`);
    throw error;
  }
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
