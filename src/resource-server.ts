import { DenialResponses } from './answer/denial.js';
import { PublishedMetadata, type ResourceMetadata } from './answer/resource-metadata.js';
import { Refused } from './answer/response.js';
import { type AccessToken, type Auth, VerifiedAuth } from './auth.js';
import type { Allowed, AnswerHeaders, Decision, Denied } from './decision.js';
import { type Asker, DecisionReports } from './decision-reports.js';
import { InvalidTokenError, isResourceServerError, type ResourceServerError } from './errors.js';
import { createIssuer, type Issuer } from './issuer/issuer.js';
import { TrustedIssuers } from './issuer/trusted-issuers.js';
import { isPromise } from './lib/promise.js';
import { checkOptions, type ResourceServerOptions, type Settings } from './options/options.js';
import { createCertificateBinding } from './proof/client-certificate.js';
import { type Bindings, checkConfirmation } from './proof/confirmation.js';
import { createDpopBinding } from './proof/dpop.js';
import { Credentials, explainMissing, intendedScheme, readCredentials } from './request/credentials.js';
import type { RequestView } from './request/view.js';
import { type RequestLike, viewRequest } from './request/view-request.js';
import { checkRequirements, type Wanted } from './requirement/check-requirement.js';
import type { ImpliedScopes } from './requirement/implied-scopes.js';
import { checkRequirementShape, type Requirement, requiredScopes } from './requirement/requirement.js';
import type { BearerMethod, Scheme } from './terms.js';
import { checkDates } from './token/claims.js';
import { withoutOfflineAccess } from './token/scope.js';
import { checkRevocation } from './verification/revocation.js';
import { TokenVerifier } from './verification/token-verifier.js';

/**
 * The one long-lived object. It verifies the access tokens of requests and decides about them. Share it
 * between adapters.
 */
export interface ResourceServer {
  /** How adapters answer a refusal: the option `errors`. */
  readonly errors: 'respond' | 'next';
  /**
   * Where the token may be: the option `bearerMethods`. An adapter learns from it whether it needs the parsed
   * body.
   */
  readonly bearerMethods: readonly BearerMethod[];
  /** Whether requests without credentials are let in as anonymous: the option `optional`. */
  readonly admitsAnonymous: boolean;
  /** The option `impliedScopes`, inverted: each scope with the broader ones that imply it. */
  readonly impliedScopes: ImpliedScopes;
  /** The metadata that this API publishes. Undefined without the option `resource`. */
  readonly resourceMetadata: ResourceMetadata | undefined;
  /**
   * Whether the request carries a valid access token for this API.
   *
   * @param requirements what the route requires, if you know it already. With the option `resource`, a 401
   *   then names their scopes, so that the client asks for the right token at once (RFC 6750 §3); without
   *   requirements it names `resource.scopes`. They aren't checked here: {@link authorize} does that.
   * @returns the decision. It's allowed without `auth` only with `optional: true` and no credentials. Nothing
   *   that a client sends can make the promise reject.
   */
  authenticate(request: RequestLike, requirements?: readonly Requirement[]): Decision | Promise<Decision>;
  /**
   * Whether a verified access token meets a requirement, or every one in a list. A list is checked as a
   * whole, so one challenge names everything the route needs (RFC 6750 §3, RFC 9470 §3). Without `auth`, the
   * answer is the one for a request without credentials.
   *
   * @param request the request at hand; the report of a refusal then has its method and route
   * @throws {TypeError} a requirement is empty or has unknown members, or the list is empty
   */
  authorize(
    auth: Auth | undefined,
    requirement: Requirement | readonly Requirement[],
    request?: RequestLike,
  ): Decision;
  /**
   * Whether a verified access token meets a requirement, or every one in a list. Like {@link authorize}, but
   * without an answer or a report. Use it to leave something out of a list, or to do something differently.
   *
   * @param auth undefined meets nothing, not even an empty list
   * @throws {TypeError} a requirement is empty or has unknown members
   */
  meets(auth: Auth | undefined, requirement: Requirement | readonly Requirement[]): boolean;
  /**
   * The answer to a request that your own code refuses, for a reason that no requirement covers. It has the
   * status, challenge and body of any other refusal, and is reported as one.
   *
   * @param error why: `new InsufficientScopeError('claims_not_met')`
   * @param auth the caller; undefined for a request without credentials
   * @param requirements what else the route requires; the challenge names their scopes
   * @param request the request at hand; the report of the refusal then has its method and route
   * @throws {TypeError} `error` isn't an error of this package
   */
  deny(
    error: ResourceServerError,
    auth?: Auth,
    requirements?: readonly Requirement[],
    request?: RequestLike,
  ): Denied;
  /**
   * Verifies a token that came without an HTTP request: over a WebSocket, a queue or in gRPC metadata.
   * Refuses tokens bound to a key, since there's no request to prove possession.
   *
   * @throws {InvalidTokenError} the token isn't valid, or was revoked
   * @throws {UnavailableError} something the answer depends on can't be reached: the issuer's keys, its
   *   introspection endpoint, or your check for revocation
   */
  verify(token: string): Promise<Auth>;
  /**
   * How many seconds an access token stays valid by its dates, including the clock tolerance. 0 or less once
   * it has expired. `Infinity` for a token without an end (`introspection.mayBeAbsent`). For anything that
   * outlives a request: sockets, streams.
   */
  secondsLeft(auth: Auth): number;
  /**
   * Verifies the token of a request again, for anything that outlives the request: its dates, its key or the
   * issuer's answer, and revocation. Possession of a bound key isn't checked again: the request proved it.
   *
   * @returns the caller, as known now
   * @throws {InvalidTokenError} the token is no longer valid: `expired`, `revoked`
   * @throws {UnavailableError} the token can't be verified right now
   */
  recheck(auth: Auth): Promise<Auth>;
  /**
   * Loads the metadata and keys of every configured issuer, for start-up checks and readiness probes. Does
   * nothing while they're fresh. Introspection endpoints are looked up but not called. Issuers that a
   * function names at run time are skipped.
   *
   * @throws {UnavailableError} an issuer can't be reached and none of its keys are known, or an introspection
   *   endpoint can't be found. Its `hint` names the issuer, unless there's another one
   */
  ready(): Promise<void>;
  /** Stops background refresh. You don't need it to let the process exit. */
  close(): void;
}

