import { channel } from 'node:diagnostics_channel';
import type { TokenRequestError, TokenRequestReason } from './errors.js';

/** The name of the `node:diagnostics_channel` channel on which clients publish {@link ClientMessage}s. */
export const clientChannel: string = 'oauth-resource-server:client';

/** What happened to a client's access token. It has no token, no secret and no assertion. */
export interface ClientMessage {
  /**
   * `requested`: a token request is about to be made; `renewed`: it got a token; `failed`: it didn't, for
   * `reason`; `dropped`: the current token was dropped, because a resource server refused it.
   */
  readonly event: 'requested' | 'renewed' | 'failed' | 'dropped';
  /** The option `issuer`, or `tokenEndpoint` if there's none. */
  readonly issuer: string;
  /** Empty if the client names none. */
  readonly clientId: string;
  /** Of `renewed`: the granted scopes. Otherwise the requested ones. */
  readonly scope: readonly string[];
  /** Of `renewed`: when the token expires, in seconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** Of `failed`: see {@link TokenRequestReason}. */
  readonly reason: TokenRequestReason | undefined;
  /** Of `failed`: the answer's OAuth error code, if it had one. */
  readonly error: string | undefined;
  /** Of `failed`: the answer's HTTP status, if there was one. */
  readonly status: number | undefined;
  /** Of `failed`: see {@link TokenRequestError.detail}. */
  readonly detail: string | undefined;
  /** Of `failed`: how to configure this client, if there's something to say. */
  readonly hint: string | undefined;
}

const messages = channel(clientChannel);

type Details = Partial<Omit<ClientMessage, 'event' | 'issuer' | 'clientId'>>;

/** Reports on one client. A message and its details are built only if the channel has a subscriber. */
export type Report = (event: ClientMessage['event'], details?: () => Details) => void;

export function createReport(issuer: string, clientId: string, requested: readonly string[]): Report {
  return (event, details) => {
    if (!messages.hasSubscribers) return;
    const { scope = requested, expiresAt, reason, error, status, detail, hint } = details?.() ?? {};
    const known = { event, issuer, clientId, scope, expiresAt, reason, error, status, detail, hint };
    messages.publish(known satisfies ClientMessage);
  };
}
