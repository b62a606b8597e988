import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { readEnvironment } from './lib/environment.js';
import { describeError } from './lib/errors.js';
import type { Reason } from './reasons.js';

/**
 * Names of the `node:diagnostics_channel` channels on which this package reports. Nothing is built when
 * nobody listens.
 */
export const channels: Readonly<Record<'decision' | 'keys' | 'introspection' | 'warning', string>> =
  Object.freeze({
    /** A {@link DecisionMessage} per authentication, and per requirement that was not met. */
    decision: 'oauth-resource-server:decision',
    /** A {@link KeysMessage} per refresh of an issuer's keys, and per key that was left out. */
    keys: 'oauth-resource-server:keys',
    /**
     * An {@link IntrospectionMessage} per call of an introspection endpoint, and when calls are suspended and
     * resumed.
     */
    introspection: 'oauth-resource-server:introspection',
    /**
     * A {@link WarningMessage} when a function of the application failed and the request was refused
     * therefore, or an option is of no use.
     */
    warning: 'oauth-resource-server:warning',
  });

/**
 * The outcome of one decision. Holds no token and no claim but the issuer (a configured one) and the client
 * of a verified token.
 */
export interface DecisionMessage {
  readonly outcome: 'allowed' | 'anonymous' | 'denied';
  /** The HTTP method; undefined for a token that came without a request. */
  readonly method: string | undefined;
  /**
   * The pattern of the route, such as `/stock/:sku`, if the framework knows it by then. Never the path of the
   * request, which may say who somebody is.
   */
  readonly route: string | undefined;
  readonly status: number | undefined;
  readonly reason: Reason | undefined;
  /** A fixed text that helps whoever configures the issuer or the API. */
  readonly hint: string | undefined;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  /** Whether the token was verified before, and remembered. Of `allowed`. */
  readonly isKnownToken: boolean | undefined;
}

/** What happened to an issuer's keys. */
export interface KeysMessage {
  /**
   * `loaded`: a refresh succeeded; `failed`: it did not, for `reason`; `key_skipped`: one key of the set is
   * not used, for `detail`.
   */
  readonly event: 'loaded' | 'failed' | 'key_skipped';
  readonly issuer: string;
  readonly reason: Reason | undefined;
  /**
   * Why a key was skipped, or the kind of the failure: a fixed text, an error code such as `ECONNREFUSED`, or
   * the name of what a function threw.
   */
  readonly detail: string | undefined;
  /** How many keys are in use now. */
  readonly keys: number;
  /** Of `loaded`: how many seconds they stay fresh. After that they only serve on if a renewal fails. */
  readonly freshSeconds: number | undefined;
  /** Of `loaded` and `failed`: how long the load took, in seconds. */
  readonly durationSeconds: number | undefined;
}

/**
 * What happened when an issuer was asked about a token. Holds nothing of the token, and nothing of the answer
 * but which member it lacks.
 */
export interface IntrospectionMessage {
  /**
   * `answered`: a call was answered; `failed`: a call was not answered, or not in a way that can be used;
   * `suspended`: after failures no calls are made for `seconds`; `resumed`: the issuer answers again;
   * `member_absent`: a token was accepted without the member that `detail` names, since `mayBeAbsent` allows
   * that.
   */
  readonly event: 'answered' | 'failed' | 'suspended' | 'resumed' | 'member_absent';
  readonly issuer: string;
  /**
   * Of `failed` and `suspended`. `introspection_auth_failed` means that the issuer refuses this API's own
   * credentials.
   */
  readonly reason: Reason | undefined;
  /** A fixed text, an error code such as `ECONNREFUSED`, or the name of what a function threw. */
  readonly detail: string | undefined;
  /** Of `suspended`. */
  readonly seconds: number | undefined;
  /** Of `answered` and `failed`: how long the call took, in seconds. Undefined if none was made. */
  readonly durationSeconds: number | undefined;
}

/**
 * A function of the application that threw, returned something that it mustn't, or took too long; or an
 * option that finds nothing to work with.
 */
export interface WarningMessage {
  /**
   * Which function: `remember` of the `replayStore`, or the one that the word names; `authorizationDetails`
   * is the predicate of a requirement, like `claims`. `scopeClaim` may also be a claim that is there and
   * grants nothing, which is said once per issuer.
   */
  readonly source:
    | 'issuer'
    | 'isAccessToken'
    | 'scopeClaim'
    | 'clientIdClaim'
    | 'claims'
    | 'authorizationDetails'
    | 'isRevoked'
    | 'replayStore'
    | 'signedMetadata';
  /**
   * The name of what was thrown, such as `TypeError`, the type of what was returned, or `time-out`, or `full`
   * for a replay store that has no room, or a text of this package about an option. Never a text of the
   * function, which may quote claims.
   */
  readonly detail: string;
}

