import { describe, expect, it, vi } from 'vitest';
import { TokenRequestError } from '../../../src/client/errors.js';
import { type GrantedToken, HeldToken } from '../../../src/client/granted-token.js';
import { startStopwatch, type Time } from '../../../src/client/stopwatch.js';
import { type OwnTokens, TokenCache } from '../../../src/client/token-cache.js';
import type { TokenRequest } from '../../../src/client/token-endpoint.js';
import { failureOf } from '../../client/support/make-client.js';
import { stopTimers } from '../../support/protected-api.js';

/** A request that the test settles. */
interface Pending {
  grant(lifetimeSeconds?: number): Promise<void>;
  fail(error: TokenRequestError): Promise<void>;
}

interface Scene {
  readonly cache: OwnTokens & { close(): void };
  readonly pending: readonly Pending[];
  readonly events: readonly string[];
  /** Tokens that are to be renewed. */
  readonly outdated: Set<string>;
  step(seconds: number): void;
  setClock(seconds: number): void;
  /** What a caller gets at once: the token, or `waits`. */
  now(): Promise<string>;
  /** A caller who waits for the request that it causes, which is granted. */
  granted(lifetimeSeconds?: number): Promise<GrantedToken>;
}

const refusal = new TokenRequestError('refused', { error: 'invalid_client', status: 401 });
// Not tried again within the flight: the server asks for more patience than the flight has.
const outage = (retryAfter: number) => new TokenRequestError('server_error', { status: 503, retryAfter });
const broken = new TokenRequestError('metadata_unavailable', { transient: false });