/**
 * Builds a resource server.
 *
 * @throws {TypeError} an option is missing, unknown or wrong; the message says which, what it got and what it
 *   takes
 * @example
 * ```ts
 * import { createResourceServer, NodeRequestView } from 'oauth-resource-server';
 *
 * const server = createResourceServer({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://inventory.example.com',
 * });
 * const decision = await server.authenticate(new NodeRequestView(req));
 * if (decision.kind === 'allowed') console.log(decision.auth?.clientId);
 * ```
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  const settings = checkOptions(options);
  const issuers = [...settings.issuers.values()].map((issuer) => createIssuer(issuer, settings.runtime));
  return new RequestVerifier(settings, issuers);
}

/** Whether {@link createResourceServer} built `value`. */
export function isResourceServer(value: unknown): value is ResourceServer {
  return value instanceof RequestVerifier;
}

/** RFC 6750 §2.3: shared caches must not keep the answer to a request with the token in its URL. */
const QUERY_METHOD_HEADERS: AnswerHeaders = Object.freeze({ 'Cache-Control': 'private, no-store' });
const ANONYMOUS: Allowed = Object.freeze({ kind: 'allowed', auth: undefined, headers: undefined });

/**
 * A resource server built on existing settings and issuers, so that the command line can look at the same
 * keys.
 */
export class RequestVerifier implements ResourceServer {
  readonly errors: 'respond' | 'next';
  readonly bearerMethods: readonly BearerMethod[];
  readonly admitsAnonymous: boolean;
  readonly impliedScopes: ImpliedScopes;
  readonly resourceMetadata: ResourceMetadata | undefined;
  readonly #settings: Settings;
  readonly #issuers: TrustedIssuers;
  readonly #tokens: TokenVerifier;
  readonly #bindings: Bindings;
  readonly #denials: DenialResponses;
  /**
   * The last credentials of each connection that had a known token. A service sends the same token over a
   * connection thousands of times, and comparing two texts costs a fraction of a digest. Everything else is
   * checked as for any token.
   */
  readonly #lastKnown: WeakMap<object, Credentials> | undefined;
  readonly #reports: DecisionReports;

