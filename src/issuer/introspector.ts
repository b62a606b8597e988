import { type IntrospectionMessage, reportIntrospection } from '../diagnostics.js';
import { UnavailableError } from '../errors.js';
import { TimeLimitExceeded, withTimeLimit } from '../lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable } from '../lib/fetch.js';
import type { Introspect } from '../options/introspection-options.js';
import { isJsonObject } from '../token/compact-jws.js';
import { CircuitBreaker, RequestHeldBack } from './circuit-breaker.js';
import { ClientAuthenticationFailure } from './client-authentication.js';
import type { IntrospectionAnswer } from './introspection.js';
import type { AnswerSource } from './introspection-endpoint.js';
import { IntrospectionFailure } from './introspection-failure.js';

/** When another attempt makes sense that is not held back. */
const RETRY_AFTER_SECONDS = 1;

export interface IntrospectorOptions {
  readonly issuer: string;
  readonly source: AnswerSource;
  readonly timeoutSeconds: number;
  readonly cooldownSeconds: number;
  readonly clock: () => number;
}

/** Asks one issuer about tokens, within a time limit, and not while it fails. Whatever goes wrong is an {@link UnavailableError}: nobody can blame the token. */
export class Introspector {
  readonly #options: IntrospectorOptions;
  readonly #breaker: CircuitBreaker;
  #lastFailure: IntrospectionFailure | undefined;

  constructor(options: IntrospectorOptions) {
    this.#options = options;
    const { clock, cooldownSeconds } = options;
    this.#breaker = new CircuitBreaker({
      clock,
      cooldownSeconds,
      outageOf: (error) =>
        error instanceof IntrospectionFailure && error.isAboutToken
          ? undefined
          : {
              retryAfterSeconds: error instanceof IntrospectionFailure ? error.retryAfterSeconds : undefined,
            },
      onPause: (seconds) => this.#report('suspended', this.#lastFailure, seconds),
      onRecovery: () => this.#report('resumed', undefined, undefined),
    });
  }

  /** @throws {UnavailableError} */
  async ask(token: string): Promise<IntrospectionAnswer> {
    try {
      return await this.#breaker.run(() => this.#askOnce(token));
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** Runs something else that the issuer is needed for, with the same errors. @throws {UnavailableError} */
  async prepare(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  async #askOnce(token: string): Promise<IntrospectionAnswer> {
    const { source, timeoutSeconds } = this.#options;
    try {
      return checkAnswer(await withTimeLimit(timeoutSeconds, (signal) => source(token, signal)));
    } catch (error) {
      // Here, so that it is known when the pause is reported that it causes.
      if (error instanceof UnavailableError) throw error;
      this.#lastFailure = toFailure(error);
      this.#report('failed', this.#lastFailure, undefined);
      throw this.#lastFailure;
    }
  }

  #unavailable(error: unknown): UnavailableError {
    if (error instanceof UnavailableError) return error; // the keys that an answer is verified with are out of reach
    if (error instanceof RequestHeldBack) return this.#heldBack(error);
    const failure = toFailure(error);
    return new UnavailableError(failure.reason, failure.retryAfterSeconds ?? RETRY_AFTER_SECONDS, failure);
  }

  #heldBack({ isPaused, message, retryAfterSeconds }: RequestHeldBack): UnavailableError {
    const failure = isPaused ? this.#lastFailure : undefined;
    const shown = failure ?? new IntrospectionFailure('introspection_unavailable', message);
    if (!isPaused) this.#report('failed', shown, undefined);
    return new UnavailableError(shown.reason, retryAfterSeconds, shown);
  }

  #report(
    event: IntrospectionMessage['event'],
    failure: IntrospectionFailure | undefined,
    seconds: number | undefined,
  ): void {
    const { issuer } = this.#options;
    reportIntrospection({ event, issuer, reason: failure?.reason, detail: failure?.message, seconds });
  }
}

/** A function of the application in place of an endpoint. What it returns is copied: the claims of a token are frozen, and objects of the application are not ours to freeze. */
export function functionSource(introspect: Introspect): AnswerSource {
  return async (token) => {
    const answer: unknown = await introspect(token);
    const copy: unknown = JSON.parse(JSON.stringify(answer) ?? 'null');
    if (!isJsonObject(copy)) throw new DocumentInvalid('not an object');
    return copy;
  };
}

/** RFC 7662 §2.2: `active` is a boolean, and nothing that is like one. */
function checkAnswer(answer: Readonly<Record<string, unknown>>): IntrospectionAnswer {
  const active = Object.hasOwn(answer, 'active') ? answer.active : undefined;
  if (typeof active !== 'boolean') throw new DocumentInvalid('active is not a boolean');
  return { ...answer, active };
}

/** Sorts what went wrong. Nothing of an error that is not ours is kept but its name. */
function toFailure(error: unknown): IntrospectionFailure {
  if (error instanceof IntrospectionFailure) return error;
  if (error instanceof ClientAuthenticationFailure)
    return new IntrospectionFailure('introspection_auth_failed', error.message);
  const isOurs =
    error instanceof DocumentUnavailable ||
    error instanceof DocumentInvalid ||
    error instanceof TimeLimitExceeded;
  const name = error instanceof Error ? error.name : typeof error;
  return new IntrospectionFailure('introspection_unavailable', isOurs ? error.message : name);
}
