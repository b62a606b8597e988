import { channel } from 'node:diagnostics_channel';
import type { Reason } from './errors.js';

/** Names of the `node:diagnostics_channel` channels on which this package reports. Nothing is built when nobody listens. */
export const channels: Readonly<Record<'decision' | 'keys' | 'warning', string>> = Object.freeze({
  /** A {@link DecisionMessage} per authentication, and per requirement that was not met. */
  decision: 'oauth-resource-server:decision',
  /** A {@link KeysMessage} per refresh of an issuer's keys, and per key that was left out. */
  keys: 'oauth-resource-server:keys',
  /** A {@link WarningMessage} when a function of the application failed and the request was refused therefore. */
  warning: 'oauth-resource-server:warning',
});

/** The outcome of one decision. Holds no token and no claim but the issuer (a configured one) and the client of a verified token. */
export interface DecisionMessage {
  readonly outcome: 'allowed' | 'anonymous' | 'denied';
  readonly status: number | undefined;
  readonly reason: Reason | undefined;
  /** A fixed text that helps whoever configures the issuer or the API. */
  readonly hint: string | undefined;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
}

/** What happened to an issuer's keys. */
export interface KeysMessage {
  /** `loaded`: a refresh succeeded; `failed`: it did not, for `reason`; `key_skipped`: one key of the set is not used, for `detail`. */
  readonly event: 'loaded' | 'failed' | 'key_skipped';
  readonly issuer: string;
  readonly reason: Reason | undefined;
  /** Why a key was skipped, or the kind of the failure: a fixed text, an error code such as `ECONNREFUSED`, or the name of what a function threw. */
  readonly detail: string | undefined;
  /** How many keys are in use now. */
  readonly keys: number;
}

/** A function of the application that threw or returned something else than a boolean. */
export interface WarningMessage {
  /** Which function: `isAccessToken` or `claims`. */
  readonly source: 'isAccessToken' | 'claims';
  /** The name of what was thrown, such as `TypeError`, or the type of what was returned. Never its text, which may quote claims. */
  readonly detail: string;
}

const decisionChannel = channel(channels.decision);
const keysChannel = channel(channels.keys);
const warningChannel = channel(channels.warning);

/** Reports a decision; the message is built only when somebody listens. */
export function reportDecision(build: () => DecisionMessage): void {
  if (decisionChannel.hasSubscribers) decisionChannel.publish(build());
}

export function reportKeys(message: KeysMessage): void {
  keysChannel.publish(message);
}

/**
 * Calls a predicate of the application. Only `true` counts: an exception, a promise or another value is a refusal, and is reported.
 */
export function holds(source: WarningMessage['source'], predicate: () => unknown): boolean {
  let outcome: unknown;
  try {
    outcome = predicate();
  } catch (error) {
    warningChannel.publish({
      source,
      detail: error instanceof Error ? error.name : typeof error,
    } satisfies WarningMessage);
    return false;
  }
  // Refused already, whatever becomes of it; but a rejection that nobody handles would end the process.
  if (outcome instanceof Promise) outcome.catch(() => undefined);
  if (typeof outcome !== 'boolean') {
    warningChannel.publish({
      source,
      detail: outcome instanceof Promise ? 'promise' : typeof outcome,
    } satisfies WarningMessage);
  }
  return outcome === true;
}
