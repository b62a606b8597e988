import { DenialResponses, type Wanted } from './answer/denial.js';
import { createResourceMetadata, type ResourceMetadata } from './answer/resource-metadata.js';
import { type AccessToken, type Auth, createAuth, schemeOfAuth } from './auth.js';
import type { Allowed, AnswerHeaders, Decision, Denied } from './decision.js';
import { reportDecision } from './diagnostics.js';
import { InvalidTokenError, isResourceServerError, type ResourceServerError } from './errors.js';
import type { ResolvedIssuer } from './issuer/trusted-issuer.js';
import type { BearerMethod, ResourceServerOptions } from './options/options.js';
import { type ResolvedOptions, resolveOptions } from './options/resolve.js';
import { checkConfirmation } from './proof/confirmation.js';
import type { Scheme } from './request/authorization-header.js';
import { Credentials, checkToken, intendedScheme, readCredentials } from './request/credentials.js';
import { type RequestLike, type RequestView, viewRequest } from './request/view.js';
import { checkRequirement, wantedBy } from './requirement/check-requirement.js';
import { checkRequirementShape, type Requirement, scopesOf } from './requirement/requirement.js';
import { TokenVerifier } from './verification/token-verifier.js';

/** The one long-lived object: verifies the access tokens of requests and decides about them. Share it between adapters. */
export interface ResourceServer {
  /** How adapters answer a refusal: the option `errors`. */
  readonly errors: 'respond' | 'next';
  /** Where tokens are looked for: the option `bearerMethods`. Tells an adapter whether it needs the parsed body. */
  readonly bearerMethods: readonly BearerMethod[];
  /** What this API publishes about itself; undefined without the option `resource`. */
  readonly resourceMetadata: ResourceMetadata | undefined;
  /**
   * Whether the request carries a valid access token for this API.
   *
   * @param requirements what the route requires, where that is known already. With the option `resource`, an answer with status 401 names their scopes, so that
   *   the client asks for the right token at once (RFC 6750 §3). They are not checked: that is what {@link authorize} does.
   * @returns the decision, at once where nothing has to be waited for. Allowed without `auth` only with
   *   `optional: true` and no credentials. Nothing that a client can send makes it throw or reject.
   */
  authenticate(request: RequestLike, requirements?: readonly Requirement[]): Decision | Promise<Decision>;
  /**
   * Whether a verified access token meets a requirement. Without `auth` the answer is that of a request without credentials.
   *
   * @throws {TypeError} the requirement is empty or has unknown members
   */
  authorize(auth: Auth | undefined, requirement: Requirement): Decision;
  /**
   * Verifies a token that came without an HTTP request: WebSockets, queues, gRPC metadata. Tokens bound to a key are
   * refused, since there is no request that could prove possession.
   *
   * @throws {InvalidTokenError} the token does not hold, or was revoked
   * @throws {UnavailableError} the issuer's keys, its introspection endpoint, or what tells whether the token was revoked, are out of reach
   */
  verify(token: string): Promise<Auth>;
  /**
   * Loads metadata and keys of every issuer, for start-up checks and readiness probes. Does nothing while they are fresh. Introspection endpoints are found, not called.
   *
   * @throws {UnavailableError} an issuer is out of reach and none of its keys are known
   */
  ready(): Promise<void>;
  /** Stops background refresh. Nothing keeps the process alive even without it. */
  close(): void;
}

/**
 * Builds a resource server.
 *
 * @throws {TypeError} an option is missing, unknown or wrong; the message names it, what it got and what it takes
 * @example
 * ```ts
 * const server = createResourceServer({ issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' });
 * const decision = await server.authenticate(request);
 * ```
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  return resourceServerOf(resolveOptions(options));
}

/** A resource server by options that were checked already. Shares the key sets in them. */
export function resourceServerOf(options: ResolvedOptions): ResourceServer {
  return new JwtResourceServer(options);
}