  constructor(settings: Settings, issuers: readonly Issuer[]) {
    const { runtime, resource, dpop, certificate, maxTokens } = settings;
    this.#settings = settings;
    this.#issuers = new TrustedIssuers(issuers, settings.issuerResolution, runtime);
    this.#tokens = new TokenVerifier({ ...runtime, issuers: this.#issuers, maxTokens });
    this.#bindings = {
      dpop: dpop && createDpopBinding(dpop, runtime),
      certificate: certificate && createCertificateBinding(certificate),
    };
    this.#denials = new DenialResponses({ ...settings, resourceMetadata: resource?.metadataUrl });
    this.#lastKnown = maxTokens > 0 ? new WeakMap() : undefined;
    this.#reports = new DecisionReports(settings);
    this.errors = settings.errors;
    this.bearerMethods = Object.freeze([...settings.bearerMethods]);
    this.admitsAnonymous = settings.optional;
    this.impliedScopes = settings.impliedScopes;
    this.resourceMetadata = resource && new PublishedMetadata(resource, settings, runtime);
  }

  authenticate(
    request: RequestLike,
    requirements: readonly Requirement[] = [],
  ): Decision | Promise<Decision> {
    const view = viewRequest(request);
    const { bearerMethods, headerSchemes } = this.#settings;
    const { connection } = view;
    const last = connection && this.#lastKnown?.get(connection);
    let credentials: Credentials | undefined;
    try {
      credentials = readCredentials(view, bearerMethods, headerSchemes, last);
      if (credentials === undefined) return this.#admitAnonymous(view);
      const accessToken = this.#tokens.verify(credentials);
      if (connection !== undefined && credentials !== last && credentials.isKnownToken)
        this.#lastKnown?.set(connection, credentials);
      const accepted = this.#acceptNow(credentials, accessToken, view);
      return accepted ?? this.#acceptLater(credentials, accessToken, view, requirements);
    } catch (error) {
      return this.#refuse(error, credentials, view, requirements);
    }
  }

  authorize(
    auth: Auth | undefined,
    requirement: Requirement | readonly Requirement[],
    request?: RequestLike,
  ): Decision {
    const requirements = checkedRequirements(requirement);
    if (requirements.length === 0) throw new TypeError('authorize needs at least one requirement');
    const unmet = checkRequirements(auth, requirements, this.#settings);
    if (unmet === undefined) return { kind: 'allowed', auth, headers: undefined };
    return this.#deny(unmet.error, auth && VerifiedAuth.schemeOf(auth), unmet.wanted, { auth, request });
  }

  meets(auth: Auth | undefined, requirement: Requirement | readonly Requirement[]): boolean {
    return checkRequirements(auth, checkedRequirements(requirement), this.#settings) === undefined;
  }

  deny(
    error: ResourceServerError,
    auth?: Auth,
    requirements: readonly Requirement[] = [],
    request?: RequestLike,
  ): Denied {
    if (!isResourceServerError(error)) throw new TypeError('deny takes an error of this package');
    const scheme = auth && VerifiedAuth.schemeOf(auth);
    return this.#deny(error, scheme, { scopes: this.#scopesToName(error, requirements) }, { auth, request });
  }

  async verify(token: string): Promise<Auth> {
    try {
      // Callers without types may pass whatever their transport delivered.
      if (typeof token !== 'string') throw new InvalidTokenError('malformed_token');
      const credentials = new Credentials(token, undefined, 'Bearer');
      const { auth } = await this.#accept(credentials, this.#tokens.verify(credentials), undefined);
      return auth;
    } catch (error) {
      if (isResourceServerError(error)) this.#reports.denied(error, {});
      throw error;
    }
  }

  secondsLeft(auth: Auth): number {
    const { clock, clockToleranceSeconds } = this.#settings.runtime;
    return this.#tokens.endOf(auth) + clockToleranceSeconds - clock() / 1000;
  }

  async recheck(auth: Auth): Promise<Auth> {
    try {
      // Not `<= 0`: a clock that returns NaN must refuse. And there's no need to ask about an expired token.
      if (!(this.secondsLeft(auth) > 0)) throw new InvalidTokenError('expired');
      const credentials = new Credentials(auth.token, undefined, VerifiedAuth.schemeOf(auth));
      return await this.#confirm(credentials, await this.#tokens.verify(credentials));
    } catch (error) {
      if (isResourceServerError(error)) this.#reports.denied(error, { auth });
      throw error;
    }
  }

  async ready(): Promise<void> {
    // Keeps the process alive until then: our time limits and a pending promise don't.
    const awake = setInterval(() => undefined, 1000);
    try {
      await this.#issuers.ready();
    } finally {
      clearInterval(awake);
    }
  }

  close(): void {
    this.#issuers.close();
  }

  #admitAnonymous(request: RequestView): Allowed {
    const { optional, headerSchemes } = this.#settings;
    if (!optional) throw new InvalidTokenError('missing_credentials', explainMissing(request, headerSchemes));
    this.#reports.anonymous(request);
    return ANONYMOUS;
  }

  /**
   * The result of {@link #accept} if there's nothing to wait for: no key, no proof, no revocation check. A
   * promise would make the adapter leave the tick that the request came in.
   */
  #acceptNow(
    credentials: Credentials,
    accessToken: AccessToken | Promise<AccessToken>,
    view: RequestView,
  ): Accepted | undefined {
    const { schemes, revocation } = this.#settings;
    if (isPromise(accessToken) || Object.hasOwn(accessToken.claims, 'cnf')) return undefined;
    if (credentials.scheme !== 'Bearer' || !schemes.includes('Bearer') || revocation !== undefined)
      return undefined;
    const auth = new VerifiedAuth(accessToken, credentials.token, credentials.scheme);
    return this.#allow(credentials, auth, view);
  }

  /** {@link #accept} or refuse. A closure in `authenticate` would cost every request memory. */
  #acceptLater(
    credentials: Credentials,
    accessToken: AccessToken | Promise<AccessToken>,
    view: RequestView,
    requirements: readonly Requirement[],
  ): Promise<Decision> {
    const refuse = (error: unknown) => this.#refuse(error, credentials, view, requirements);
    return this.#accept(credentials, accessToken, view).catch(refuse);
  }

  #refuse(
    error: unknown,
    credentials: Credentials | undefined,
    request: RequestView,
    requirements: readonly Requirement[],
  ): Denied {
    // Only what a client or an issuer can cause becomes an answer. Anything else is a bug and mustn't look
    // like a refusal.
    if (!isResourceServerError(error)) throw error;
    const scheme = credentials?.scheme ?? intendedScheme(request, error);
    return this.#deny(error, scheme, { scopes: this.#scopesToName(error, requirements) }, { request });
  }

  /** Token, proof, revocation, allowed. @param view undefined if the token came without a request */
  async #accept(
    credentials: Credentials,
    verified: AccessToken | Promise<AccessToken>,
    view: RequestView | undefined,
  ): Promise<Accepted> {
    const accessToken = await verified;
    const headers = await checkConfirmation(accessToken, credentials, view, this.#bindings);
    return this.#allow(credentials, await this.#confirm(credentials, accessToken), view, headers);
  }

  /** Checks that a token wasn't revoked, and still hasn't expired once everything else is known. */
  async #confirm(credentials: Credentials, accessToken: AccessToken): Promise<VerifiedAuth> {
    const { revocation, runtime } = this.#settings;
    const auth = new VerifiedAuth(accessToken, credentials.token, credentials.scheme);
    if (revocation !== undefined) await checkRevocation(auth, revocation);
    // The time is read now: the token may have expired while we waited for something.
    checkDates(auth.claims, runtime.clock() / 1000, runtime.clockToleranceSeconds);
    return auth;
  }

  #allow(
    credentials: Credentials,
    auth: Auth,
    request: RequestView | undefined,
    headers?: AnswerHeaders,
  ): Accepted {
    this.#reports.allowed({ auth, request }, credentials.isKnownToken);
    const isInQuery = credentials.method === 'query';
    return { kind: 'allowed', auth, headers: isInQuery ? QUERY_METHOD_HEADERS : headers };
  }

  /** The scopes that the answer to a refusal names. */
  #scopesToName({ status }: ResourceServerError, requirements: readonly Requirement[]): readonly string[] {
    const { resource, impliedScopes } = this.#settings;
    const isInvited = status === 401 && resource !== undefined;
    if (status === 403 || (isInvited && requirements.length > 0))
      return requiredScopes(requirements, impliedScopes);
    // A client that reads the metadata to get a token is also told which scopes to ask for.
    return isInvited ? withoutOfflineAccess(resource.scopes) : [];
  }

  #deny(error: ResourceServerError, scheme: Scheme | undefined, wanted: Wanted, asker: Asker): Denied {
    this.#reports.denied(error, asker);
    return new Refused(error, this.#denials.answerTo(error, scheme, wanted));
  }
}

function checkedRequirements(given: Requirement | readonly Requirement[]): readonly Requirement[] {
  const requirements: readonly Requirement[] = Array.isArray(given) ? given : [given];
  requirements.forEach(checkRequirementShape);
  return requirements;
}

/** A request that is let through with an access token. */
type Accepted = Allowed & { readonly auth: Auth };
