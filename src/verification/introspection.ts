import { returnsTrue } from '../ask-application.js';
import type { AccessToken, JoseHeader, StandardClaims } from '../auth.js';
import { reportIntrospection } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import type { Introspection } from '../issuer/introspection.js';
import type { IntrospectedTokens } from '../issuer/introspection-settings.js';
import type { Issuer } from '../issuer/issuer.js';
import { findSigningKey } from '../issuer/key-set.js';
import { deepFreeze, freezeAndMeasure } from '../lib/json.js';
import { LruCache } from '../lib/lru-cache.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';
import { isToken68 } from '../request/credentials.js';
import { createAccessToken } from '../token/claims.js';
import { readAlgorithm } from '../token/compact-jws.js';
import { readCallingClient } from './calling-client.js';
import type { ScopeReader } from './granted-scopes.js';
import {
  checkAnswer,
  checkIntrospectedJwt,
  type IntrospectedJwt,
  looksLikeJwt,
  readIntrospectedJwt,
  restrictToJwt,
} from './introspected-token.js';
import { BYTES_PER_SCOPE, type VerifierOptions } from './jwt.js';

/** How many once active tokens are remembered after their issuer's answer has expired. */
const MAX_PROVEN = 10_000;
/** How many refused tokens are remembered. A flood of others displaces them, at no other cost. */
const MAX_REFUSED = 1000;

/** All introspected tokens have the same header: none. */
const NO_HEADER: AccessToken['header'] = Object.freeze({});

/** An issuer that is asked about tokens. */
type AskedIssuer = Issuer & { readonly introspection: Introspection };

function isAskedAbout(kind: IntrospectedTokens, issuer: Issuer): issuer is AskedIssuer {
  return issuer.introspection?.tokens.has(kind) ?? false;
}

/** An access token that its issuer called active, and how long that answer counts. */
export interface IntrospectedToken {
  readonly issuer: Issuer;
  readonly accessToken: AccessToken;
  readonly validity: Span;
  /** About how much heap it takes. */
  readonly bytes: number;
}

/** A refused token, and why. */
interface Refusal {
  readonly reason: InvalidTokenError['reason'];
  readonly hint: string | undefined;
  readonly remembered: Span;
}

/**
 * Verifies access tokens by asking their issuer (RFC 7662).
 *
 * Anything that can't be an access token is refused without asking. The answer is checked like the claims of
 * a JWT. Refusals are remembered for a moment, separately from the valid tokens, so a flood of bad tokens
 * doesn't displace good ones.
 */
export class IntrospectionVerifier {
  readonly #options: VerifierOptions;
  readonly #scopes: ScopeReader;
  /** The issuer to ask about opaque tokens. */
  readonly #opaque: AskedIssuer | undefined;
  readonly #mayAskAboutJwts: boolean;
  readonly #refused = new LruCache<string, Refusal>({ max: MAX_REFUSED });
  /** Digests of tokens that were accepted once, so they aren't made up. */
  readonly #proven = new LruCache<string, true>({ max: MAX_PROVEN });
  /** The ends of tokens, by their claims, if the issuer doesn't state one. */
  readonly #ends = new WeakMap<AccessToken['claims'], number>();

  constructor(options: VerifierOptions, scopes: ScopeReader) {
    this.#options = options;
    this.#scopes = scopes;
    const configured = [...options.issuers.configured.values()];
    this.#opaque = configured.find((issuer) => isAskedAbout('opaque', issuer));
    this.#mayAskAboutJwts =
      options.issuers.isOpen || configured.some((issuer) => isAskedAbout('jwt', issuer));
  }

  /** Whether {@link verify} may be able to verify such a token. */
  mayAskAbout(token: string): boolean {
    return this.#mayAskAboutJwts || !looksLikeJwt(token);
  }

  /** The end of a token whose `"exp"` only says how long its issuer's answer counts; undefined for others. */
  endOf(claims: AccessToken['claims']): number | undefined {
    return this.#ends.get(claims);
  }

