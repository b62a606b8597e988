import type { IdentitySettings } from '../issuer/client-identity.js';
import {
  badOption,
  type Check,
  type Checked,
  type Checks,
  callable,
  checkObject,
  flag,
  idOrSecret,
  numberBetween,
  optional,
  optionError,
  text,
  unchecked,
} from '../lib/check.js';
import type { Random } from '../lib/pause.js';
import { quote } from '../lib/public-text.js';
import type { Runtime } from '../lib/runtime.js';
import { checkInsecureRequests, HTTPS_URL, httpsUrl, issuerIdentifier } from '../lib/url.js';
import type { CertificateOption } from '../options/certificate.js';
import {
  AUTHENTICATION_CHECKS,
  type ClientAuthenticationOptions,
  checkCredential,
} from '../options/credential.js';
import { isScopeToken } from '../token/scope.js';
import { type ClientDpopOptions, checkClientDpop, type DpopClientSettings } from './dpop.js';
import { defaultOrigins, originsCheck } from './origins.js';

/**
 * The options of all API clients: where access tokens come from, who asks for them, what they're for, and
 * where they may go. Unknown names are refused.
 */
export interface ClientOptions extends ClientAuthenticationOptions {
  /**
   * The authorization server's identifier, an https URL (http only for loopback hosts). Its metadata is
   * discovered (RFC 8414, OpenID Connect Discovery), unless `tokenEndpoint` is given. One of the two is
   * required.
   */
  readonly issuer?: string;
  /**
   * The token endpoint, for a server without metadata: an https URL (http only for loopback hosts). There's
   * no discovery then.
   */
  readonly tokenEndpoint?: string;
  /**
   * Where the metadata is, if the server publishes it at an unusual place: an https URL (http only for
   * loopback hosts). It must name `issuer` exactly. Not together with `tokenEndpoint`.
   */
  readonly metadataUrl?: string;
  /** The client's identifier at the authorization server (RFC 6749 §2.2), without control characters. */
  readonly clientId: string;
  /**
   * The `"aud"` of client assertions. Default `'issuer'`. `'token_endpoint'` is for servers that know only
   * the older rule. Security: if the audience is an endpoint's URL, a malicious server can use the assertion
   * by naming that endpoint as its own.
   */
  readonly assertionAudience?: 'issuer' | 'token_endpoint';
  /**
   * The certificate that the client shows to the authorization server and to the `origins` (RFC 8705), with
   * its key: paths of files, PEM, or a function that returns PEM. It authenticates the client if nothing else
   * does; in addition to a secret, a key or an assertion, it's what tokens may be bound to. Files are read
   * again when they change, and a function is called for each token. Needs `undici`. Not together with
   * `fetch`.
   */
  readonly certificate?: CertificateOption;
  /**
   * Gets access tokens bound to this client's key (RFC 9449), and sends a proof of possession with each
   * request: a stolen token is useless without the key. `true` makes a key; for an object see {@link
   * ClientDpopOptions}. A bearer token is then refused: `token_not_bound`. Default false.
   */
  readonly dpop?: boolean | ClientDpopOptions;
  /**
   * The scopes to ask for: space-separated, `"read:inventory write:orders"`, or a list. Default: none, and
   * the server decides.
   */
  readonly scope?: string | readonly string[];
  /** The API that the token is for (RFC 8707): an absolute URI without fragment. */
  readonly resource?: string;
  /** The parameter `audience`, which some authorization servers (Auth0) want as the API's name. */
  readonly audience?: string;
  /** More parameters for the token request, except those that other options set. */
  readonly parameters?: Readonly<Record<string, string>>;
  /**
   * The origins that `fetch` sends the token to, each by its name: `["https://inventory.example.com"]`.
   * Default: that of `resource`, if that's an https URL (http only for loopback hosts). One of them may be a
   * plain http origin that `allowInsecureRequests` allows. Security: an origin that gets the token can use
   * it.
   */
  readonly origins?: readonly string[];
  /**
   * Refuses a token with fewer scopes than requested. Default false: see `GrantedToken.scope` for those
   * granted.
   */
  readonly requireAllScopes?: boolean;
  /** How long to use a token if the server doesn't say, in seconds, 1 to 86400. Default 60. */
  readonly defaultLifetimeSeconds?: number;
  /**
   * Time limit for getting a token, in seconds, discovery and retries included; above 0, at most 60. Default
   * 5.
   */
  readonly timeoutSeconds?: number;
  /**
   * Allows plain http for hosts other than loopback: for these origins, `["http://inventory:8080"]`, or for
   * all with `true`. Default false. Security: anyone on the path can read secrets and tokens.
   */
  readonly allowInsecureRequests?: boolean | readonly string[];
  /**
   * Used for every request instead of the global `fetch`: for proxies, private certificate authorities and
   * mutual TLS. It must take Node's `Request`, which undici's own `fetch` doesn't: give the global one a
   * `dispatcher` instead. Not together with `certificate`.
   */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
  /** Spreads renewals and retries in time: from 0 up to 1. Default `Math.random`. For tests. */
  readonly random?: () => number;
}

