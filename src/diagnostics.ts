import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { readEnvironment } from './lib/environment.js';
import type { Reason } from './reasons.js';

/**
 * The `node:diagnostics_channel` channels that this package reports on. Messages are only built if there's a
 * subscriber.
 */
export const channels: Readonly<Record<'decision' | 'keys' | 'introspection' | 'warning', string>> =
  Object.freeze({
    /** A {@link DecisionMessage} per authentication, and per requirement that wasn't met. */
    decision: 'oauth-resource-server:decision',
    /** A {@link KeysMessage} each time an issuer's keys are refreshed, and per key that was left out. */
    keys: 'oauth-resource-server:keys',
    /**
     * An {@link IntrospectionMessage} per call of an introspection endpoint, and when calls are suspended or
     * resumed.
     */
    introspection: 'oauth-resource-server:introspection',
    /** A {@link WarningMessage} if a function of the application failed, or if an option has no effect. */
    warning: 'oauth-resource-server:warning',
  });

/**
 * The outcome of one decision. It contains no token, and of the claims only the issuer (a configured one) and
 * the client of a verified token.
 */
export interface DecisionMessage {
  readonly outcome: 'allowed' | 'anonymous' | 'denied';
  /** The HTTP method; undefined for a token that came without a request. */
  readonly method: string | undefined;
  /**
   * The route's pattern, such as `/stock/:sku`, if the framework knows it by then. Never the request's path,
   * which may identify a person.
   */
  readonly route: string | undefined;
  /** Of the answer; for `denied`. */
  readonly status: number | undefined;
  /** Why; for `denied`. */
  readonly reason: Reason | undefined;
  /** A fixed text that helps to configure the issuer or the API. */
  readonly hint: string | undefined;
  /** The issuer of a verified token. */
  readonly issuer: string | undefined;
  /** Of a verified token. */
  readonly clientId: string | undefined;
  /** For `allowed`: whether the token was remembered from an earlier verification. */
  readonly isKnownToken: boolean | undefined;
}

/** What happened to an issuer's keys. */
export interface KeysMessage {
  /**
   * `loaded`: a refresh succeeded; `failed`: a refresh failed, for `reason`; `key_skipped`: one key of the
   * set isn't used, for `detail`.
   */
  readonly event: 'loaded' | 'failed' | 'key_skipped';
  readonly issuer: string;
  readonly reason: Reason | undefined;
  /**
   * Why a key was skipped, or the kind of failure: a fixed text, an error code such as `ECONNREFUSED`, or the
   * name of the error that a function threw.
   */
  readonly detail: string | undefined;
  /** How many keys are in use now. */
  readonly keys: number;
  /** For `loaded`: how many seconds the keys stay fresh. After that, they're used only if a renewal fails. */
  readonly freshSeconds: number | undefined;
  /** For `loaded` and `failed`: how long the load took, in seconds. */
  readonly durationSeconds: number | undefined;
}

/**
 * What happened when an issuer was asked about a token. It contains nothing of the token, and of the answer
 * only which member is missing.
 */
export interface IntrospectionMessage {
  /**
   * `answered`: a call was answered; `failed`: a call got no answer, or none that can be used; `suspended`:
   * after failures, no calls are made for `seconds`; `resumed`: the issuer answers again; `member_absent`: a
   * token was accepted without the member that `detail` names, because `mayBeAbsent` allows it.
   */
  readonly event: 'answered' | 'failed' | 'suspended' | 'resumed' | 'member_absent';
  readonly issuer: string;
  /**
   * For `failed` and `suspended`. `introspection_auth_failed` means that the issuer refuses this API's own
   * credentials, or answers 401 without saying why.
   */
  readonly reason: Reason | undefined;
  /** A fixed text, an error code such as `ECONNREFUSED`, or the name of the error that a function threw. */
  readonly detail: string | undefined;
  /** For `suspended`: how long the pause is, in seconds. */
  readonly seconds: number | undefined;
  /** For `answered` and `failed`: how long the call took, in seconds. Undefined if no call was made. */
  readonly durationSeconds: number | undefined;
}

/**
 * A function of the application threw, returned something it mustn't, or took too long; or an option has no
 * effect.
 */
export interface WarningMessage {
  /**
   * Which function: `remember` of the `replayStore`, or the one with this name. `authorizationDetails` is the
   * predicate of a requirement, like `claims`. `scopeClaim` may also be a claim that is there but grants
   * nothing, reported once per issuer. With `clientSecret`, `privateKey` and `certificate`, which are
   * reported for clients too, the last one stays in use.
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
    | 'signedMetadata'
    | 'clientSecret'
    | 'privateKey'
    | 'certificate';
  /**
   * The name of the error that was thrown, such as `TypeError`; the type of what was returned; `time-out`;
   * `full` for a replay store that is out of room; or this package's own text about an option. Never a text
   * from the function, which may quote claims.
   */
  readonly detail: string;
}

const decisionChannel = channel(channels.decision);
const keysChannel = channel(channels.keys);
const introspectionChannel = channel(channels.introspection);
const warningChannel = channel(channels.warning);

/** One listener per channel. */
export interface Listeners {
  readonly decision: (message: DecisionMessage) => void;
  readonly keys: (message: KeysMessage) => void;
  readonly introspection: (message: IntrospectionMessage) => void;
  readonly warning: (message: WarningMessage) => void;
}

/** Listens to all channels. @returns a function that stops it */
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
 * What `NODE_DEBUG=oauth-resource-server` shows, on standard error. We read the variable ourselves, because
 * workerd shows such messages even if it isn't set.
 */
const debug: DebugLog =
  readEnvironment('NODE_DEBUG') === undefined
    ? Object.assign(() => undefined, { enabled: false })
    : debuglog('oauth-resource-server');

/** Has subscribers while refusals are logged. Carries no messages. */
const logChannel = channel('oauth-resource-server:log');

/** Marks refusals as logged until the returned function is called. */
export function announceLog(): () => void {
  const listener = (): void => undefined;
  subscribe(logChannel.name, listener);
  return () => void unsubscribe(logChannel.name, listener);
}

/** Whether refusals are already logged, so that nothing else needs to show them. */
export function isLogged(): boolean {
  return debug.enabled || logChannel.hasSubscribers;
}

/** Reports a decision. The message is only built if there's a subscriber. */
export function reportDecision(build: () => DecisionMessage): void {
  if (decisionChannel.hasSubscribers) decisionChannel.publish(build());
}

/** The same for a refusal, which `NODE_DEBUG` shows too. */
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
