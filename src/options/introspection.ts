import type {
  Introspect,
  IntrospectedTokens,
  IntrospectionSettings,
  WantedMember,
} from '../issuer/introspection-settings.js';
import {
  type Check,
  type Checked,
  type Checks,
  callable,
  checkObject,
  flag,
  idOrSecret,
  numberBetween,
  optional,
  someOf,
  texts,
  unchecked,
} from '../lib/check.js';
import { HTTPS_URL, httpsUrl, type InsecureRequests } from '../lib/url.js';
import type { TokenRules } from '../token/token-rules.js';
import type { CertificateOption } from './certificate.js';
import { AUTHENTICATION_CHECKS, type ClientAuthenticationOptions, checkCredential } from './credential.js';
import { checkScopeClaim, type ScopeClaim } from './scope-claim.js';

/** What to do with answers and failures. All durations are in seconds. */
export interface IntrospectionPolicyOptions {
  /**
   * Which tokens to ask about. Default `['opaque']`: JWTs are verified by their signature and never sent
   * anywhere. With `'jwt'`, this issuer's JWTs are asked about instead. Only one issuer may take `'opaque'`,
   * because such a token doesn't say who issued it.
   */
  readonly tokens?: readonly IntrospectedTokens[];
  /**
   * How long an active token is remembered, 0 to 3600, but never beyond its `exp` (RFC 7662 §4). Default 30.
   * A revoked token may be accepted for that long. With 0, every request asks.
   */
  readonly cacheSeconds?: number;
  /**
   * How long a token is remembered that isn't active or isn't for this API, 0 to 10. Default 2. Failures
   * aren't remembered.
   */
  readonly negativeCacheSeconds?: number;
  /** The longest pause after five failures in a row, 0 to 3600. Default 30. With 0, there are no pauses. */
  readonly cooldownSeconds?: number;
  /** Time limit of one call; above 0, at most 60. Default 5. */
  readonly timeoutSeconds?: number;
  /**
   * Members that answers of this server lack. Default none. An answer without `aud` is refused, because the
   * token may be for another API; one without `exp`, because there's no telling how long it's valid. If you
   * allow `exp` to be absent, such a token counts as valid for `cacheSeconds`. Members that are there are
   * always checked; `iss`, `sub` and `token_type` are never required.
   */
  readonly mayBeAbsent?: readonly WantedMember[];
  /**
   * More members of the answer that your code needs, such as `['tenant', 'username']`. Default none:
   * `auth.claims` has only the members that this package knows (docs/introspection.md).
   */
  readonly claims?: readonly string[];
  /**
   * Where the granted scopes are, as in {@link TrustedIssuer.scopeClaim}, which is the default. A function
   * gets the whole answer.
   */
  readonly scopeClaim?: ScopeClaim;
}

/**
 * An introspection endpoint (RFC 7662 §2), and how this API authenticates there: with one of `clientSecret`,
 * `privateKey`, `accessToken` or a client certificate.
 */
export interface IntrospectionEndpointOptions
  extends IntrospectionPolicyOptions,
    ClientAuthenticationOptions {
  /**
   * Its address: an https URL (http only for loopback hosts). Default: the one in the issuer's metadata
   * (RFC 8414 §2).
   */
  readonly endpoint?: string;
  /** This API's identifier as a client of the authorization server. */
  readonly clientId: string;
  /**
   * Returns an access token of this API that the endpoint accepts (RFC 7662 §2.1). It's called for every
   * request, so it should remember its token.
   */
  readonly accessToken?: () => string | Promise<string>;
  /**
   * The certificate that this API shows to the endpoint (RFC 8705), with its key: paths of files, PEM, or a
   * function that returns PEM. It authenticates the API if nothing else does. Files are read again when they
   * change; a function is called like that of `clientSecret`. Requests to the endpoint then don't use the
   * option `fetch`. Needs the package `undici`.
   */
  readonly certificate?: CertificateOption;
  /** Asks for answers that the issuer signed (RFC 9701), and refuses all others. Default false. */
  readonly signedResponse?: boolean;
}