const decisionChannel = channel(channels.decision);
const keysChannel = channel(channels.keys);
const introspectionChannel = channel(channels.introspection);
const warningChannel = channel(channels.warning);

/** What listens to each channel. */
export interface Listeners {
  readonly decision: (message: DecisionMessage) => void;
  readonly keys: (message: KeysMessage) => void;
  readonly introspection: (message: IntrospectionMessage) => void;
  readonly warning: (message: WarningMessage) => void;
}

/** Listens to all channels. @returns a function that ends it */
export function listen(listeners: Listeners): () => void {
  const names = Object.keys(channels) as (keyof Listeners)[]; // the same names
  const subscriptions = names.map((name) => ({
    channel: channels[name],
    listener: listeners[name] as (message: unknown) => void, // what this package publishes there
  }));
  for (const { channel, listener } of subscriptions) subscribe(channel, listener);
  return () => {
    for (const { channel, listener } of subscriptions) unsubscribe(channel, listener);
  };
}

type DebugLog = ((text: string, ...values: readonly unknown[]) => void) & { readonly enabled: boolean };

/**
 * What `NODE_DEBUG=oauth-resource-server` shows, on standard error. It's asked for here too, because workerd
 * shows such messages unasked.
 */
const debug: DebugLog =
  readEnvironment('NODE_DEBUG') === undefined
    ? Object.assign(() => undefined, { enabled: false })
    : debuglog('oauth-resource-server');

/** Has subscribers while refusals are logged. Carries no messages. */
const logChannel = channel('oauth-resource-server:log');

/** Says that refusals are logged from now on, until the function that it returns is called. */
export function announceLog(): () => void {
  const listener = (): void => undefined;
  subscribe(logChannel.name, listener);
  return () => void unsubscribe(logChannel.name, listener);
}

/** Whether refusals are logged, so that nothing else has to show them. */
export function isLogged(): boolean {
  return debug.enabled || logChannel.hasSubscribers;
}

/** Reports a decision; the message is built only when somebody listens. */
export function reportDecision(build: () => DecisionMessage): void {
  if (decisionChannel.hasSubscribers) decisionChannel.publish(build());
}

/** The same for a refusal, which `NODE_DEBUG` shows as well. */
export function reportRefusal(build: () => DecisionMessage): void {
  if (!decisionChannel.hasSubscribers && !debug.enabled) return;
  const message = build();
  const { outcome: _denied, ...fields } = message;
  debug('request refused %j', fields);
  decisionChannel.publish(message);
}

export function reportKeys({
  event,
  issuer,
  reason,
  detail,
  keys,
  freshSeconds,
  durationSeconds,
}: Pick<KeysMessage, 'event' | 'issuer' | 'keys'> & Partial<KeysMessage>): void {
  const message: KeysMessage = { event, issuer, reason, detail, keys, freshSeconds, durationSeconds };
  debug('keys %j', message);
  keysChannel.publish(message);
}

export function reportIntrospection({
  event,
  issuer,
  reason,
  detail,
  seconds,
  durationSeconds,
}: Pick<IntrospectionMessage, 'event' | 'issuer'> & Partial<IntrospectionMessage>): void {
  const message: IntrospectionMessage = { event, issuer, reason, detail, seconds, durationSeconds };
  debug('introspection %j', message);
  introspectionChannel.publish(message);
}

export function reportWarning(message: WarningMessage): void {
  debug('warning %j', message);
  warningChannel.publish(message);
}

/**
 * Calls a predicate of the application. Only `true` counts: an exception, a promise or another value is a
 * refusal, and is reported.
 */
export function holds(source: WarningMessage['source'], predicate: () => unknown): boolean {
  const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
  return askApplication(source, predicate, isBoolean) === true;
}

/**
 * Calls a function of the application that has to answer at once.
 *
 * @returns undefined, and reports why, if it throws or its answer isn't what it has to be
 */
export function askApplication<T>(
  source: WarningMessage['source'],
  act: () => unknown,
  isAnswer: (value: unknown) => value is T,
): T | undefined {
  let detail: string;
  try {
    const answer = act();
    if (isAnswer(answer)) return answer;
    // Nobody waits for it; but a rejection that nobody handles would end the process. There are promises of
    // other makes as well.
    const isPromise = typeof answer === 'object' && answer !== null && 'then' in answer;
    if (isPromise) Promise.resolve(answer).catch(() => undefined);
    detail = isPromise ? 'promise' : typeof answer;
  } catch (error) {
    detail = describeError(error);
  }
  reportWarning({ source, detail });
  return undefined;
}
