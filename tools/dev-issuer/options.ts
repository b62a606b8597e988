import { randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import type { Algorithm } from '../../src/index.js';
import { isLoopbackHost } from '../../src/testing/loopback-server.js';
import {
  ALGORITHMS,
  checkConfiguredKeys,
  checkNames,
  isJsonObject,
  isScopeToken,
  oneOf,
  optional,
  optionError,
  text,
  textOrTexts,
  typeName,
  wholeNumberBetween,
} from '../core.js';

/** A client that may get tokens, as configured. */
export interface DevClientOptions {
  /** Unique among the clients. */
  readonly clientId: string;
  /** For `client_secret_basic` and `client_secret_post`. Default: a random one, unless there are `jwks`. */
  readonly clientSecret?: string;
  /** The client's public keys, for `private_key_jwt` (RFC 7523 §2.2). */
  readonly jwks?: JSONWebKeySet;
  /** What the client may ask for, and gets if it asks for nothing: `["read:inventory"]`. Default none. */
  readonly scopes?: readonly string[];
  /**
   * The APIs that the client may get tokens for; the first one is the default. Default the issuer's
   * `audience`.
   */
  readonly audience?: string | readonly string[];
  /**
   * More claims of its tokens: `{ "tenant": "acme" }`. Except for `"sub"`, not those that the issuer sets
   * itself.
   */
  readonly claims?: Readonly<Record<string, unknown>>;
}

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
  readonly clients?: readonly DevClientOptions[];
}

/** A client with every default filled in. */
export interface DevClient {
  readonly clientId: string;
  /** Undefined: the client has keys only. */
  readonly clientSecret: string | undefined;
  readonly jwks: JSONWebKeySet | undefined;
  readonly scopes: readonly string[];
  /** One at least; the first one is the default. */
  readonly audience: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** {@link DevIssuerOptions} with every default filled in. */
export interface DevIssuerSettings {
  readonly host: string;
  readonly port: number;
  /** Undefined: that of the stored keys, otherwise {@link DEFAULT_ALGORITHM}. */
  readonly algorithm: Algorithm | undefined;
  readonly lifetimeSeconds: number;
  readonly keys: string | undefined;
  readonly clients: readonly DevClient[];
}

export const DEFAULT_ALGORITHM: Algorithm = 'RS256';
const DEFAULT_AUDIENCE = 'https://inventory.example.com';
export const DEFAULT_CLIENT: DevClientOptions = {
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
];
const CLIENT_NAMES: readonly (keyof DevClientOptions)[] = [
  'clientId',
  'clientSecret',
  'jwks',
  'scopes',
  'audience',
  'claims',
];
/** RFC 9068 §2.2; `scope` follows what the client asks for, and `active` is what introspection says. */
const RESERVED_CLAIMS = ['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'active'];
const YEAR_SECONDS = 31_536_000;
const PRINTABLE = /^[^\p{Cc}]+$/u;

/** Fills the defaults in. @throws {TypeError} see {@link checkDevIssuerOptions} */
export function resolveDevIssuerOptions(options: DevIssuerOptions): DevIssuerSettings {
  checkDevIssuerOptions(options);
  const audience = toList(options.audience ?? DEFAULT_AUDIENCE);
  const { host = '127.0.0.1', port = 4400, lifetimeSeconds = 3600, algorithm, keys } = options;
  const clients = (options.clients ?? [DEFAULT_CLIENT]).map((client) => resolveClient(client, audience));
  return { host: withoutBrackets(host), port, algorithm, lifetimeSeconds, keys, clients };
}

/**
 * Checks options that may come from anywhere: a program, a file, flags.
 *
 * @param label what messages call a member, given its path: `clients[0].scopes`. Default the path
 * @throws {TypeError} naming the option, what it takes, and the type of what it got
 */
export function checkDevIssuerOptions(
  options: unknown,
  label: (path: string) => string = (path) => path,
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
}

function checkHost(host: unknown, name: string): void {
  if (host === undefined || (typeof host === 'string' && isLoopbackHost(withoutBrackets(host)))) return;
  const takes = 'localhost, an address of 127.0.0.0/8 or ::1';
  const got = typeof host === 'string' && host !== '' ? JSON.stringify(host) : typeName(host);
  throw new TypeError(`option "${name}" takes ${takes}, got ${got}: a development issuer is for one machine`);
}

function checkClients(clients: unknown, label: (path: string) => string): void {
  if (!Array.isArray(clients) || clients.length === 0)
    throw optionError(label('clients'), 'a list of at least one client', clients);
  const seen = new Set<unknown>();
  for (const [index, client] of clients.entries()) {
    checkClient(client, (member) => label(`clients[${index}]${member}`));
    if (seen.has(client.clientId))
      throw new TypeError(
        `option "${label(`clients[${index}].clientId`)}" names a client that is there already`,
      );
    seen.add(client.clientId);
  }
}

function checkClient(client: unknown, label: (member: string) => string): void {
  checkNames(client, CLIENT_NAMES, label(''));
  // checkNames accepts only objects.
  const given: { readonly [name in keyof DevClientOptions]?: unknown } = client as object;
  checkPrintable(given.clientId, label('.clientId'));
  if (given.clientSecret !== undefined) checkPrintable(given.clientSecret, label('.clientSecret'));
  if (given.jwks !== undefined) checkConfiguredKeys(given.jwks, label('.jwks'));
  if (given.scopes !== undefined) checkScopes(given.scopes, label('.scopes'));
  if (given.audience !== undefined) textOrTexts(given.audience, label('.audience'));
  if (given.claims !== undefined) checkClaims(given.claims, label('.claims'));
}

function checkPrintable(value: unknown, name: string): void {
  if (typeof value === 'string' && PRINTABLE.test(value)) return;
  throw optionError(name, 'a non-empty string without control characters', value);
}

function checkScopes(scopes: unknown, name: string): void {
  if (Array.isArray(scopes) && scopes.every(isScopeToken)) return;
  throw optionError(name, 'a list of scopes, each without spaces, quotes and backslashes', scopes);
}

function checkClaims(claims: unknown, name: string): void {
  if (!isJsonObject(claims)) throw optionError(name, 'an object', claims);
  const reserved = RESERVED_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
  if (reserved !== undefined)
    throw new TypeError(`option "${name}" has the claim "${reserved}", which the issuer sets itself`);
}

function resolveClient(client: DevClientOptions, audience: readonly string[]): DevClient {
  const { clientId, clientSecret, jwks, scopes = [], claims = {} } = client;
  const randomSecret = jwks === undefined ? randomBytes(18).toString('base64url') : undefined;
  return {
    clientId,
    clientSecret: clientSecret ?? randomSecret,
    jwks,
    scopes: [...new Set(scopes)],
    audience: client.audience === undefined ? audience : toList(client.audience),
    claims,
  };
}

function toList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : [...new Set(value)];
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