/** Options of `createClientCredentials`. */
export type ClientCredentialsOptions = ClientOptions;

/** Options that stay as they are, apart from their defaults. */
type Kept = 'requireAllScopes' | 'defaultLifetimeSeconds' | 'timeoutSeconds' | 'random';

/** The options as plain data, with every default filled in. */
export interface ClientSettings extends IdentitySettings, Required<Pick<ClientOptions, Kept>> {
  readonly runtime: Runtime;
  /** Undefined only if there's a token endpoint. */
  readonly issuer: string | undefined;
  /** Undefined: the one in the metadata. */
  readonly tokenEndpoint: string | undefined;
  /** Instead of the well-known locations. */
  readonly metadataUrl: string | undefined;
  /** Empty if the client names none. */
  readonly clientId: string;
  /** Undefined if the client gets bearer tokens. */
  readonly dpop: DpopClientSettings | undefined;
  readonly requestedScopes: readonly string[];
  /** `resource`, `audience` and the option `parameters`. */
  readonly parameters: URLSearchParams;
  readonly origins: readonly string[];
}

/**
 * Parameters that other options set, or that would authenticate the client a second time (RFC 6749 §2.3,
 * §3.2).
 */
const RESERVED_PARAMETERS: readonly string[] = [
  ...['grant_type', 'scope', 'resource', 'audience', 'client_id', 'client_secret'],
  ...['client_assertion', 'client_assertion_type', 'assertion', 'requested_token_type'],
  ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'],
];
const ISSUER = `${HTTPS_URL}, without query and fragment`;

const CHECKS = {
  issuer: unchecked,
  tokenEndpoint: unchecked,
  metadataUrl: unchecked,
  clientId: unchecked,
  ...AUTHENTICATION_CHECKS,
  assertionAudience: unchecked,
  dpop: checkClientDpop,
  scope: optional(checkScope, []),
  resource: optional(checkResource),
  audience: optional(text),
  parameters: optional(checkParameters, []),
  origins: unchecked,
  requireAllScopes: optional(flag, false),
  defaultLifetimeSeconds: optional(numberBetween(1, 86_400), 60),
  timeoutSeconds: optional(numberBetween(0.001, 60), 5),
  allowInsecureRequests: optional(checkInsecureRequests, false),
  fetch: optional<typeof globalThis.fetch>(callable, (input, init) => globalThis.fetch(input, init)),
  clock: optional<() => number>(callable, () => Date.now()),
  random: optional<Random>(callable, () => Math.random()),
} satisfies Checks<ClientOptions>;

/** Checks of options by their names. */
type Table = Readonly<Record<string, Check<unknown>>>;

/**
 * Checks the options and fills in the defaults, once, when a client is built.
 *
 * @param own checks of options beyond {@link ClientOptions}, or that replace theirs
 * @param authenticates whether the client has to; if it doesn't, it needs no `clientId` either
 * @throws {OptionError} a TypeError that names the option, what it got (its type, never a value that could be
 *   secret) and what it takes
 */
