import { channel } from 'node:diagnostics_channel';
import type { TokenRequestError, TokenRequestReason } from './errors.js';

/**
 * Name of the `node:diagnostics_channel` channel on which clients report, each time with a {@link
 * ClientMessage}.
 */
export const clientChannel: string = 'oauth-resource-server:client';

/** What happened to the access token of a client. Holds no token, no secret and no assertion. */
export interface ClientMessage {
  /**
   * `requested`: a request for a token is about to be made; `renewed`: it was granted; `failed`: it was not,
   * for `reason`; `dropped`: the token in use was thrown away, because a resource server refused it.
   */
  readonly event: 'requested' | 'renewed' | 'failed' | 'dropped';
  /** The option `issuer`, or `tokenEndpoint` where there is none. */
  readonly issuer: string;
  /** Empty if the client names none. */
  readonly clientId: string;
  /** Of `renewed`: the granted scopes. Otherwise those that are requested. */
  readonly scope: readonly string[];
  /** Of `renewed`: when the token expires, in seconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** Of `failed`: see {@link TokenRequestReason}. */
  readonly reason: TokenRequestReason | undefined;
  /** Of `failed`: the OAuth error code of the answer, where it had one. */
  readonly error: string | undefined;
  /** Of `failed`: the HTTP status of the answer, where there was one. */
  readonly status: number | undefined;
  /** Of `failed`: see {@link TokenRequestError.detail}. */
  readonly detail: string | undefined;
  /** Of `failed`: what helps whoever configures this client, where there is something to say. */
  readonly hint: string | undefined;
}

const messages = channel(clientChannel);

type Details = Partial<Omit<ClientMessage, 'event' | 'issuer' | 'clientId'>>;

/** Reports on one client. A message and its details are built only when somebody listens. */
export type Report = (event: ClientMessage['event'], details?: () => Details) => void;

export function createReport(issuer: string, clientId: string, requested: readonly string[]): Report {
  return (event, details) => {
    if (!messages.hasSubscribers) return;
    const { scope = requested, expiresAt, reason, error, status, detail, hint } = details?.() ?? {};
    const known = { event, issuer, clientId, scope, expiresAt, reason, error, status, detail, hint };
    messages.publish(known satisfies ClientMessage);
  };
}
