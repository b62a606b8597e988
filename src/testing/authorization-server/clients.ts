import { randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { checkConfiguredKeys } from '../../issuer/configured-keys.js';
import {
  anyObject,
  badOption,
  type Check,
  type Checks,
  checkObject,
  flag,
  matching,
  object,
  optional,
  optionError,
  someOf,
  text,
  textLike,
  textOrTexts,
} from '../../lib/check.js';
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
   * Where the client publishes its public keys, instead of `jwks`: an https URL (http only for loopback
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

/** RFC 9068 §2.2; `scope` follows what the client asks for, and `active` is what introspection says. */
const RESERVED_CLAIMS = [
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'active'],
  ...['cnf', 'act'], // RFC 7800, RFC 8693: they follow the request
];

/** @throws {TypeError} naming the option, what it takes, and the type of what it got */
export function checkClients(clients: unknown, label: Label): asserts clients is readonly ClientOptions[] {
  if (!Array.isArray(clients) || clients.length === 0)
    throw optionError(label('clients'), 'a list of at least one client', clients);
  const seen = new Set<unknown>();
  for (const [index, client] of clients.entries()) {
    const at: Label = (member) => label(`clients[${index}]${member}`);
    const { clientId, jwks, jwksUri } = checkObject(client, at(''), CLIENT_CHECKS);
    checkKeys({ jwks, jwksUri }, at);
    if (seen.has(clientId)) throw badOption(at('.clientId'), 'names a client that is already listed');
    seen.add(clientId);
  }
}

const PRINTABLE = /^[^\p{Cc}]+$/u;
const printable = textLike(PRINTABLE, 'a non-empty string without control characters');

const areScopes = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.every(isScopeToken);

function ownClaims(given: unknown, path: string): object {
  const claims = anyObject(given, path);
  const reserved = RESERVED_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
  if (reserved === undefined) return claims;
  throw badOption(path, `has the claim "${reserved}", which the issuer sets itself`);
}

/** The public keys of a client, or of an issuer of assertions. */
export const KEY_CHECKS: {
  readonly jwks: Check<readonly unknown[] | undefined>;
  readonly jwksUri: Check<string | undefined>;
} = {
  jwks: optional(checkConfiguredKeys),
  jwksUri: optional(httpsUrl(false)),
};

const CLIENT_CHECKS = {
  clientId: printable,
  clientSecret: optional(printable),
  ...KEY_CHECKS,
  certificate: optional(text),
  tlsClientAuth: optional(checkTlsClientAuth),
  workload: optional(object({ issuer: text, subject: text })),
  grantTypes: optional(someOf(GRANT_TYPES)),
  scopes: optional(matching(areScopes, 'a list of scopes, each without spaces, quotes and backslashes')),
  audience: optional(textOrTexts),
  claims: optional(ownClaims),
  dpopBoundAccessTokens: optional<boolean>(flag),
  tlsClientCertificateBoundAccessTokens: optional<boolean>(flag),
} satisfies Checks<ClientOptions>;

/** Refuses `jwks` and `jwksUri` together. */
export function checkKeys(
  { jwks, jwksUri }: { readonly jwks: unknown; readonly jwksUri: unknown },
  label: Label,
): void {
  if (jwks !== undefined && jwksUri !== undefined)
    throw badOption(label('.jwksUri'), "can't be combined with jwks");
}

/** What clients may have if their own options don't say. */
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
