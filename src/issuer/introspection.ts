import { type IntrospectionMessage, reportIntrospection } from '../diagnostics.js';
import { UnavailableError } from '../errors.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError, SafeError } from '../lib/errors.js';
import { FetchFailure } from '../lib/fetch.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { CircuitBreaker, type Outage } from './circuit-breaker.js';
import { ClientAuthenticationFailure } from './client-authentication.js';
import { type AnswerSource, endpointSource } from './introspection-endpoint.js';
import { IntrospectionFailure } from './introspection-failure.js';
import type { Introspect, IntrospectionContext, IntrospectionSettings } from './introspection-settings.js';
import { RequestHeldBack } from './request-slots.js';

/** An issuer's answer about a token (RFC 7662 §2.2). Only `active` has been checked. */
export interface IntrospectionAnswer {
  readonly active: boolean;
  readonly [member: string]: unknown;
}

/** An issuer that can be asked about tokens. */
export interface Introspection extends IntrospectionSettings {
  /**
   * Asks the issuer.
   *
   * @param isNewcomer whether the token was never found active, so that anyone may have made it up
   * @throws {UnavailableError} there's no answer, or none that can be used
   */
  ask(token: string, isNewcomer: boolean): Promise<IntrospectionAnswer>;
}

/**
 * Asks one issuer about tokens, within a time limit, and not while it's failing. Every failure is an
 * {@link UnavailableError}: the token isn't to blame.
 */
export function createIntrospection(
  settings: IntrospectionSettings,
  context: IntrospectionContext,
): Introspection {
  const { issuer } = context.rules;
  const { asks, timeoutSeconds, cooldownSeconds } = settings;
  const source =
    typeof asks === 'function' ? functionSource(asks) : endpointSource(asks, context, timeoutSeconds);
  let lastFailure: UnavailableError | undefined;

  const report = (
    event: IntrospectionMessage['event'],
    failure?: UnavailableError,
    times?: Pick<Partial<IntrospectionMessage>, 'seconds' | 'durationSeconds'>,
  ) => {
    const detail = failure && describeError(failure.cause);
    reportIntrospection({ event, issuer, reason: failure?.reason, detail, ...times });
  };
  const breaker = new CircuitBreaker({
    clock: context.runtime.clock,
    cooldownSeconds,
    timeoutSeconds,
    findOutage,
    onPause: (seconds) => report('suspended', lastFailure, { seconds }),
    onRecovery: () => report('resumed'),
  });
  const askOnce = async (token: string): Promise<IntrospectionAnswer> => {
    const startedAt = performance.now();
    const took = () => ({ durationSeconds: (performance.now() - startedAt) / 1000 });
    try {
      const answer = checkActive(await withTimeLimit(timeoutSeconds, (signal) => source(token, signal)));
      report('answered', undefined, took());
      return answer;
    } catch (error) {
      // Set here, so that it's known when the pause it causes is reported.
      lastFailure = toUnavailable(error);
      report('failed', lastFailure, took());
      throw lastFailure;
    }
  };

  return {
    ...settings,
    async ask(token, isNewcomer) {
      try {
        return await breaker.run(isNewcomer, () => askOnce(token));
      } catch (error) {
        if (!(error instanceof RequestHeldBack)) throw error;
        const { isPaused, retryAfterSeconds } = error;
        const failure = (isPaused && lastFailure) || toUnavailable(error);
        if (!isPaused) report('failed', failure);
        throw new UnavailableError(failure.reason, retryAfterSeconds, failure.cause, failure.hint);
      }
    },
  };
}

/**
 * The application's function failed. Its error may contain the token or a secret, so only the name is kept.
 */
class FunctionFailure extends SafeError {}

/**
 * The application's function instead of an endpoint. What it returns is copied, because claims get frozen and
 * the application's objects aren't ours to freeze.
 */
function functionSource(introspect: Introspect): AnswerSource {
  return async (token) => {
    let answer: unknown;
    try {
      answer = await introspect(token);
    } catch (error) {
      throw new FunctionFailure(describeError(error));
    }
    const copy: unknown = JSON.parse(JSON.stringify(answer) ?? 'null');
    if (!isJsonObject(copy)) throw new FetchFailure('invalid', 'not an object');
    return copy;
  };
}

/** RFC 7662 §2.2: `active` must be a real boolean. */
function checkActive(answer: JsonObject): IntrospectionAnswer {
  const active = Object.hasOwn(answer, 'active') ? answer.active : undefined;
  if (typeof active !== 'boolean') throw new FetchFailure('invalid', 'active is not a boolean');
  return { ...answer, active };
}

/**
 * The failure of a call, as the caller sees it. Nothing is kept of foreign errors: they may contain the token
 * or a secret.
 */
function toUnavailable(error: unknown): UnavailableError {
  // From the metadata, or from the keys that verify an answer.
  if (error instanceof UnavailableError) return error;
  if (error instanceof IntrospectionFailure)
    return new UnavailableError(error.reason, error.retryAfterSeconds ?? 1, error, error.hint);
  const isOurCredential = error instanceof ClientAuthenticationFailure;
  const reason = isOurCredential ? 'introspection_auth_failed' : 'introspection_unavailable';
  const cause = error instanceof SafeError ? error : new SafeError(describeError(error));
  const hint = error instanceof FetchFailure ? error.hint : undefined;
  return new UnavailableError(reason, 1, cause, hint);
}

/** What a failed call says about the server; for newcomers, only what's certain. */
function findOutage(failure: unknown, isNewcomer: boolean): Outage | undefined {
  const cause: unknown = failure instanceof UnavailableError ? failure.cause : undefined;
  if (isNewcomer && isUnclear(cause)) return undefined;
  return cause instanceof IntrospectionFailure ? cause : {};
}

/** Whether a failure may concern only this token, or something that the token made another server do. */
function isUnclear(cause: unknown): boolean {
  if (cause instanceof IntrospectionFailure) return cause.scope === 'unclear';
  return cause instanceof FetchFailure ? cause.kind === 'invalid' : cause instanceof FunctionFailure;
}
