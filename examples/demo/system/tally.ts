import { TOKEN_LIFETIME_SECONDS } from '../authorization-servers/authorization-server.js';
import type { Watch } from './watch.js';

/** What a caller has met with so far. */
export interface Counts {
  /** Access tokens that came from the authorization server. */
  readonly tokens: number;
  /** Requests that the authorization server did not answer. */
  readonly unanswered: number;
  /** Calls that were answered with 401: a caller replaces its access token then, and sends the call again. */
  readonly refused: number;
}

const NOTHING: Counts = { tokens: 0, unanswered: 0, refused: 0 };

/** Counts what one caller sends. */
export interface Tally {
  /** To be given to the caller in place of the global one. */
  readonly fetch: typeof globalThis.fetch;
  /** As it stands now. */
  readonly counts: Counts;
  /** Whether the last access token that the caller got is valid at the moment. */
  hasValidToken(): boolean;
}

/** @param clock the caller's, in milliseconds since the epoch */
export function createTally(issuer: string, watch: Watch, clock: () => number): Tally {
  let counts = NOTHING;
  let expiresAt = 0;
  const count = (name: keyof Counts): void => {
    counts = { ...counts, [name]: counts[name] + 1 };
    watch.changed();
  };

  return {
    get counts() {
      return counts;
    },
    hasValidToken: () => clock() < expiresAt,
    async fetch(input, init) {
      const { url, method } = input instanceof Request ? input : { url: String(input), method: init?.method };
      const isForIssuer = new URL(url).origin === new URL(issuer).origin;
      try {
        const response = await globalThis.fetch(input, init);
        if (isForIssuer && method === 'POST' && response.ok) {
          expiresAt = clock() + TOKEN_LIFETIME_SECONDS * 1000;
          count('tokens');
        }
        if (!isForIssuer && response.status === 401) count('refused');
        return response;
      } catch (error) {
        if (isForIssuer) count('unanswered');
        throw error;
      }
    },
  };
}

/** What has been added to `before` since. */
export function difference(now: Counts, before: Counts = NOTHING): Counts {
  return {
    tokens: now.tokens - before.tokens,
    unanswered: now.unanswered - before.unanswered,
    refused: now.refused - before.refused,
  };
}
