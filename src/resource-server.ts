import { type AccessToken, type Auth, createAuth } from './auth.js';
import { checkConfirmation } from './confirmation.js';
import { type Credentials, checkToken, readCredentials } from './credentials/credentials.js';
import type { Allowed, AnswerHeaders, Decision, Denied } from './decision.js';
import { reportDecision } from './diagnostics.js';
import { InvalidTokenError, isResourceServerError, type ResourceServerError } from './errors.js';
import type { BearerMethod, ResourceServerOptions } from './options.js';
import { type RequestLike, viewRequest } from './request.js';
import { checkRequirement, requiredScopes } from './requirement/check-requirement.js';
import { checkRequirementShape, type Requirement } from './requirement/requirement.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { denialResponse } from './response/denial-response.js';
import { TokenVerifier } from './token/token-verifier.js';

/** The one long-lived object: verifies the access tokens of requests and decides about them. Share it between adapters. */
export interface ResourceServer {
  /** How adapters answer a refusal: the option `errors`. */
  readonly errors: 'respond' | 'next';
  /** Where tokens are looked for: the option `bearerMethods`. Tells an adapter whether it needs the parsed body. */
  readonly bearerMethods: readonly BearerMethod[];
  /**
   * Whether the request carries a valid access token for this API.
   *
   * @returns the decision, at once where nothing has to be waited for. Allowed without `auth` only with
   *   `optional: true` and no credentials. Nothing that a client can send makes it throw or reject.
   */
  authenticate(request: RequestLike): Decision | Promise<Decision>;
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
   * @throws {InvalidTokenError} the token does not hold
   * @throws {UnavailableError} the issuer's keys are out of reach
   */
  verify(token: string): Promise<Auth>;
  /**
   * Loads metadata and keys of every issuer, for start-up checks and readiness probes. Does nothing while they are fresh.
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
const ANONYMOUS: Allowed = Object.freeze({ kind: 'allowed', auth: undefined, headers: undefined });

class JwtResourceServer implements ResourceServer {
  readonly errors: 'respond' | 'next';
  readonly bearerMethods: readonly BearerMethod[];
  readonly #options: ResolvedOptions;
  readonly #verifier: TokenVerifier;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#verifier = new TokenVerifier(options);
    this.errors = options.errors;
    this.bearerMethods = Object.freeze([...options.bearerMethods]);
  }

  authenticate(request: RequestLike): Decision | Promise<Decision> {
    try {
      const credentials = readCredentials(viewRequest(request), this.#options.bearerMethods);
      if (credentials === undefined) return this.#withoutCredentials();
      const verified = this.#verifier.verify(credentials.token, checkToken);
      // A token that was verified before is decided upon at once: waiting a turn would cost more than the look-up.
      return verified instanceof Promise
        ? this.#allowLater(verified, credentials)
        : this.#allow(verified, credentials);
    } catch (error) {
      return this.#denyOrThrow(error);
    }
  }

  authorize(auth: Auth | undefined, requirement: Requirement): Decision {
    checkRequirementShape(requirement);
    const error = checkRequirement(auth, requirement);
    if (error === undefined) return { kind: 'allowed', auth, headers: undefined };
    return this.#deny(error, requiredScopes(requirement), auth);
  }

  async verify(token: string): Promise<Auth> {
    try {
      // A caller without types may hand over whatever its transport delivered.
      if (typeof token !== 'string') throw new InvalidTokenError('malformed_token');
      return this.#accept(await this.#verifier.verify(token), token);
    } catch (error) {
      if (isResourceServerError(error)) this.#reportDenied(error, undefined);
      throw error;
    }
  }

  async ready(): Promise<void> {
    await Promise.all([...this.#options.issuers.values()].map(({ keySet }) => keySet.ready()));
  }

  close(): void {
    for (const { keySet } of this.#options.issuers.values()) keySet.close();
  }

  #withoutCredentials(): Decision {
    if (!this.#options.optional)
      return this.#deny(new InvalidTokenError('missing_credentials'), [], undefined);
    reportDecision(() => ({ ...NOTHING_KNOWN, outcome: 'anonymous' }));
    return ANONYMOUS;
  }

  async #allowLater(verification: Promise<AccessToken>, credentials: Credentials): Promise<Decision> {
    try {
      return this.#allow(await verification, credentials);
    } catch (error) {
      return this.#denyOrThrow(error);
    }
  }

  #allow(accessToken: AccessToken, { token, method }: Credentials): Allowed {
    const auth = this.#accept(accessToken, token);
    return { kind: 'allowed', auth, headers: method === 'query' ? QUERY_METHOD_HEADERS : undefined };
  }

  /** What depends on the request, and is therefore looked at each time, also for a token that was verified before. */
  #accept(accessToken: AccessToken, token: string): Auth {
    checkConfirmation(accessToken);
    const auth = createAuth(accessToken, token);
    reportDecision(() => ({
      ...NOTHING_KNOWN,
      outcome: 'allowed',
      issuer: auth.issuer,
      clientId: auth.clientId,
    }));
    return auth;
  }

  /** Only what a client or an issuer can cause becomes an answer. Anything else is a bug and must not look like a refusal. */
  #denyOrThrow(error: unknown): Denied {
    if (isResourceServerError(error)) return this.#deny(error, [], undefined);
    throw error;
  }

  #deny(error: ResourceServerError, scopes: readonly string[], auth: Auth | undefined): Denied {
    this.#reportDenied(error, auth);
    return { kind: 'denied', error, answer: denialResponse(error, this.#options.realm, scopes) };
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

const NOTHING_KNOWN = {
  status: undefined,
  reason: undefined,
  hint: undefined,
  issuer: undefined,
  clientId: undefined,
};
