import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished, vi } from 'vitest';
import { channels, type KeysMessage } from '../../src/diagnostics.js';
import type { ResourceServerOptions } from '../../src/options/options.js';
import { createResourceServer, type ResourceServer } from '../../src/resource-server.js';
import { signedJws } from '../../src/testing/forged-jws.js';
import type { SigningKey } from '../../src/testing/signing-key.js';

export const audience = 'https://api.example.com';
const START = Date.parse('2030-01-01T00:00:00Z');

/** An API on a clock of its own. */
export interface ProtectedApi {
  readonly server: ResourceServer;
  /** What has been reported about its issuers' keys. */
  readonly events: readonly KeysMessage[];
  /** What a request with this token gets: `200`, or status and reason. */
  get(token: string): Promise<string>;
  /** Moves the clock on. */
  step(seconds: number): void;
  /** Resolves when so many refreshes of keys have ended since the start, well or not. */
  refreshes(times: number): Promise<void>;
}

/**
 * Protects an API. Its background timers never go off, so that the clock alone decides what is fetched; time
 * limits need `realTimers`.
 */
export function protect(
  options: Omit<ResourceServerOptions, 'audience' | 'clock'>,
  { realTimers = false } = {},
): ProtectedApi {
  if (!realTimers) stopTimers();
  let now = START;
  const events: KeysMessage[] = [];
  const waiting = new Set<() => void>();
  const listener = (message: unknown): void => {
    events.push(message as KeysMessage); // what the channel carries
    for (const wake of waiting) wake();
  };
  subscribe(channels.keys, listener);
  const server = createResourceServer({ refusalWarnings: 'off', ...options, audience, clock: () => now });
  onTestFinished(() => {
    unsubscribe(channels.keys, listener);
    server.close();
  });
  const ended = () => events.filter(({ event }) => event !== 'key_skipped').length;
  return {
    server,
    events,
    async get(token) {
      const headers = {
        Authorization: `Bearer ${token}`,
        Cookie: 'session=of-the-client',
        'X-Client': 'yes',
      };
      const decision = await server.authenticate(new Request(`${audience}/stock/42`, { headers }));
      return decision.kind === 'allowed' ? '200' : `${decision.answer.status} ${decision.error.reason}`;
    },
    step(seconds) {
      now += seconds * 1000;
    },
    refreshes: (times) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (ended() < times) return;
          waiting.delete(check);
          setImmediate(resolve); // the event comes from the middle of the refresh
        };
        waiting.add(check);
        check();
      }),
  };
}

/**
 * Timers that are set from now on never go off, in this test, unless it moves them with
 * `vi.advanceTimersByTime`.
 */
export function stopTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** An access token of `issuer` that is valid for years; `undefined` removes a claim or a header parameter. */
export function tokenBy(
  key: SigningKey,
  issuer: string,
  header: Readonly<Record<string, unknown>> = {},
  claims: Readonly<Record<string, unknown>> = {},
): string {
  return signedJws(
    { alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...header },
    {
      iss: issuer,
      aud: audience,
      sub: 'order-service',
      client_id: 'order-service',
      exp: 4_102_444_800,
      ...claims,
    },
    key,
  );
}
