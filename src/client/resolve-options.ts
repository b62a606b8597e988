import { resolvePrivateKey } from '../issuer/private-key.js';
import {
  checkNames,
  choice,
  flag,
  functionOf,
  numberBetween,
  optionError,
  stringList,
  stringOf,
} from '../lib/check.js';
import { isAcceptableUrl, isIssuerIdentifier } from '../lib/url.js';
import { isScopeToken } from '../token/scope.js';
import type { AuthenticationMethod, ClientCredential } from './client-authentication.js';
import type { ClientCredentialsOptions } from './options.js';

const OPTION_NAMES: readonly (keyof ClientCredentialsOptions)[] = [
  'issuer',
  'tokenEndpoint',
  'clientId',
  'clientSecret',
  'privateKey',
  'keyId',
  'algorithm',
  'assertionAudience',
  'authenticationMethod',
  'scope',
  'resource',
  'audience',
  'parameters',
  'origins',
  'requireAllScopes',
  'defaultLifetimeSeconds',
  'timeoutSeconds',
  'allowInsecureRequests',
  'fetch',
  'clock',
  'random',
];
const METHODS: readonly AuthenticationMethod[] = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];
const KEY_OPTIONS = ['keyId', 'algorithm', 'assertionAudience'] as const;
/** Parameters that other options set, or that would authenticate the client a second time (RFC 6749 §2.3, §3.2). */
const RESERVED_PARAMETERS: readonly string[] = [
  'grant_type',
  'scope',
  'resource',
  'audience',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
];
const HTTPS_URL = 'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';
const DEFAULT_LIFETIME_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 86_400;
const DEFAULT_TIMEOUT_SECONDS = 5;

/** What is known of the authorization server: without a token endpoint it is discovered. */
export type ServerLocation =
  | { readonly issuer: string; readonly tokenEndpoint: undefined }
  | { readonly issuer: string | undefined; readonly tokenEndpoint: string };

/** Options with every default filled in. */
export interface ResolvedClientOptions {
  readonly server: ServerLocation;
  readonly clientId: string;
  readonly credential: ClientCredential;
  readonly requestedScopes: readonly string[];
  readonly parameters: URLSearchParams;
  readonly origins: readonly string[];
  readonly requireAllScopes: boolean;
  readonly defaultLifetimeSeconds: number;
  readonly timeoutSeconds: number;
  readonly allowInsecureRequests: boolean;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: () => number;
  readonly random: () => number;
}

/**
 * Checks the options and fills in the defaults, once, when a client is built.
 *
 * @throws {TypeError} naming the option, what it got (its type, never a value that could be secret) and what it takes
 */
export function resolveClientOptions(options: ClientCredentialsOptions): ResolvedClientOptions {
  checkNames(options, OPTION_NAMES, 'options');
  const allowInsecureRequests = flag(options.allowInsecureRequests, 'allowInsecureRequests');
  const server = serverOf(options, allowInsecureRequests);
  const requestedScopes = scopesOf(options.scope);
  const { defaultLifetimeSeconds, timeoutSeconds } = options;
  return {
    server,
    clientId: required(options.clientId, 'clientId'),
    credential: credentialOf(options, server.issuer),
    requestedScopes,
    parameters: parametersOf(options, requestedScopes),
    origins: originsOf(options, allowInsecureRequests),
    requireAllScopes: flag(options.requireAllScopes, 'requireAllScopes'),
    defaultLifetimeSeconds:
      numberBetween(defaultLifetimeSeconds, 1, MAX_LIFETIME_SECONDS, 'defaultLifetimeSeconds') ??
      DEFAULT_LIFETIME_SECONDS,
    timeoutSeconds: numberBetween(timeoutSeconds, 0.001, 60, 'timeoutSeconds') ?? DEFAULT_TIMEOUT_SECONDS,
    allowInsecureRequests,
    fetch: functionOf(options.fetch, 'fetch') ?? ((input, init) => globalThis.fetch(input, init)),
    clock: functionOf(options.clock, 'clock') ?? (() => Date.now()),
    random: functionOf(options.random, 'random') ?? Math.random,
  };
}

function serverOf(
  { issuer, tokenEndpoint }: ClientCredentialsOptions,
  allowInsecureRequests: boolean,
): ServerLocation {
  if (tokenEndpoint === undefined)
    return { issuer: issuerIdentifier(issuer, allowInsecureRequests), tokenEndpoint };
  if (!isAcceptableUrl(tokenEndpoint, { allowInsecureRequests, allowLoopback: true }))
    throw optionError('tokenEndpoint', HTTPS_URL, tokenEndpoint);
  return {
    issuer: issuer === undefined ? undefined : issuerIdentifier(issuer, allowInsecureRequests),
    tokenEndpoint,
  };
}

