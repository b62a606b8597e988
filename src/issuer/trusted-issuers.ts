import { isDeepStrictEqual } from 'node:util';
import { reportWarning } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import { isOptionError } from '../lib/check.js';
import { GRACE_SECONDS, withTimeLimit } from '../lib/deadline.js';
import { isSameElsewhere } from '../lib/difference.js';
import { describeError, SafeError } from '../lib/errors.js';
import type { JsonObject } from '../lib/json.js';
import { LruCache } from '../lib/lru-cache.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';
import { quote } from '../lib/public-text.js';
import type { Runtime } from '../lib/runtime.js';
import { SharedWork } from '../lib/shared-work.js';
import { ALGORITHMS } from '../terms.js';
import { checkDates, wronglyTypedClaims } from '../token/claims.js';
import { createIssuer, type Issuer, type IssuerSettings } from './issuer.js';
import type { KeysPolicy } from './keys-policy.js';
import { RequestHeldBack, RequestSlots } from './request-slots.js';

/** How to find issuers that aren't configured by name. */
export interface IssuerResolution {
  /** The application's function, with its answer checked. Undefined: the issuer isn't trusted. */
  readonly resolve: (iss: string) => Promise<IssuerSettings | undefined>;
  /** How long answers are used, and how long the function may take: as with keys. */
  readonly policy: KeysPolicy;
}

/** How many issuers are kept whose tokens were accepted. */
const MAX_USED = 10_000;
/** How many are kept without an accepted token: anyone may have named them. */
const MAX_UNUSED = 1000;
const MAX_REFUSED = 10_000;
/** The application isn't asked about other names: longer ones, and those with control characters. */
const NAME = /^\P{Cc}{1,1000}$/u;
const RETRY_AFTER_SECONDS = 1;
/** How long a token of a trusted issuer waits for an application that has failed before. */
const PATIENCE_SECONDS = 0.5;

/** An issuer that the application named, for as long as that answer counts. */
interface Named {
  readonly issuer: Issuer;
  readonly settings: IssuerSettings;
  /** When the application last confirmed it. */
  confirmedAt: number;
  /** Whether it was asked again after that, and failed. */
  isUnconfirmed: boolean;
  /** Undefined once it isn't trusted any more. */
  trusted: Span | undefined;
}

/** The issuers whose tokens are accepted: those configured, and those that the application names. */
export class TrustedIssuers {
  /** The algorithms that any issuer may sign with. Others can be refused at once. */
  readonly algorithms: ReadonlySet<string>;
  readonly configured: ReadonlyMap<string, Issuer>;
  readonly #named: NamedIssuers | undefined;
  readonly #runtime: Runtime;

  constructor(configured: readonly Issuer[], resolution: IssuerResolution | undefined, runtime: Runtime) {
    this.configured = new Map(configured.map((issuer) => [issuer.issuer, issuer]));
    this.#named = resolution && new NamedIssuers(resolution, runtime);
    this.#runtime = runtime;
    const some = configured.flatMap(({ algorithms }) => [...algorithms]);
    this.algorithms = new Set<string>(resolution === undefined ? some : ALGORITHMS);
  }

  /** Whether the application may name others at run time. */
  get isOpen(): boolean {
    return this.#named !== undefined;
  }

