import { randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { checkConfiguredKeys } from '../../issuer/configured-keys.js';
import {
  badOption,
  checkNames,
  flag,
  object,
  optional,
  optionError,
  someOf,
  text,
  textOrTexts,
} from '../../lib/check.js';
import { isJsonObject } from '../../lib/json.js';
import { httpsUrl } from '../../lib/url.js';
import { isScopeToken } from '../../token/scope.js';
import {
  checkTlsClientAuth,
  type Label,
  readThumbprints,
  type TlsClientAuthOptions,
} from './client-certificates.js';

/** The grants that the token endpoint knows (RFC 6749 §4.4, RFC 8693 §2.1, RFC 7523 §2.1). */
export const GRANT_TYPES = [
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
] as const;

/** One of the grants that the token endpoint knows. */
export type GrantType = (typeof GRANT_TYPES)[number];

/** How a platform calls a workload, such as a service account of Kubernetes. */
export interface Workload {
  /** `"iss"` of its assertions. */
  readonly issuer: string;
  /** `"sub"` of its assertions: `system:serviceaccount:shop:orders`. */
  readonly subject: string;
}

/** A client that may get tokens, as configured. */
export interface ClientOptions {
  /** Unique among the clients. */
  readonly clientId: string;
  /**
   * For `client_secret_basic` and `client_secret_post`. Default: a random one, unless the client can
   * authenticate otherwise.
   */
  readonly clientSecret?: string;
  /** The client's public keys, for `private_key_jwt` (RFC 7523 §2.2). */
  readonly jwks?: JSONWebKeySet;
  /**
   * Where the client publishes its public keys, in place of `jwks`: an https URL (http only for loopback
   * hosts). They're fetched when they're needed, kept, and fetched again for an unknown `kid`.
   */
  readonly jwksUri?: string;
  /**
   * The client's own certificate in PEM, or several, for `self_signed_tls_client_auth` (RFC 8705 §2.2). For
   * the development issuer: the name of a file with it.
   */
  readonly certificate?: string;
  /** Which certificate of a known authority is the client's, for `tls_client_auth` (RFC 8705 §2.1). */
  readonly tlsClientAuth?: TlsClientAuthOptions;
  /**
   * The workload that the client is: an assertion of that issuer about that subject authenticates the client,
   * and stands for it in the JWT bearer grant without other credentials. The issuer is one of
   * `assertionIssuers`.
   */
  readonly workload?: Workload;
  /** The grants that the client may use. Default all. */
  readonly grantTypes?: readonly GrantType[];
  /** What the client may ask for, and gets if it asks for nothing: `["read:inventory"]`. */
  readonly scopes?: readonly string[];
  /** The APIs that the client may get tokens for; the first one is the default. */
  readonly audience?: string | readonly string[];
  /**
   * More claims of its tokens: `{ "tenant": "acme" }`. Except for `"sub"`, not those that the issuer sets
   * itself.
   */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Refuses requests for a token without a DPoP proof (RFC 9449 §5.2). Default false. */
  readonly dpopBoundAccessTokens?: boolean;
  /**
   * Binds its tokens to the certificate of the connection (RFC 8705 §3.4), and refuses requests without one.
   * Default: true for a client with `certificate` or `tlsClientAuth`.
   */
  readonly tlsClientCertificateBoundAccessTokens?: boolean;
}

/** A client with every default filled in. */
export interface Client {
  readonly clientId: string;
  /** Undefined: the client authenticates otherwise. */
  readonly clientSecret: string | undefined;
  readonly jwks: JSONWebKeySet | undefined;
  readonly jwksUri: string | undefined;
  /** The thumbprints of its own certificates. */
  readonly certificates: readonly string[];
  readonly tlsClientAuth: TlsClientAuthOptions | undefined;
  readonly workload: Workload | undefined;
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[];
  /** One at least; the first one is the default. */
  readonly audience: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly dpopBoundAccessTokens: boolean;
  readonly tlsClientCertificateBoundAccessTokens: boolean;
  /** Whether it gets whatever it asks for, `scopes` and `audience` or not: for tests that don't care. */
  readonly mayAskForAny: { readonly scope: boolean; readonly audience: boolean };
}

const CLIENT_NAMES: readonly (keyof ClientOptions)[] = [
  'clientId',
  'clientSecret',
  'jwks',
  'jwksUri',
  'certificate',
  'tlsClientAuth',
  'workload',
  'grantTypes',
  'scopes',
  'audience',
  'claims',
  'dpopBoundAccessTokens',
  'tlsClientCertificateBoundAccessTokens',
];
/** RFC 9068 §2.2; `scope` follows what the client asks for, and `active` is what introspection says. */
const RESERVED_CLAIMS = [
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'active'],
  ...['cnf', 'act'], // RFC 7800, RFC 8693: they follow the request
];
const PRINTABLE = /^[^\p{Cc}]+$/u;