function issuerIdentifier(given: unknown, allowInsecureRequests: boolean): string {
  if (isIssuerIdentifier(given, allowInsecureRequests)) return given;
  throw optionError('issuer', `${HTTPS_URL}, without query and fragment`, given);
}

function credentialOf(options: ClientCredentialsOptions, issuer: string | undefined): ClientCredential {
  const method = choice(options.authenticationMethod, METHODS, 'authenticationMethod');
  const clientSecret = stringOf(options.clientSecret, 'clientSecret');
  const hasKey = options.privateKey !== undefined;
  if ((clientSecret !== undefined) === hasKey)
    throw new TypeError(
      `options take one of "clientSecret" and "privateKey", got ${hasKey ? 'both' : 'neither'}`,
    );
  if (clientSecret === undefined) {
    if (method !== undefined && method !== 'private_key_jwt') throw misfit(method, 'clientSecret');
    return keyCredentialOf(options, issuer);
  }
  if (method === 'private_key_jwt') throw misfit(method, 'privateKey');
  const alien = KEY_OPTIONS.find((name) => options[name] !== undefined);
  if (alien !== undefined) throw new TypeError(`option "${alien}" is only for "privateKey"`);
  return { kind: 'secret', clientSecret, method };
}

function misfit(method: AuthenticationMethod, needed: string): TypeError {
  return new TypeError(`option "authenticationMethod" is '${method}', which needs "${needed}"`);
}

function keyCredentialOf(options: ClientCredentialsOptions, issuer: string | undefined): ClientCredential {
  const audiences = ['issuer', 'token_endpoint'] as const;
  const audience = choice(options.assertionAudience, audiences, 'assertionAudience') ?? 'issuer';
  if (audience === 'issuer' && issuer === undefined)
    throw new TypeError(
      'option "privateKey" needs "issuer", which assertions are for, or assertionAudience: \'token_endpoint\'',
    );
  const key = resolvePrivateKey(options.privateKey, options.keyId, options.algorithm);
  return { kind: 'key', key, audience };
}

function scopesOf(given: unknown): readonly string[] {
  if (given === undefined) return [];
  const scopes: readonly unknown[] =
    typeof given === 'string' ? given.split(' ') : Array.isArray(given) ? given : [];
  if (scopes.length === 0 || !scopes.every(isScopeToken))
    throw optionError('scope', 'scopes separated by single spaces, or a list of scopes', given);
  return [...new Set(scopes)];
}

/** No parameter twice, and none empty (RFC 6749 §3.2). */
function parametersOf(options: ClientCredentialsOptions, scopes: readonly string[]): URLSearchParams {
  const parameters = new URLSearchParams();
  if (scopes.length > 0) parameters.set('scope', scopes.join(' '));
  const resource = resourceOf(options.resource);
  if (resource !== undefined) parameters.set('resource', resource);
  const audience = stringOf(options.audience, 'audience');
  if (audience !== undefined) parameters.set('audience', audience);
  for (const [name, value] of furtherParameters(options.parameters)) parameters.set(name, value);
  return parameters;
}

function furtherParameters(given: unknown): readonly (readonly [string, string])[] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw optionError('parameters', 'an object with strings', given);
  return Object.entries(given).map(([name, value]) => {
    if (RESERVED_PARAMETERS.includes(name))
      throw new TypeError(`option "parameters" cannot have "${name}", which other options set`);
    return [name, required(value, `parameters.${name}`)] as const;
  });
}

/** RFC 8707 §2: an absolute URI without fragment. */
function resourceOf(given: unknown): string | undefined {
  const resource = stringOf(given, 'resource');
  if (resource === undefined || (/^[\x21-\x7e]+$/.test(resource) && isAbsoluteUri(resource))) return resource;
  throw optionError('resource', 'an absolute URI without fragment', given);
}

function isAbsoluteUri(value: string): boolean {
  return URL.canParse(value) && !value.includes('#');
}

function originsOf(
  { origins, resource }: ClientCredentialsOptions,
  allowInsecureRequests: boolean,
): readonly string[] {
  const rules = { allowInsecureRequests, allowLoopback: true };
  if (origins === undefined)
    return Object.freeze(isAcceptableUrl(resource, rules) ? [new URL(resource).origin] : []);
  const takes = 'a list of origins such as https://inventory.example.com (http only for loopback hosts)';
  const list = stringList(origins, 'origins', takes);
  if (!list.every((value) => isAcceptableUrl(value, rules) && new URL(value).origin === value))
    throw new TypeError(
      `option "origins" takes ${takes}, without a path and as URLs write them, got another string`,
    );
  return Object.freeze([...new Set(list)]);
}

function required(given: unknown, name: string): string {
  const value = stringOf(given, name);
  if (value === undefined) throw optionError(name, 'a non-empty string', given);
  return value;
}
