import type { Algorithm } from '../../src/index.js';
import {
  type Client,
  type ClientOptions,
  checkClients,
  type Label,
  resolveClient,
  toList,
} from '../../src/testing/authorization-server/clients.js';
import {
  type AssertionIssuerOptions,
  checkAssertionIssuers,
} from '../../src/testing/authorization-server/jwt-bearer.js';
import { isLoopbackHost } from '../../src/testing/loopback-server.js';
import {
  ALGORITHMS,
  checkNames,
  flag,
  oneOf,
  optional,
  text,
  textOrTexts,
  typeName,
  wholeNumberBetween,
} from '../core.js';

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
];
const YEAR_SECONDS = 31_536_000;

/** Fills the defaults in. @throws {TypeError} see {@link checkDevIssuerOptions} */
export function resolveDevIssuerOptions(options: DevIssuerOptions): DevIssuerSettings {
  checkDevIssuerOptions(options);
  const audience = toList(options.audience ?? DEFAULT_AUDIENCE);
  const { host = '127.0.0.1', port = 4400, lifetimeSeconds = 3600, algorithm, keys } = options;
  const { assertionIssuers = [], dpopNonce = false } = options;
  const clients = (options.clients ?? [DEFAULT_CLIENT]).map((client) =>
    resolveClient(client, { audience, mayAskForAny: false }),
  );
  const general = { host: withoutBrackets(host), port, algorithm, lifetimeSeconds, keys };
  return { ...general, clients, assertionIssuers, dpopNonce };
}

/**
 * Checks options that may come from anywhere: a program, a file, flags.
 *
 * @param label what messages call a member, given its path: `clients[0].scopes`. Default the path
 * @throws {TypeError} naming the option, what it takes, and the type of what it got
 */
export function checkDevIssuerOptions(
  options: unknown,
  label: Label = (path) => path,
): asserts options is DevIssuerOptions {
  checkNames(options, OPTION_NAMES, 'options');
  // checkNames accepts only objects.
  const given: { readonly [name in keyof DevIssuerOptions]?: unknown } = options as object;
  checkHost(given.host, label('host'));
  optional(wholeNumberBetween(0, 65_535))(given.port, label('port'));
  optional(oneOf(ALGORITHMS))(given.algorithm, label('algorithm'));
  optional(wholeNumberBetween(1, YEAR_SECONDS))(given.lifetimeSeconds, label('lifetimeSeconds'));
  optional(text)(given.keys, label('keys'));
  optional(textOrTexts)(given.audience, label('audience'));
  if (given.clients !== undefined) checkClients(given.clients, label);
  if (given.assertionIssuers !== undefined) checkAssertionIssuers(given.assertionIssuers, label);
  optional<boolean>(flag)(given.dpopNonce, label('dpopNonce'));
}

function checkHost(host: unknown, name: string): void {
  if (host === undefined || (typeof host === 'string' && isLoopbackHost(withoutBrackets(host)))) return;
  const takes = 'localhost, an address of 127.0.0.0/8 or ::1';
  const got = typeof host === 'string' && host !== '' ? JSON.stringify(host) : typeName(host);
  throw new TypeError(`option "${name}" takes ${takes}, got ${got}: a development issuer is for one machine`);
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
