import { randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { checkConfiguredKeys } from '../../src/issuer/configured-keys.js';
import {
  checkNames,
  choice,
  numberBetween,
  optionError,
  stringOf,
  stringOrList,
  typeName,
} from '../../src/lib/check.js';
import type { Algorithm } from '../../src/options/options.js';
import { isLoopbackHost } from '../../src/testing/loopback-server.js';
import { algorithms } from '../../src/testing/signing-key.js';
import { isScopeToken } from '../../src/token/scope.js';

/** A client that may get tokens, as configured. */
export interface DevClientOptions {
  /** Unique among the clients. */
  readonly clientId: string;
  /** For `client_secret_basic` and `client_secret_post`. Default: a random one, unless there are `jwks`. */
  readonly clientSecret?: string;
  /** The client's public keys, for `private_key_jwt` (RFC 7523 §2.2). */
  readonly jwks?: JSONWebKeySet;
  /** What the client may ask for, and gets when it asks for nothing: `["read:inventory"]`. Default none. */
  readonly scopes?: readonly string[];
  /** The APIs that the client may get tokens for; the first one when it names none. Default the issuer's `audience`. */
  readonly audience?: string | readonly string[];
  /** More claims of its tokens: `{ "tenant": "acme" }`. None of those that the issuer sets itself, `"sub"` excepted. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What `startDevIssuer` takes, and a configuration file holds. Every member is optional. */
export interface DevIssuerOptions {
  /** `localhost`, an address of 127.0.0.0/8, or `::1`. Default `127.0.0.1`. It becomes part of the issuer identifier. */
  readonly host?: string;
  /** 0 takes any free port. Default 4400. */
  readonly port?: number;
  /** What signs the tokens. Default that of the stored keys, otherwise RS256. */
  readonly algorithm?: Algorithm;
  /** How long a token is valid, in whole seconds, 1 to 31536000. Default 3600. */
  readonly lifetimeSeconds?: number;
  /**
   * A file for the private keys, so that tokens hold after a restart. It is made where it is missing. Default: new keys at each start.
   */
  readonly keys?: string;
  /** The APIs that tokens are for: `"aud"`. Default `https://inventory.example.com`. */
  readonly audience?: string | readonly string[];
  /** Default `order-service` with the secret `dev-secret` and the scopes `read:inventory` and `write:orders`. */
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
const TEXT = /^[^\p{Cc}]+$/u;

/** Fills the defaults in. @throws {TypeError} see {@link checkDevIssuerOptions} */
export function resolveDevIssuerOptions(options: DevIssuerOptions): DevIssuerSettings {
  checkDevIssuerOptions(options);
  const audience = listOf(options.audience ?? DEFAULT_AUDIENCE);
  const { host = '127.0.0.1', port = 4400, lifetimeSeconds = 3600, algorithm, keys } = options;
  const clients = (options.clients ?? [DEFAULT_CLIENT]).map((client) => resolveClient(client, audience));
  return { host: withoutBrackets(host), port, algorithm, lifetimeSeconds, keys, clients };
}

/**
 * Checks options that may come from anywhere: a program, a file, flags.
 *
 * @param nameOf what messages call a member, given its path: `clients[0].scopes`. Default the path
 * @throws {TypeError} naming the option, what it takes, and the type of what it got
 */
export function checkDevIssuerOptions(
  options: unknown,
  nameOf: (path: string) => string = (path) => path,
): asserts options is DevIssuerOptions {
  checkNames(options, OPTION_NAMES, 'options');
  const given: { readonly [name in keyof DevIssuerOptions]?: unknown } = options as object; // checkNames takes objects only
  checkHost(given.host, nameOf('host'));
  checkWhole(given.port, 0, 65_535, nameOf('port'));
  choice(given.algorithm, algorithms, nameOf('algorithm'));
  checkWhole(given.lifetimeSeconds, 1, YEAR_SECONDS, nameOf('lifetimeSeconds'));
  stringOf(given.keys, nameOf('keys'));
  if (given.audience !== undefined) stringOrList(given.audience, nameOf('audience'));
  if (given.clients !== undefined) checkClients(given.clients, nameOf);
}

function checkHost(host: unknown, name: string): void {
  if (host === undefined || (typeof host === 'string' && isLoopbackHost(withoutBrackets(host)))) return;
  const got = typeof host === 'string' && host !== '' ? JSON.stringify(host) : typeName(host);
  throw new TypeError(
    `option "${name}" takes localhost, an address of 127.0.0.0/8 or ::1, got ${got}: a development issuer is for one machine`,
  );
}

function checkWhole(value: unknown, least: number, most: number, name: string): void {
  const number = numberBetween(value, least, most, name);
  if (number !== undefined && !Number.isInteger(number)) throw optionError(name, 'a whole number', value);
}

function checkClients(clients: unknown, nameOf: (path: string) => string): void {
  if (!Array.isArray(clients) || clients.length === 0)
    throw optionError(nameOf('clients'), 'a list of at least one client', clients);
  const seen = new Set<unknown>();
  for (const [index, client] of clients.entries()) {
    checkClient(client, (member) => nameOf(`clients[${index}]${member}`));
    if (seen.has(client.clientId))
      throw new TypeError(
        `option "${nameOf(`clients[${index}].clientId`)}" names a client that is there already`,
      );
    seen.add(client.clientId);
  }
}

function checkClient(client: unknown, nameOf: (member: string) => string): void {
  checkNames(client, CLIENT_NAMES, nameOf(''));
  const given: { readonly [name in keyof DevClientOptions]?: unknown } = client as object; // checkNames takes objects only
  const printable = 'a non-empty string without control characters';
  if (!isText(given.clientId)) throw optionError(nameOf('.clientId'), printable, given.clientId);
  if (given.clientSecret !== undefined && !isText(given.clientSecret))
    throw optionError(nameOf('.clientSecret'), printable, given.clientSecret);
  if (given.jwks !== undefined) checkConfiguredKeys(given.jwks, nameOf('.jwks'));
  if (given.scopes !== undefined) checkScopes(given.scopes, nameOf('.scopes'));
  if (given.audience !== undefined) stringOrList(given.audience, nameOf('.audience'));
  if (given.claims !== undefined) checkClaims(given.claims, nameOf('.claims'));
}

function checkScopes(scopes: unknown, name: string): void {
  if (Array.isArray(scopes) && scopes.every(isScopeToken)) return;
  throw optionError(name, 'a list of scopes, each without spaces, quotes and backslashes', scopes);
}

function checkClaims(claims: unknown, name: string): void {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw optionError(name, 'an object', claims);
  const reserved = RESERVED_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
  if (reserved !== undefined)
    throw new TypeError(`option "${name}" has the claim "${reserved}", which the issuer sets itself`);
}

function resolveClient(client: DevClientOptions, audience: readonly string[]): DevClient {
  const { clientId, clientSecret, jwks, scopes = [], claims = {} } = client;
  const generated = jwks === undefined ? randomBytes(18).toString('base64url') : undefined;
  return {
    clientId,
    clientSecret: clientSecret ?? generated,
    jwks,
    scopes: [...new Set(scopes)],
    audience: client.audience === undefined ? audience : listOf(client.audience),
    claims,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && TEXT.test(value);
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : [...new Set(value)];
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