  /** The longest that verifying a token can take. May grow when the application names an issuer. */
  get verificationSeconds(): number {
    const configured = [...this.configured.values()].map((issuer) => issuer.verificationSeconds);
    return Math.max(this.#named?.verificationSeconds ?? 0, ...configured);
  }

  /** The issuer that `"iss"` names exactly (RFC 8725 §3.8), if that's known without asking. */
  known(iss: unknown): Issuer | undefined {
    if (typeof iss !== 'string') return undefined;
    return this.configured.get(iss) ?? this.#named?.known(iss);
  }

  /**
   * The issuer that a token names. The application is asked about issuers that aren't configured, but not for
   * a token that can't be valid. That's the same for one that it named before.
   *
   * @throws {InvalidTokenError} `iss_mismatch`; `invalid_claim` and the reasons about dates
   * @throws {UnavailableError} `issuer_unavailable`: the application doesn't answer
   */
  async find(claims: JsonObject): Promise<Issuer> {
    const { iss } = claims;
    if (this.#named !== undefined && typeof iss === 'string' && !this.configured.has(iss) && NAME.test(iss)) {
      if (wronglyTypedClaims(claims).length > 0) throw new InvalidTokenError('invalid_claim');
      checkDates(claims, this.#runtime.clock() / 1000, this.#runtime.clockToleranceSeconds);
      const named = this.#named.known(iss) ?? (await this.#named.find(iss));
      if (named !== undefined) return named;
    }
    return findIssuer(iss, this.configured);
  }

  /**
   * Records that a token of the issuer was accepted: from then on, only issuers with accepted tokens can
   * displace it.
   */
  markAsUsed(issuer: Issuer): void {
    this.#named?.markAsUsed(issuer);
  }

  /**
   * @throws {UnavailableError} a configured issuer can't be reached and none of its keys are known, or an
   *   introspection endpoint can't be found. The hint names the issuer, unless there's another
   */
  async ready(): Promise<void> {
    const prepare = (issuer: Issuer) =>
      issuer.ready().catch((error: unknown) => {
        if (!(error instanceof UnavailableError)) throw error;
        const { reason, retryAfterSeconds, cause, hint = `the issuer is ${quote(issuer.issuer)}` } = error;
        throw new UnavailableError(reason, retryAfterSeconds, cause, hint);
      });
    await Promise.all([...this.configured.values()].map(prepare));
  }

  close(): void {
    for (const { keySet } of this.configured.values()) keySet.close();
    this.#named?.close();
  }
}

const ONE_SERVER =
  'the issuer differs from a configured one only by scheme, host or port; if one server has both names, ' +
  'configure the one in its tokens';

/**
 * The issuer that `"iss"` names exactly, from a list (RFC 8725 §3.8).
 *
 * @throws {InvalidTokenError} `iss_mismatch`
 */
export function findIssuer<T>(iss: unknown, issuers: ReadonlyMap<string, T>): T {
  if (typeof iss !== 'string') throw new InvalidTokenError('iss_mismatch');
  const issuer = issuers.get(iss);
  if (issuer !== undefined) return issuer;
  throw new InvalidTokenError('iss_mismatch', explainMismatch(iss, issuers));
}

function explainMismatch(iss: string, issuers: ReadonlyMap<string, unknown>): string | undefined {
  const twin = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
  if (issuers.has(twin)) return 'the issuer differs from a configured one only by a trailing slash';
  return isSameElsewhere(iss, issuers.keys()) ? ONE_SERVER : undefined;
}

/**
 * The issuers that the application names.
 *
 * It guarantees: one question per issuer at a time, and not many at once. Yes and no are remembered for a
 * while. Only others like it can displace an issuer whose tokens were accepted. While the application doesn't
 * answer, the issuers it named before stay trusted, as keys do during an outage.
 */
class NamedIssuers {
  readonly #resolution: IssuerResolution;
  readonly #runtime: Runtime;
  readonly #used = new LruCache<string, Named>({ max: MAX_USED });
  readonly #unused = new LruCache<string, Named>({ max: MAX_UNUSED });
  readonly #refused = new LruCache<string, Span>({ max: MAX_REFUSED });
  readonly #underWay: SharedWork<Issuer | undefined>;
  readonly #slots: RequestSlots;
  /** The longest that verifying a token of any of them can take, besides asking about the issuer. */
  #longestSeconds = 0;

  constructor(resolution: IssuerResolution, runtime: Runtime) {
    this.#resolution = resolution;
    this.#runtime = runtime;
    const { timeoutSeconds } = resolution.policy;
    this.#slots = new RequestSlots(runtime.clock, timeoutSeconds);
    this.#underWay = new SharedWork(runtime.clock, this.#askSeconds);
  }

  get verificationSeconds(): number {
    return this.#askSeconds + this.#longestSeconds;
  }

  /** The longest that asking about an issuer can take. It may wait for a slot first. */
  get #askSeconds(): number {
    return 2 * this.#resolution.policy.timeoutSeconds + GRACE_SECONDS;
  }

  known(iss: string): Issuer | undefined {
    const issuer = this.#get(iss)?.issuer;
    return issuer?.isTrusted() ? issuer : undefined;
  }

  async find(iss: string): Promise<Issuer | undefined> {
    const now = this.#runtime.clock();
    if (isWithin(this.#refused.get(iss), now)) return undefined;
    const asking = this.#underWay.run(() => this.#ask(iss), iss);
    const before = this.#get(iss);
    if (before === undefined || !before.isUnconfirmed || !this.#mayKeep(before, now)) return asking;
    // Once the application is known to be down, nobody waits long for it.
    return withTimeLimit(PATIENCE_SECONDS, () => asking).catch(() => this.#keep(before, now));
  }

  markAsUsed(issuer: Issuer): void {
    const named = this.#unused.get(issuer.issuer);
    if (named?.issuer !== issuer) return;
    this.#unused.delete(issuer.issuer);
    this.#used.set(issuer.issuer, named);
  }

  close(): void {
    for (const { issuer } of [...this.#used.values(), ...this.#unused.values()]) issuer.keySet.close();
  }

  #get(iss: string): Named | undefined {
    return this.#used.get(iss) ?? this.#unused.get(iss);
  }

  async #ask(iss: string): Promise<Issuer | undefined> {
    const { resolve, policy } = this.#resolution;
    const before = this.#get(iss);
    let settings: IssuerSettings | undefined;
    try {
      const ask = () => withTimeLimit(policy.timeoutSeconds, () => resolve(iss));
      // Issuers that were trusted before don't queue behind all that want to be.
      settings = await (before === undefined ? this.#slots.run(false, ask) : ask());
    } catch (error) {
      return this.#keepOrFail(error, before);
    }
    const now = this.#runtime.clock();
    if (settings !== undefined) return this.#trust(iss, settings, before, now);
    this.#refused.set(iss, spanFrom(now, policy.cooldownSeconds));
    this.#used.delete(iss);
    this.#unused.delete(iss);
    if (before !== undefined) {
      before.trusted = undefined;
      before.issuer.keySet.close();
    }
    return undefined;
  }

  /** While the application doesn't answer, its last answer counts. */
  #keepOrFail(error: unknown, before: Named | undefined): Issuer {
    const detail = isOptionError(error) ? error.message : describeError(error);
    reportWarning({ source: 'issuer', detail });
    const now = this.#runtime.clock();
    if (before === undefined || !this.#mayKeep(before, now)) {
      const retryAfterSeconds =
        error instanceof RequestHeldBack ? error.retryAfterSeconds : RETRY_AFTER_SECONDS;
      throw new UnavailableError('issuer_unavailable', retryAfterSeconds, new SafeError(detail));
    }
    return this.#keep(before, now);
  }

  #mayKeep({ confirmedAt }: Named, now: number): boolean {
    const { maxAgeSeconds, staleIfErrorSeconds } = this.#resolution.policy;
    return now < confirmedAt + 1000 * (maxAgeSeconds + staleIfErrorSeconds);
  }

  #keep(before: Named, now: number): Issuer {
    before.isUnconfirmed = true;
    before.trusted = spanFrom(now, this.#resolution.policy.cooldownSeconds);
    return before.issuer;
  }

  #trust(iss: string, settings: IssuerSettings, before: Named | undefined, now: number): Issuer {
    const trusted = spanFrom(now, this.#resolution.policy.maxAgeSeconds);
    if (before !== undefined) before.trusted = undefined; // its tokens are verified anew if anything changed
    if (before !== undefined && isDeepStrictEqual(before.settings, settings)) {
      const named = Object.assign(before, { confirmedAt: now, isUnconfirmed: false, trusted });
      return named.issuer;
    }
    const named: Named = {
      issuer: this.#create(settings, before?.issuer, () => named),
      settings,
      confirmedAt: now,
      isUnconfirmed: false,
      trusted,
    };
    const cache = this.#used.has(iss) ? this.#used : this.#unused;
    cache.set(iss, named);
    return named.issuer;
  }

  #create(settings: IssuerSettings, before: Issuer | undefined, self: () => Named): Issuer {
    const isTrusted = (): boolean => isWithin(self().trusted, this.#runtime.clock());
    const issuer = createIssuer(settings, this.#runtime, before);
    if (issuer.keySet !== before?.keySet) before?.keySet.close();
    this.#longestSeconds = Math.max(this.#longestSeconds, issuer.verificationSeconds);
    return { ...issuer, isTrusted };
  }
}