/**
 * A function instead of an endpoint, for tests and for servers with another way to ask. Its failures count as
 * an outage.
 */
export interface IntrospectionFunctionOptions extends IntrospectionPolicyOptions {
  readonly endpoint: Introspect;
}

/** How to ask an issuer about tokens (RFC 7662). Unknown names are refused. */
export type IntrospectionOptions = IntrospectionEndpointOptions | IntrospectionFunctionOptions;

const POLICY_CHECKS = {
  tokens: optional(someOf(['opaque', 'jwt'] as const), ['opaque']),
  cacheSeconds: optional(numberBetween(0, 3600), 30),
  negativeCacheSeconds: optional(numberBetween(0, 10), 2),
  cooldownSeconds: optional(numberBetween(0, 3600), 30),
  timeoutSeconds: optional(numberBetween(0.001, 60), 5),
  mayBeAbsent: optional(someOf(['aud', 'exp'] as const), []),
  claims: optional(texts, []),
  scopeClaim: optional(checkScopeClaim),
} satisfies Checks<IntrospectionPolicyOptions>;

const ENDPOINT_CHECKS = {
  clientId: idOrSecret,
  ...AUTHENTICATION_CHECKS,
  accessToken: unchecked,
  signedResponse: optional(flag, false),
  ...POLICY_CHECKS,
} satisfies Checks<Omit<IntrospectionEndpointOptions, 'endpoint'>>;

/**
 * The members of an answer that your code gets to see. Servers add more, often more about people than an API
 * needs, `username` for one (RFC 7662 §5, RFC 9701 §9).
 */
const MEMBERS: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'token_type'], // RFC 7662 §2.2
  ...['acr', 'amr', 'auth_time'], // RFC 9068 §2.2
  ...['act', 'may_act'], // RFC 8693 §4
  'cnf', // RFC 7800 §3.1
  'authorization_details', // RFC 9396 §9.2
];

/** Checks the option `introspection` of an issuer. */
export function introspectionCheck(
  rules: TokenRules,
  allowInsecureRequests: InsecureRequests,
): Check<IntrospectionSettings> {
  const endpoint = optional(httpsUrl(allowInsecureRequests, `${HTTPS_URL}, or a function`));
  return (given, path) => {
    if (typeof Reflect.get(Object(given), 'endpoint') === 'function') {
      const checked = checkObject(given, path, { endpoint: callable<Introspect>, ...POLICY_CHECKS });
      return { ...checkPolicy(checked, rules), asks: checked.endpoint };
    }
    const checked = checkObject(given, path, { endpoint, ...ENDPOINT_CHECKS });
    const kinds = ['clientSecret', 'privateKey', 'clientAssertion', 'accessToken', 'certificate'] as const;
    const credential = checkCredential(checked, path, kinds);
    const { endpoint: url, clientId, certificate, signedResponse } = checked;
    const asks = { url, clientId, credential, certificate, signedResponse };
    return { ...checkPolicy(checked, rules), asks };
  };
}

function checkPolicy(
  checked: Checked<typeof POLICY_CHECKS>,
  rules: TokenRules,
): Omit<IntrospectionSettings, 'asks'> {
  const { tokens, mayBeAbsent, claims, scopeClaim: scopeSource = rules.scopeSource } = checked;
  // A claim with exactly that name, or the outermost member of a path.
  const scopeClaims = typeof scopeSource === 'object' ? scopeSource : [];
  const clientClaims = typeof rules.clientIdClaim === 'string' ? [rules.clientIdClaim] : [];
  const named = [...scopeClaims, ...clientClaims].flatMap((claim) => [claim, ...claim.split('.', 1)]);
  return {
    tokens: new Set(tokens),
    cacheSeconds: checked.cacheSeconds,
    negativeCacheSeconds: checked.negativeCacheSeconds,
    cooldownSeconds: checked.cooldownSeconds,
    timeoutSeconds: checked.timeoutSeconds,
    mayBeAbsent: new Set(mayBeAbsent),
    members: new Set([...MEMBERS, ...claims, ...named]),
    scopeSource,
  };
}