  /**
   * A token that looks like a JWT never counts as opaque, nor the reverse: no token gets a second chance.
   *
   * @param digest of the token, to remember it by if it's refused
   * @returns undefined if the token must be verified by its signature instead
   * @throws {InvalidTokenError} the token isn't valid
   * @throws {UnavailableError} the issuer doesn't answer
   */
  async verify(token: string, digest: string): Promise<IntrospectedToken | undefined> {
    const { clock, clockToleranceSeconds: tolerance } = this.#options;
    if (!this.mayAskAbout(token)) return undefined;
    const jwt = looksLikeJwt(token) ? readIntrospectedJwt(token) : undefined;
    const issuer = jwt === undefined ? this.#opaque : await this.#findAsked(jwt);
    if (issuer === undefined) return undefined;
    if (jwt !== undefined) checkIntrospectedJwt(jwt, issuer, clock() / 1000, tolerance);
    if (!isToken68(token)) throw new InvalidTokenError('malformed_token');
    this.#refuseKnown(digest);
    if (jwt !== undefined) await refuseForgery(token, jwt, issuer);
    const answer = await issuer.introspection.ask(token, !this.#proven.has(digest));
    const now = clock();
    try {
      let active = checkAnswer(answer, issuer, issuer.introspection, now / 1000, tolerance);
      if (jwt !== undefined) active = restrictToJwt(active, jwt, issuer, now / 1000, tolerance);
      // Now that the issuer has confirmed the JWT, the application's own rule may see header and claims.
      const { isAccessToken } = issuer;
      if (jwt && isAccessToken && !returnsTrue('isAccessToken', () => isAccessToken(jwt.header, jwt.claims)))
        throw new InvalidTokenError('not_an_access_token');
      const introspected = this.#toIntrospectedToken(token.length, active.claims, jwt?.header, issuer, now);
      for (const member of active.absent)
        reportIntrospection({ event: 'member_absent', issuer: issuer.issuer, detail: member });
      this.#proven.set(digest, true);
      if (active.absent.includes('exp'))
        this.#ends.set(introspected.accessToken.claims, jwt?.claims.exp ?? Number.POSITIVE_INFINITY);
      return introspected;
    } catch (error) {
      // The issuer did answer, or we wouldn't get here.
      const { negativeCacheSeconds: seconds } = issuer.introspection;
      if (error instanceof InvalidTokenError && seconds > 0) {
        const { reason, hint } = error;
        this.#refused.set(digest, { reason, hint, remembered: spanFrom(now, seconds) });
      }
      throw error;
    }
  }

  /** Undefined if the JWT's issuer isn't asked about it. */
  async #findAsked({ header, claims }: IntrospectedJwt): Promise<AskedIssuer | undefined> {
    const { issuers } = this.#options;
    const mayBeNamed = issuers.isOpen && !issuers.configured.has(claims.iss);
    // Whether the application has named its issuer before makes no difference.
    if (mayBeNamed) readAlgorithm(header, issuers.algorithms);
    const issuer = mayBeNamed ? await issuers.find(claims) : issuers.known(claims.iss);
    return issuer !== undefined && isAskedAbout('jwt', issuer) ? issuer : undefined;
  }

  #toIntrospectedToken(
    tokenLength: number,
    claims: StandardClaims,
    header: JoseHeader | undefined,
    issuer: AskedIssuer,
    now: number,
  ): IntrospectedToken {
    const { members, cacheSeconds, scopeSource } = issuer.introspection;
    const { scopes } = this.#scopes.read(deepFreeze(claims), scopeSource);
    const visible = Object.entries(claims).filter(([name]) => members.has(name));
    const accessToken = createAccessToken({
      header: header === undefined ? NO_HEADER : deepFreeze(header),
      // `as`: iss and exp are always there, and among the members.
      claims: Object.freeze(Object.fromEntries(visible)) as AccessToken['claims'],
      issuer: issuer.issuer,
      clientId: readCallingClient(claims, issuer) ?? claims.client_id,
      scopes,
    });
    // RFC 7662 §4: never beyond "exp", whatever the tolerance.
    const until = Math.min(spanFrom(now, cacheSeconds).until, claims.exp * 1000);
    // The length of the token says nothing about the length of the answer.
    const scopeBytes = scopes.reduce((sum, scope) => sum + BYTES_PER_SCOPE + scope.length, 0);
    const bytes = Math.ceil(tokenLength / 2) + freezeAndMeasure(accessToken.claims, true) + scopeBytes;
    return { issuer, accessToken, validity: { from: now, until }, bytes };
  }

  #refuseKnown(digest: string): void {
    const refusal = this.#refused.get(digest);
    if (refusal === undefined) return;
    if (isWithin(refusal.remembered, this.#options.clock()))
      throw new InvalidTokenError(refusal.reason, refusal.hint);
    this.#refused.delete(digest);
  }
}

/**
 * Refuses a JWT that the issuer can't have signed, before asking: anyone can make one up, and many servers
 * answer 500 to it. Without keys, or while they can't be reached, the issuer's answer must do.
 *
 * @throws {InvalidTokenError} the signature isn't the issuer's
 */
async function refuseForgery(token: string, { header }: IntrospectedJwt, issuer: Issuer): Promise<void> {
  const { keySet } = issuer;
  try {
    if (keySet.known().length === 0) await keySet.ready();
    if (keySet.known().length === 0) return;
    await findSigningKey(token, header, readAlgorithm(header, issuer.algorithms), keySet);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
  }
}