function scene(): Scene {
  let wall = Date.parse('2030-01-01T00:00:00Z');
  let steady = 0;
  const time: Time = { clock: () => wall, monotonic: () => steady };
  const pending: Pending[] = [];
  const events: string[] = [];
  const outdated = new Set<string>();
  const request: TokenRequest = (_signal, onStart) =>
    new Promise((resolve, reject) => {
      onStart();
      const number = pending.length + 1;
      pending.push({
        async grant(lifetimeSeconds = 600) {
          const expiresAt = Math.floor(wall / 1000 + lifetimeSeconds);
          const token = new HeldToken(`token-${number}`, expiresAt, [], 'Bearer');
          resolve({ token, lifetimeSeconds, age: startStopwatch(time), isLast: false });
          await turn();
        },
        async fail(error) {
          reject(error);
          await turn();
        },
      });
    });
  const tokens = new TokenCache({
    timeoutSeconds: 5,
    random: () => 1,
    time,
    isOutdated: (token) => outdated.has(token.accessToken),
    report: (event) => events.push(event),
  });
  const cache: Scene['cache'] = {
    get: (signal) => tokens.get(request, signal),
    drop: (accessToken, isExplained) => tokens.drop(accessToken, isExplained),
    accept: (token) => tokens.accept(token),
    close: () => tokens.close(),
  };
  return {
    cache,
    pending,
    events,
    outdated,
    step(seconds) {
      wall += seconds * 1000;
      steady += seconds * 1000;
    },
    setClock(seconds) {
      wall += seconds * 1000;
    },
    async now() {
      const token = cache.get().then(
        ({ accessToken }) => accessToken,
        (error: TokenRequestError) => `${error.reason} ${error.retryAfter}`,
      );
      return Promise.race([token, turn().then(() => 'waits')]);
    },
    async granted(lifetimeSeconds) {
      const waiting = cache.get();
      await turn();
      await pending.at(-1)?.grant(lifetimeSeconds);
      return waiting;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('TokenCache', () => {
  it('makes one request for all waiting callers', { tags: ['CLI-14'] }, async () => {
    const { cache, pending } = scene();
    const callers = Array.from({ length: 50 }, () => cache.get());
    await turn();
    expect(pending).toHaveLength(1);
    await pending[0]?.grant();
    expect(new Set(await Promise.all(callers)).size).toBe(1);
  });

  it('fails all waiting callers, and caches no failure', {
    tags: ['CLI-14'],
  }, async () => {
    const { cache, pending, now } = scene();
    const callers = [cache.get(), cache.get(), cache.get()].map(failureOf);
    await turn();
    await pending[0]?.fail(refusal);
    expect(await Promise.all(callers)).toEqual([refusal, refusal, refusal]);
    expect(await now()).toBe('waits');
    expect(pending).toHaveLength(2);
  });

  it('renews a young token in the background if it is outdated', { tags: ['CLI-13'] }, async () => {
    const { granted, now, outdated, pending } = scene();
    await granted(600);
    expect(await now()).toBe('token-1');
    outdated.add('token-1');
    expect([await now(), await now()]).toEqual(['token-1', 'token-1']);
    expect(pending).toHaveLength(2);
    await pending[1]?.fail(refusal);
    expect(await now()).toBe('token-1');
    expect(pending).toHaveLength(2); // a pause, as after other renewals
  });

  it('renews in the background while the old token serves', { tags: ['CLI-13'] }, async () => {
    const { granted, now, step, pending } = scene();
    await granted(600);
    step(509);
    expect(await now()).toBe('token-1');
    expect(pending).toHaveLength(1);
    step(1); // the margin is 60 s, and with this randomness half as much again
    expect(await now()).toBe('token-1');
    expect(await now()).toBe('token-1');
    expect(pending).toHaveLength(2);
    await pending[1]?.grant(600);
    expect(await now()).toBe('token-2');
    expect(pending).toHaveLength(2);
  });

  it('uses a token to its last second, and not longer', { tags: ['CLI-13'] }, async () => {
    const { granted, now, step } = scene();
    await granted(600);
    step(599.999);
    expect(await now()).toBe('token-1');
    step(0.001);
    expect(await now()).toBe('waits');
  });

  it('uses no token longer when the clock is set back, and renews when it is set forward', {
    tags: ['CLI-13'],
  }, async () => {
    const { granted, now, step, setClock, pending } = scene();
    await granted(600);
    setClock(-100_000);
    step(599);
    expect(await now()).toBe('token-1');
    step(1);
    expect(await now()).toBe('waits');
    await pending.at(-1)?.grant();
    setClock(100_000);
    expect(await now()).toBe('waits');
  });

  it('gives a token without lifetime only to the callers who waited for it', {
    tags: ['CLI-10'],
  }, async () => {
    const { granted, now, pending } = scene();
    expect((await granted(0)).accessToken).toBe('token-1');
    expect(await now()).toBe('waits');
    expect(pending).toHaveLength(2);
  });

  it('does not let callers notice that a renewal fails, and tries again after 1, 2, 4 … seconds', {
    tags: ['CLI-16'],
  }, async () => {
    const { granted, now, step, pending } = scene();
    await granted(86_400);
    step(80_000);
    const attempts: number[] = [];
    for (let second = 0; second < 64; second += 1) {
      const before = pending.length;
      expect(await now()).toBe('token-1');
      if (pending.length > before) {
        attempts.push(second);
        await pending.at(-1)?.fail(refusal);
      }
      step(1);
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 61]);
  });

  it('ends the pause when the token expires', { tags: ['CLI-16'] }, async () => {
    const { granted, now, step, pending } = scene();
    await granted(60);
    step(50);
    for (const seconds of [1, 2, 4]) {
      await now();
      await pending.at(-1)?.fail(broken);
      step(seconds);
    }
    await now();
    await pending.at(-1)?.fail(broken); // the next pause would be 8 s, but the token has 3 s left
    const requests = pending.length;
    step(2.9);
    expect(await now()).toBe('token-1');
    expect(pending).toHaveLength(requests);
    step(0.1);
    expect(await now()).toBe('waits');
  });

  it('refuses at once while the server asked for patience, and says how much is left', {
    tags: ['CLI-16'],
  }, async () => {
    const { cache, now, step, pending } = scene();
    const first = failureOf(cache.get());
    await turn();
    await pending[0]?.fail(outage(30));
    expect(await first).toMatchObject({ reason: 'server_error', retryAfter: 30 });
    step(12.5);
    expect(await now()).toBe('server_error 18');
    step(17.5);
    expect(await now()).toBe('waits');
    expect(pending).toHaveLength(2);
  });

  it('honours it also after the token has expired', { tags: ['CLI-16'] }, async () => {
    const { granted, now, step, pending } = scene();
    await granted(60);
    step(50);
    await now();
    await pending.at(-1)?.fail(outage(20));
    step(10);
    expect(await now()).toBe('server_error 10');
  });

  it('pauses as usual if the server asks for no patience', { tags: ['CLI-16'] }, async () => {
    const { granted, now, step, pending } = scene();
    await granted(86_400);
    step(80_000);
    const attempts: number[] = [];
    for (let second = 0; second < 20; second += 1) {
      const before = pending.length;
      expect(await now()).toBe('token-1');
      if (pending.length > before) {
        attempts.push(second);
        await pending.at(-1)?.fail(new TokenRequestError('refused', { status: 400, retryAfter: 0 }));
      }
      step(1);
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15]);
  });

  it('asks again after a first refusal, and then only after pauses', { tags: ['CLI-16'] }, async () => {
    const { cache, now, step, pending } = scene();
    const attempts: number[] = [];
    for (let quarter = 0; quarter < 40; quarter += 1) {
      const before = pending.length;
      const outcome = failureOf(cache.get());
      await turn();
      if (pending.length > before) {
        attempts.push(quarter / 4);
        await pending.at(-1)?.fail(refusal);
      }
      expect((await outcome).reason).toBe('refused');
      step(0.25);
    }
    expect(attempts).toEqual([0, 0.25, 1.25, 3.25, 7.25]);
    expect(await now()).toBe('refused 6');
  });

  it('forgets its failures with the first success', async () => {
    const { granted, now, step, pending, cache } = scene();
    for (let times = 0; times < 2; times += 1) {
      const waiting = failureOf(cache.get());
      await turn();
      await pending.at(-1)?.fail(refusal);
      await waiting;
    }
    step(1);
    await granted(60);
    step(60);
    const waiting = failureOf(cache.get());
    await turn();
    await pending.at(-1)?.fail(refusal);
    await waiting;
    expect(await now()).toBe('waits');
  });
});

describe('a renewal in the background that fails once the token has expired', { tags: ['CLI-16'] }, () => {
  /** With a token that has expired since a renewal began. */
  async function expiredScene(): Promise<Scene> {
    const all = scene();
    await all.granted(60);
    all.step(57);
    await all.now();
    all.step(3);
    expect(all.pending).toHaveLength(2);
    return all;
  }

  it('leaves the caller who joined it an attempt of its own, which others share', async () => {
    const { cache, pending } = await expiredScene();
    const callers = [cache.get(), cache.get(), cache.get()];
    await turn();
    await pending[1]?.fail(broken);
    expect(pending).toHaveLength(3);
    await pending[2]?.grant();
    expect(new Set((await Promise.all(callers)).map((token) => token.accessToken))).toEqual(
      new Set(['token-3']),
    );
  });

  it('leaves it one attempt', async () => {
    const { cache, pending, now } = await expiredScene();
    const callers = [cache.get(), cache.get()].map(failureOf);
    await turn();
    await pending[1]?.fail(broken);
    await pending[2]?.fail(refusal);
    expect(await Promise.all(callers)).toEqual([refusal, refusal]);
    expect(pending).toHaveLength(3);
    expect(await now()).toBe('refused 1');
  });

  it('leaves it none while the server asked for patience', async () => {
    const { cache, pending } = await expiredScene();
    const joined = failureOf(cache.get());
    await turn();
    await pending[1]?.fail(outage(30));
    expect(await joined).toMatchObject({ reason: 'server_error', retryAfter: 30 });
    expect(pending).toHaveLength(2);
  });

  it.each<[string, (waiting: Scene, controller: AbortController) => void]>([
    ['who stopped waiting', (_scene, controller) => controller.abort()],
    ['of a client that was closed', ({ cache }) => cache.close()],
  ])('makes no attempt for a caller %s', async (_what, stop) => {
    const all = await expiredScene();
    const controller = new AbortController();
    const joined = all.cache.get(controller.signal);
    await turn();
    stop(all, controller);
    await expect(joined).rejects.toBeInstanceOf(Error);
    await all.pending[1]?.fail(broken);
    expect(all.pending).toHaveLength(2);
  });

  it('does not make the next caller pause', async () => {
    stopTimers();
    const { pending, now, step } = await expiredScene();
    step(2);
    vi.advanceTimersByTime(5000); // the renewal's time limit
    await turn();
    expect(await now()).toBe('waits');
    expect(pending).toHaveLength(3);
  });

  it('does not make a caller wait longer than the time limit', async () => {
    stopTimers();
    const all = scene();
    const pass = async (seconds: number): Promise<void> => {
      all.step(seconds);
      vi.advanceTimersByTime(seconds * 1000);
      await turn();
      await turn();
    };
    await all.granted(60);
    await pass(57);
    await all.now();
    await pass(3);
    const joined = failureOf(all.cache.get());
    await pass(1.999);
    expect(all.pending).toHaveLength(2);
    await pass(0.001); // the renewal's own limit
    expect(all.pending).toHaveLength(3);
    await pass(2.999);
    expect(await Promise.race([joined, 'waits'])).toBe('waits');
    await pass(0.001);
    expect(await joined).toMatchObject({ reason: 'timeout', retryAfter: undefined });
    await all.pending[2]?.grant();
    expect(await all.now()).toBe('token-3');
  });
});

describe('after a freeze of the process', { tags: ['CLI-16'] }, () => {
  it.each(['in the background', 'that a caller waited for'])(
    'a renewal %s is given up, and its end is nothing to anyone',
    async (kind) => {
      const { cache, granted, step, pending, now } = scene();
      await granted(60);
      step(kind === 'in the background' ? 57 : 60);
      const first = cache.get();
      await turn();
      step(8000);
      const second = cache.get();
      await turn();
      expect(pending).toHaveLength(3);
      await pending[1]?.grant();
      expect(['token-1', 'token-2']).toContain((await first).accessToken);
      await pending[2]?.grant();
      expect((await second).accessToken).toBe('token-3');
      expect(await now()).toBe('token-3');
    },
  );

  it('the failure of a renewal that was given up causes no pause', async () => {
    const { cache, step, pending, now } = scene();
    const first = failureOf(cache.get());
    await turn();
    step(8000);
    const second = failureOf(cache.get());
    await turn();
    await pending[0]?.fail(outage(300));
    expect(await first).toMatchObject({ retryAfter: 300 });
    await pending[1]?.fail(refusal);
    expect(await second).toBe(refusal);
    expect(await now()).toBe('waits');
  });

  it('a caller who comes after the time limit of a frozen renewal makes an attempt', async () => {
    stopTimers();
    const { cache, step, pending, now } = scene();
    const frozen = failureOf(cache.get());
    await turn();
    step(8000);
    vi.advanceTimersByTime(5000);
    expect(await frozen).toMatchObject({ reason: 'timeout' });
    await turn();
    expect(await now()).toBe('waits');
    expect(pending).toHaveLength(2);
  });
});

describe('dropping a token', () => {
  it('makes the next caller wait for another', { tags: ['CLI-18'] }, async () => {
    const { cache, granted, now, events } = scene();
    await granted();
    expect(cache.drop('token-1')).toBe(true);
    expect(await now()).toBe('waits');
    expect(events).toContain('dropped');
  });

  it('does nothing to a token that replaced it already', { tags: ['CLI-18'] }, async () => {
    const { cache, granted, now, events } = scene();
    await granted();
    cache.drop('token-1');
    await granted();
    expect(cache.drop('token-1')).toBe(true);
    expect(await now()).toBe('token-2');
    expect(events.filter((event) => event === 'dropped')).toHaveLength(1);
  });

  it('never loops: a replacement that is refused, too, stays for half a minute', {
    tags: ['CLI-18'],
  }, async () => {
    const { cache, granted, now, step, pending } = scene();
    await granted();
    cache.drop('token-1');
    await granted();
    expect(cache.drop('token-2')).toBe(false);
    step(29);
    expect(cache.drop('token-2')).toBe(false);
    expect(await now()).toBe('token-2');
    expect(pending).toHaveLength(2);
    step(1);
    expect(cache.drop('token-2')).toBe(true);
    expect(await now()).toBe('waits');
  });

  it('replaces a replacement that had been accepted', { tags: ['CLI-18'] }, async () => {
    const { cache, granted } = scene();
    await granted();
    cache.drop('token-1');
    cache.accept((await granted()).accessToken);
    expect(cache.drop('token-2')).toBe(true);
  });

  it('keeps an accepted replacement for half a minute if the server does not say that it is the token', {
    tags: ['CLI-18'],
  }, async () => {
    const { cache, granted, step, pending } = scene();
    await granted();
    expect(cache.drop('token-1', false)).toBe(true);
    cache.accept((await granted()).accessToken);
    expect(cache.drop('token-2', false)).toBe(false);
    step(29);
    expect(cache.drop('token-2', false)).toBe(false);
    expect(pending).toHaveLength(2);
    step(1);
    expect(cache.drop('token-2', false)).toBe(true);
    cache.accept((await granted()).accessToken);
    expect(cache.drop('token-3')).toBe(true); // it says so
  });

  it('replaces what came by renewal', { tags: ['CLI-18'] }, async () => {
    const { cache, granted, step } = scene();
    await granted();
    cache.drop('token-1');
    await granted();
    step(600);
    await granted();
    expect(cache.drop('token-3')).toBe(true);
  });
});

describe('a caller', () => {
  it('may stop waiting, which is nothing to the others', async () => {
    const { cache, pending } = scene();
    const controller = new AbortController();
    const reason = new Error('enough');
    const patient = cache.get();
    const impatient = cache.get(controller.signal);
    await turn();
    controller.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    await pending[0]?.grant();
    expect((await patient).accessToken).toBe('token-1');
    expect(pending).toHaveLength(1);
  });

  it('leaves the request going after stopping as the only one', async () => {
    const { cache, pending, now } = scene();
    const controller = new AbortController();
    const impatient = cache.get(controller.signal);
    await turn();
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ name: 'AbortError' });
    await pending[0]?.fail(refusal); // and nobody is there to handle it
    expect(await now()).toBe('waits');
  });

  it('gets nothing after stopping, even if there is a token', async () => {
    const { cache, granted, pending } = scene();
    await granted();
    await expect(cache.get(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(pending).toHaveLength(1);
  });
});

describe('closing', () => {
  it('refuses those who wait, and those who come', async () => {
    const { cache, events } = scene();
    const waiting = failureOf(cache.get());
    await turn();
    cache.close();
    expect(await waiting).toMatchObject({ reason: 'closed', transient: false });
    expect(await failureOf(cache.get())).toMatchObject({ reason: 'closed' });
    expect(events).toEqual(['requested']);
  });

  it('forgets the token, also one that comes later', async () => {
    const { cache, granted, pending } = scene();
    await granted();
    const waiting = failureOf(cache.get().then(() => cache.get()));
    cache.close();
    cache.close();
    expect((await waiting).reason).toBe('closed');
    await pending[0]?.grant();
    expect((await failureOf(cache.get())).reason).toBe('closed');
  });
});