/** Whether `value` was built by {@link createResourceServer}. */
export function isResourceServer(value: unknown): value is ResourceServer {
  return value instanceof JwtResourceServer;
}

/** RFC 6750 §2.3: an answer to a request with the token in its URL must not be kept by shared caches. */
const QUERY_METHOD_HEADERS: AnswerHeaders = Object.freeze({ 'Cache-Control': 'private, no-store' });
const NO_REQUIREMENTS: readonly Requirement[] = Object.freeze([]);
const ANONYMOUS: Allowed = Object.freeze({ kind: 'allowed', auth: undefined, headers: undefined });

class JwtResourceServer implements ResourceServer {
  readonly errors: 'respond' | 'next';
  readonly bearerMethods: readonly BearerMethod[];
  readonly resourceMetadata: ResourceMetadata | undefined;
  readonly #options: ResolvedOptions;
  readonly #verifier: TokenVerifier;
  readonly #denials: DenialResponses;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#verifier = new TokenVerifier(options);
    this.#denials = new DenialResponses(options.challenges);
    this.errors = options.errors;
    this.bearerMethods = Object.freeze([...options.bearerMethods]);
    this.resourceMetadata = createResourceMetadata(options);
  }

  authenticate(
    request: RequestLike,
    requirements: readonly Requirement[] = NO_REQUIREMENTS,
  ): Decision | Promise<Decision> {
    const view = viewRequest(request);
    let credentials: Credentials | undefined;
    try {
      const { bearerMethods, schemes } = this.#options;
      credentials = readCredentials(view, bearerMethods, schemes);
      if (credentials === undefined) return this.#withoutCredentials(requirements);
      const verified = this.#verify(credentials);
      if (verified instanceof Promise) return this.#decideLater(verified, credentials, view, requirements);
      const accepted = this.#accept(verified, credentials, view);
      return accepted instanceof Promise
        ? this.#settle(accepted, credentials.scheme, requirements)
        : accepted;
    } catch (error) {
      return this.#denyOrThrow(error, credentials?.scheme ?? intendedScheme(view, error), requirements);
    }
  }

  authorize(auth: Auth | undefined, requirement: Requirement): Decision {
    checkRequirementShape(requirement);
    const error = checkRequirement(auth, requirement, this.#options);
    if (error === undefined) return { kind: 'allowed', auth, headers: undefined };
    const scheme = auth === undefined ? undefined : schemeOfAuth(auth);
    return this.#deny(error, scheme, wantedBy(requirement, error, auth), auth);
  }

  async verify(token: string): Promise<Auth> {
    try {
      // A caller without types may hand over whatever its transport delivered.
      if (typeof token !== 'string') throw new InvalidTokenError('malformed_token');
      const credentials = new Credentials(token, 'header', 'Bearer');
      const accessToken = await this.#verifier.verify(credentials);
      const { auth } = await this.#accept(accessToken, credentials, undefined);
      return auth;
    } catch (error) {
      if (isResourceServerError(error)) this.#reportDenied(error, undefined);
      throw error;
    }
  }

  async ready(): Promise<void> {
    await Promise.all([...this.#options.issuers.values()].map(makeReady));
  }

  close(): void {
    for (const { keySet } of this.#options.issuers.values()) keySet.close();
  }

  #withoutCredentials(requirements: readonly Requirement[]): Decision {
    if (!this.#options.optional)
      return this.#denyOrThrow(new InvalidTokenError('missing_credentials'), undefined, requirements);
    reportDecision(() => ({ ...NOTHING_KNOWN, outcome: 'anonymous' }));
    return ANONYMOUS;
  }

  /** A token that was verified before is decided upon at once: waiting a turn would cost more than the look-up. */
  #verify(credentials: Credentials): AccessToken | Promise<AccessToken> {
    if (!this.#options.challenges.schemes.includes(credentials.scheme))
      throw new InvalidTokenError('dpop_required');
    return this.#verifier.verify(credentials, checkToken);
  }

  /** What depends on the request, and is therefore looked at each time, also for a token that was verified before. */
  #accept(
    accessToken: AccessToken,
    credentials: Credentials,
    view: RequestView | undefined,
  ): Accepted | Promise<Accepted> {
    const confirmed = checkConfirmation(accessToken, credentials, view, this.#options.bindings);
    return confirmed instanceof Promise
      ? confirmed.then((headers) => this.#allow(accessToken, credentials, headers))
      : this.#allow(accessToken, credentials, confirmed);
  }

  #allow(
    accessToken: AccessToken,
    { token, method, scheme }: Credentials,
    headers: AnswerHeaders | undefined,
  ): Accepted | Promise<Accepted> {
    const auth = createAuth(accessToken, token, scheme);
    const answerHeaders = method === 'query' ? QUERY_METHOD_HEADERS : headers;
    const checked = this.#options.checkRevocation?.(auth);
    return checked instanceof Promise
      ? checked.then(() => this.#accepted(auth, answerHeaders))
      : this.#accepted(auth, answerHeaders);
  }

  #accepted(auth: Auth, headers: AnswerHeaders | undefined): Accepted {
    reportDecision(() => ({
      ...NOTHING_KNOWN,
      outcome: 'allowed',
      issuer: auth.issuer,
      clientId: auth.clientId,
    }));
    return { kind: 'allowed', auth, headers };
  }

  /** One function for all that is waited for: each further one would cost a turn. */
  async #decideLater(
    verified: Promise<AccessToken>,
    credentials: Credentials,
    view: RequestView,
    requirements: readonly Requirement[],
  ): Promise<Decision> {
    try {
      const accepted = this.#accept(await verified, credentials, view);
      return accepted instanceof Promise ? await accepted : accepted;
    } catch (error) {
      return this.#denyOrThrow(error, credentials.scheme, requirements);
    }
  }

  async #settle(
    accepted: Promise<Accepted>,
    scheme: Scheme,
    requirements: readonly Requirement[],
  ): Promise<Decision> {
    try {
      return await accepted;
    } catch (error) {
      return this.#denyOrThrow(error, scheme, requirements);
    }
  }

  /** Only what a client or an issuer can cause becomes an answer. Anything else is a bug and must not look like a refusal. */
  #denyOrThrow(error: unknown, scheme: Scheme | undefined, requirements: readonly Requirement[]): Denied {
    if (!isResourceServerError(error)) throw error;
    // Whoever looks for the metadata to get a token is told which one, too.
    const isTold = error.status === 401 && this.#options.resource !== undefined;
    return this.#deny(error, scheme, isTold ? { scopes: scopesOf(requirements) } : {}, undefined);
  }

  #deny(
    error: ResourceServerError,
    scheme: Scheme | undefined,
    wanted: Wanted,
    auth: Auth | undefined,
  ): Denied {
    this.#reportDenied(error, auth);
    return { kind: 'denied', error, answer: this.#denials.to(error, scheme, wanted) };
  }

  #reportDenied({ status, reason, hint }: ResourceServerError, auth: Auth | undefined): void {
    reportDecision(() => ({
      outcome: 'denied',
      status,
      reason,
      hint,
      issuer: auth?.issuer,
      clientId: auth?.clientId,
    }));
  }
}

/** An issuer that is asked about all of its tokens needs no keys, but for its answers. */
async function makeReady({ keySet, introspection }: ResolvedIssuer): Promise<void> {
  const needsKeys =
    introspection === undefined || introspection.needsKeys || !introspection.tokens.has('jwt');
  await Promise.all([needsKeys ? keySet.ready() : undefined, introspection?.ready()]);
}

/** A request that is let through with an access token. */
interface Accepted extends Allowed {
  readonly auth: Auth;
}

const NOTHING_KNOWN = {
  status: undefined,
  reason: undefined,
  hint: undefined,
  issuer: undefined,
  clientId: undefined,
};