export function checkClientOptions<Own extends Table>(
  options: Omit<ClientOptions, 'clientId'> & { readonly clientId?: string },
  own: Own,
  authenticates = true,
): ClientSettings & Checked<Own> {
  // What both tables make of it, which TypeScript can't tell of a table that it doesn't know.
  const checked = checkObject(options, '', { ...CHECKS, ...own }) as Checked<typeof CHECKS> & Checked<Own>;
  const { allowInsecureRequests, fetch, clock, scope, resource, audience } = checked;
  const checkUrl = optional(httpsUrl(allowInsecureRequests));
  const checkIssuer = issuerIdentifier(allowInsecureRequests, ISSUER);
  const tokenEndpoint = checkUrl(checked.tokenEndpoint, 'tokenEndpoint');
  const isDiscovered = tokenEndpoint === undefined;
  const issuer = (isDiscovered ? checkIssuer : optional(checkIssuer))(checked.issuer, 'issuer');
  const metadataUrl = checkUrl(checked.metadataUrl, 'metadataUrl');
  if (metadataUrl !== undefined && !isDiscovered)
    throw badOption('metadataUrl', 'does not go with tokenEndpoint, which needs no metadata');
  const kinds = ['clientSecret', 'privateKey', 'clientAssertion', 'certificate'] as const;
  const credential = checkCredential(checked, '', authenticates ? kinds : [...kinds, 'none']);
  const isAnonymous = credential.kind === 'none' && checked.clientId === undefined;
  if (checked.certificate !== undefined && options.fetch !== undefined)
    throw badOption('certificate', 'does not go with fetch, which makes the connections');
  if ('audience' in credential && credential.audience === 'issuer' && issuer === undefined)
    throw badOption(
      'privateKey',
      `needs "issuer", which assertions are for, or assertionAudience: 'token_endpoint'`,
    );
  // No parameter twice, and none empty (RFC 6749 §3.2).
  const parameters = new URLSearchParams();
  if (resource !== undefined) parameters.set('resource', resource);
  if (audience !== undefined) parameters.set('audience', audience);
  for (const [name, value] of checked.parameters) parameters.set(name, value);
  const checkOrigins = originsCheck(allowInsecureRequests);
  const ownOrigins = defaultOrigins(resource, allowInsecureRequests);
  return {
    ...checked,
    runtime: { fetch, clock, clockToleranceSeconds: 0, allowInsecureRequests },
    issuer,
    tokenEndpoint,
    metadataUrl,
    clientId: isAnonymous ? '' : idOrSecret(checked.clientId, 'clientId'),
    credential,
    requestedScopes: scope,
    parameters,
    origins: optional(checkOrigins, ownOrigins)(checked.origins, 'origins'),
  };
}

export function checkScope(given: unknown, path: string): readonly string[] {
  let scopes: readonly unknown[] = [];
  if (typeof given === 'string') scopes = given.split(' ');
  else if (Array.isArray(given)) scopes = given;
  if (scopes.length > 0 && scopes.every(isScopeToken)) return [...new Set(scopes)];
  const wrong = scopes.find((scope) => !isScopeToken(scope)) ?? given;
  const got = typeof given === 'string' && given !== '' ? given : wrong;
  const takes = 'scopes separated by single spaces, or a list of scopes';
  if (typeof got !== 'string' || got === '') throw optionError(path, takes, given);
  throw badOption(path, `takes ${takes}, got ${quote(got)}`);
}

/** A token alone. Some give the whole field `Authorization`, which no server knows as a token. */
export function checkTokenText(given: unknown, path: string): string {
  const token = text(given, path);
  if (!/^(?:bearer|dpop) /i.test(token)) return token;
  throw badOption(path, 'begins with the scheme of a header field; it takes the token alone');
}

/** RFC 8707 §2: an absolute URI without fragment. */
export function checkResource(given: unknown, path: string): string {
  const resource = text(given, path);
  if (/^[\x21-\x7e]+$/.test(resource) && URL.canParse(resource) && !resource.includes('#')) return resource;
  throw badOption(path, `takes an absolute URI without fragment, got ${quote(resource)}`);
}

function checkParameters(given: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw optionError(path, 'an object with strings', given);
  return Object.entries(given).map(([name, value]) => {
    if (RESERVED_PARAMETERS.includes(name))
      throw badOption(path, `cannot have "${name}", which other options set`);
    return [name, text(value, `${path}.${name}`)] as const;
  });
}