/** @throws {TypeError} naming the option, what it takes, and the type of what it got */
export function checkClients(clients: unknown, label: Label): asserts clients is readonly ClientOptions[] {
  if (!Array.isArray(clients) || clients.length === 0)
    throw optionError(label('clients'), 'a list of at least one client', clients);
  const seen = new Set<unknown>();
  for (const [index, client] of clients.entries()) {
    checkClient(client, (member) => label(`clients[${index}]${member}`));
    if (seen.has(client.clientId))
      throw badOption(label(`clients[${index}].clientId`), 'names a client that is there already');
    seen.add(client.clientId);
  }
}

function checkClient(client: unknown, label: Label): void {
  checkNames(client, CLIENT_NAMES, label(''));
  // checkNames accepts only objects.
  const given: { readonly [name in keyof ClientOptions]?: unknown } = client as object;
  checkPrintable(given.clientId, label('.clientId'));
  if (given.clientSecret !== undefined) checkPrintable(given.clientSecret, label('.clientSecret'));
  checkKeys(given, label);
  optional(text)(given.certificate, label('.certificate'));
  if (given.tlsClientAuth !== undefined) checkTlsClientAuth(given.tlsClientAuth, label('.tlsClientAuth'));
  optional(object({ issuer: text, subject: text }))(given.workload, label('.workload'));
  optional(someOf(GRANT_TYPES))(given.grantTypes, label('.grantTypes'));
  if (given.scopes !== undefined) checkScopes(given.scopes, label('.scopes'));
  if (given.audience !== undefined) textOrTexts(given.audience, label('.audience'));
  if (given.claims !== undefined) checkClaims(given.claims, label('.claims'));
  for (const name of ['dpopBoundAccessTokens', 'tlsClientCertificateBoundAccessTokens'] as const)
    optional<boolean>(flag)(given[name], label(`.${name}`));
}

/** The members `jwks` and `jwksUri`, of which there's one at most. */
export function checkKeys(
  { jwks, jwksUri }: { readonly jwks?: unknown; readonly jwksUri?: unknown },
  label: Label,
): void {
  if (jwks !== undefined) checkConfiguredKeys(jwks, label('.jwks'));
  optional(httpsUrl(false))(jwksUri, label('.jwksUri'));
  if (jwks !== undefined && jwksUri !== undefined)
    throw badOption(label('.jwksUri'), "can't be together with jwks");
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
    throw badOption(name, `has the claim "${reserved}", which the issuer sets itself`);
}

/** What clients may have that don't say it themselves. */
export interface ClientDefaults {
  /** One at least. */
  readonly audience: readonly string[];
  /** Whether a client that lists no scopes, or no audience, gets what it asks for. */
  readonly mayAskForAny: boolean;
}

export function resolveClient(client: ClientOptions, { audience, mayAskForAny }: ClientDefaults): Client {
  const { clientId, clientSecret, jwks, jwksUri, certificate, tlsClientAuth, workload } = client;
  const { scopes, claims = {} } = client;
  const hasCertificate = (certificate ?? tlsClientAuth) !== undefined;
  const needsSecret = (jwks ?? jwksUri ?? workload) === undefined && !hasCertificate;
  const randomSecret = needsSecret ? randomBytes(18).toString('base64url') : undefined;
  return {
    clientId,
    clientSecret: clientSecret ?? randomSecret,
    jwks,
    jwksUri,
    certificates: certificate === undefined ? [] : readThumbprints(certificate, `${clientId}.certificate`),
    tlsClientAuth,
    workload,
    grantTypes: client.grantTypes ?? GRANT_TYPES,
    scopes: [...new Set(scopes)],
    audience: client.audience === undefined ? audience : toList(client.audience),
    claims,
    dpopBoundAccessTokens: client.dpopBoundAccessTokens ?? false,
    tlsClientCertificateBoundAccessTokens: client.tlsClientCertificateBoundAccessTokens ?? hasCertificate,
    mayAskForAny: {
      scope: mayAskForAny && scopes === undefined,
      audience: mayAskForAny && client.audience === undefined,
    },
  };
}

export function toList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : [...new Set(value)];
}
