import { generateKeyPairSync } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { channels, type KeysMessage } from '../../../src/diagnostics.js';
import type { UnavailableError } from '../../../src/errors.js';
import { functionSource, type KeySource, type PublishedKeys } from '../../../src/issuer/key-source.js';
import type { KeysPolicy } from '../../../src/issuer/keys-policy.js';
import { unavailable } from '../../../src/issuer/metadata-document.js';
import { RefreshingKeySet } from '../../../src/issuer/refreshing-key-set.js';
import { FetchFailure } from '../../../src/lib/fetch.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';

const one = (await generateSigningKey('ES256', 'one')).jwk;
const two = (await generateSigningKey('ES256', 'two')).jwk;
const rsa = (await generateSigningKey('RS256', 'one')).jwk;
const POLICY: KeysPolicy = {
  maxAgeSeconds: 600,
  staleIfErrorSeconds: 3_600,
  cooldownSeconds: 30,
  timeoutSeconds: 5,
};

interface Scene {
  readonly set: RefreshingKeySet;
  readonly events: readonly KeysMessage[];
  /** How often the source was asked. */
  readonly loads: () => number;
  /** What the source does from now on. */
  does(next: KeySource): void;
  publishes(members: readonly unknown[], maxAgeSeconds?: number): void;
  /** `found`, or the reason of the refusal. */
  find(keyId: string, algorithm?: string): Promise<string>;
  /** Moves clock and timers on together. */
  pass(seconds: number): Promise<void>;
}

/** A key set whose source does what the test says, in a time that the test moves. */
function setUp(policy: Partial<KeysPolicy> = {}, { fromTheStart = true } = {}): Scene {
  vi.useFakeTimers({
    now: Date.parse('2030-01-01T00:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'Date'],
  });
  const events: KeysMessage[] = [];
  const listener = (message: unknown): void => {
    events.push(message as KeysMessage); // what the channel carries
  };
  subscribe(channels.keys, listener);
  let loads = 0;
  let source: KeySource = async () => published(fromTheStart ? [one] : []);
  const counted: KeySource = (...given) => {
    loads += 1;
    return source(...given);
  };
  const set = new RefreshingKeySet(
    'https://auth.example.com',
    counted,
    { ...POLICY, ...policy },
    {
      clock: Date.now,
    },
  );
  onTestFinished(() => {
    set.close();
    unsubscribe(channels.keys, listener);
    vi.useRealTimers();
  });
  return {
    set,
    events,
    loads: () => loads,
    does(next) {
      source = next;
    },
    publishes(members, maxAgeSeconds) {
      source = async () => published(members, maxAgeSeconds);
    },
    async find(keyId, algorithm = 'ES256') {
      try {
        await set.find({ kid: keyId }, algorithm);
        return 'found';
      } catch (error) {
        return String(Reflect.get(Object(error), 'reason'));
      }
    },
    async pass(seconds) {
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      await new Promise(setImmediate);
    },
  };
}

function published(members: readonly unknown[], maxAgeSeconds?: number): PublishedKeys {
  return { members, maxAgeSeconds };
}

const down: KeySource = () => Promise.reject(new Error('down'));
const failing =
  (failure: FetchFailure): KeySource =>
  async () => {
    throw unavailable('jwks', failure);
  };
const hanging: KeySource = () => new Promise(() => undefined);

describe('how long keys live', () => {
  /**
   * The age at which a request has to wait for new keys, found by asking each second with the background
   * refresh held up.
   */
  async function lifetime(
    publishedMaxAge: number | undefined,
    policy: Partial<KeysPolicy> = {},
  ): Promise<number> {
    const scene = setUp({ ...policy, staleIfErrorSeconds: 0 });
    scene.publishes([one], publishedMaxAge);
    await scene.find('one');
    scene.does(down);
    let age = 0;
    for (; (await scene.find('one')) === 'found'; age += 1) await scene.pass(1);
    return age;
  }

  it.each<[string, number | undefined, Partial<KeysPolicy>, number]>([
    ['nothing', undefined, {}, 600],
    ['less', 120, {}, 120],
    ['less than the cool-down', 5, {}, 30],
    ['0', 0, {}, 30],
    ['more', 1_200, {}, 1_200],
    ['more than six times as much', 86_400, { maxAgeSeconds: 100 }, 600],
    ['0, and keys live shorter than the cool-down', 0, { maxAgeSeconds: 10 }, 10],
    ['6, and keys live shorter than the cool-down', 6, { maxAgeSeconds: 10 }, 10],
  ])('when Cache-Control says %s', { tags: ['KEY-11'] }, async (_what, maxAge, policy, expected) => {
    expect(await lifetime(maxAge, policy)).toBe(expected);
  });

  it('are fetched once per window, in the background, as long as requests come', {
    tags: ['KEY-11'],
  }, async () => {
    const scene = setUp();
    const windows: number[] = [];
    for (let second = 0; second < 2_000; second += 1) {
      const found = scene.set.find({ kid: 'one' }, 'ES256');
      if (second === 0) await found;
      else expect(found).not.toBeInstanceOf(Promise); // nobody waits, in no window
      await scene.pass(1);
      if (scene.loads() > windows.length) windows.push(second + 1);
    }
    expect(windows).toEqual([1, 480, 960, 1_440, 1_920]);
  });

  it('are left alone when no requests come', { tags: ['KEY-11'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.pass(100_000);
    expect(scene.loads()).toBe(1);
  });

  it('are renewed by the first request after four fifths of their age, at once answered', {
    tags: ['KEY-11'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.pass(500);
    expect(scene.loads()).toBe(1);
    expect(scene.set.find({ kid: 'one' }, 'ES256')).not.toBeInstanceOf(Promise);
    expect(scene.loads()).toBe(2);
  });

  it('may live longer than a timer can run', { tags: ['KEY-11'] }, async () => {
    const scene = setUp({ maxAgeSeconds: 31_536_000 });
    await scene.find('one');
    await scene.find('one');
    await scene.pass(3_600);
    expect(scene.loads()).toBe(1);
  });

  it('end after their age and staleIfErrorSeconds in an outage', { tags: ['KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.does(down);
    await scene.pass(599);
    for (let minute = 0; minute < 60; minute += 1) {
      await scene.pass(60);
      expect(await scene.find('one')).toBe('found');
    }
    await scene.pass(1);
    expect(await scene.find('one')).toBe('jwks_unavailable');
  });
});

describe('what a refresh changes', () => {
  it('drops removed keys, adds new ones, and keeps the others', {
    tags: ['KEY-16'],
  }, async () => {
    const scene = setUp();
    scene.publishes([one, two]);
    const before = await scene.set.find({ kid: 'one' }, 'ES256');
    scene.publishes([{ ...one, x5c: ['new'] }]);
    await scene.pass(600);
    expect(await scene.set.find({ kid: 'one' }, 'ES256')).toBe(before);
    expect(await scene.find('two')).toBe('no_matching_key');
  });

  it('replaces a key under the same kid', { tags: ['KEY-16'] }, async () => {
    const scene = setUp();
    const before = await scene.set.find({ kid: 'one' }, 'ES256');
    scene.publishes([{ ...two, kid: 'one' }]);
    await scene.pass(600);
    expect(await scene.set.find({ kid: 'one' }, 'ES256')).not.toBe(before);
    scene.publishes([rsa]);
    await scene.pass(600);
    expect(await scene.find('one', 'ES256')).toBe('key_mismatch');
    expect(await scene.find('one', 'RS256')).toBe('found');
  });

  it.each<[string, readonly unknown[]]>([
    ['no keys', []],
    ['keys that nobody can use', [{ kty: 'EC' }, { ...two, use: 'enc' }]],
    ['symmetric keys only', [{ kty: 'oct', kid: 'one', k: 'AA' }]],
    ['private keys only', [{ ...one, d: 'AA' }]],
  ])('keeps good keys, and the cool-down, after %s', { tags: ['KEY-17'] }, async (_what, members) => {
    const scene = setUp();
    await scene.find('one');
    scene.publishes(members);
    for (let second = 0; second < 29; second += 1) {
      expect(await scene.find('unknown')).toBe('jwks_invalid');
      expect(await scene.find('one')).toBe('found');
      vi.setSystemTime(Date.now() + 1_000); // without timers: what requests alone cause
    }
    expect(scene.loads()).toBe(2);
  });

  it('skips and reports odd members, and uses the others', {
    tags: ['KEY-18', 'KEY-20', 'KEY-21'],
  }, async () => {
    const scene = setUp();
    scene.publishes([
      null,
      { kty: 'EC', crv: { toString: 1, valueOf: 1 } },
      { ...two, d: 'leaked' },
      { kty: 'oct', kid: 'two', k: 'secret' },
      { kty: 'AKP', kid: 'two' },
      { ...two, x: 'AA' },
      one,
    ]);
    expect(await scene.find('one')).toBe('found');
    expect(await scene.find('two')).toBe('no_matching_key');
    const skipped = scene.events.filter(({ event }) => event === 'key_skipped').slice(0, 6);
    expect(skipped.map(({ detail }) => detail)).toEqual([
      'not a JSON object',
      'unknown key type',
      'private key published',
      'symmetric key',
      'unknown key type',
      'malformed key',
    ]);
    expect(scene.events.find(({ event }) => event === 'loaded')).toEqual({
      event: 'loaded',
      issuer: 'https://auth.example.com',
      reason: undefined,
      detail: undefined,
      keys: 1,
      freshSeconds: 600,
      durationSeconds: expect.any(Number),
    });
    expect(inspect(scene.events, { depth: 9 })).not.toMatch(/leaked|secret/);
  });
});

describe('failures', () => {
  it('are 1, 2, 4, 8, 16 and then 30 seconds apart, with good keys too', {
    tags: ['KEY-14'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.pass(599);
    const attempts: number[] = [];
    scene.does(async (...given) => {
      attempts.push(Date.now() / 1000);
      return down(...given);
    });
    for (let second = 0; second < 125; second += 1) {
      expect(await scene.find('one')).toBe('found');
      await scene.pass(1);
    }
    const pauses = attempts.slice(1).map((time, index) => time - (attempts[index] ?? 0));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('end the back-off with the first good answer', { tags: ['KEY-14'] }, async () => {
    const scene = setUp();
    scene.does(down);
    for (let second = 0; second < 20; second += 1) {
      await scene.find('one');
      await scene.pass(1);
    }
    scene.publishes([one]);
    await scene.pass(30);
    expect(await scene.find('one')).toBe('found');
    scene.does(down);
    await scene.pass(599);
    const before = scene.loads();
    await scene.find('one');
    await scene.pass(1);
    await scene.find('one');
    expect(scene.loads()).toBe(before + 2); // one second apart again
  });

  it('say when another attempt makes sense, and what is wrong', {
    tags: ['KEY-24'],
  }, async () => {
    const scene = setUp();
    scene.does(down);
    const error = (): Promise<UnavailableError> =>
      Promise.resolve(scene.set.find({ kid: 'one' }, 'ES256')).then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
    expect(await error()).toMatchObject({ status: 503, reason: 'jwks_unavailable', retryAfterSeconds: 1 });
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.pass(30);
      await error();
    }
    await scene.pass(10);
    expect((await error()).retryAfterSeconds).toBe(20);
  });

  it("don't quote what a function of the application throws", {
    tags: ['OPS-01'],
  }, async () => {
    const scene = setUp();
    const load = functionSource(() => Promise.reject(new RangeError('vault token s.abc is expired')));
    scene.does(load);
    expect(await scene.find('one')).toBe('jwks_unavailable');
    scene.does(functionSource(() => Promise.reject('s.abc')));
    await scene.pass(1);
    await scene.find('one');
    expect(scene.events.map(({ detail }) => detail)).toEqual(['RangeError', 'string']);
  });

  it.each([undefined, null, 7, [], {}, { keys: null }, { keys: {} }])(
    'count as outages if a function of the application returns %j',
    { tags: ['KEY-24'] },
    async (value) => {
      const scene = setUp();
      scene.does(functionSource(() => value as { keys: [] })); // wrong on purpose
      expect(await scene.find('one')).toBe('jwks_invalid');
    },
  );

  it.each([
    [500, 'found'],
    [501, 'jwks_invalid'],
  ])('a set of %i keys: %s', { tags: ['KEY-08'] }, async (count, outcome) => {
    const scene = setUp();
    const keys = Array.from({ length: count }, (_, index) =>
      index === 0 ? one : { kty: 'EC', kid: `${index}` },
    );
    scene.does(functionSource(() => ({ keys })));
    expect(await scene.find('one')).toBe(outcome);
  });

  it('come at the time limit if a function of the application never returns', {
    tags: ['KEY-08'],
  }, async () => {
    const scene = setUp();
    scene.does(functionSource(() => new Promise(() => undefined)));
    const found = scene.find('one');
    await scene.pass(5);
    expect(await found).toBe('jwks_unavailable');
    expect(scene.events).toMatchObject([{ event: 'failed', detail: 'time-out' }]);
  });

  it('delay one request with stale keys, not every one', {
    tags: ['KEY-15'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.does(hanging);
    await scene.pass(600);
    const first = scene.find('one');
    await scene.pass(5);
    expect(await first).toBe('found');
    for (let minute = 0; minute < 30; minute += 1) {
      await scene.pass(60);
      expect(scene.set.find({ kid: 'one' }, 'ES256')).not.toBeInstanceOf(Promise);
    }
  });

  it("don't let stale keys serve without asking, if they're old", {
    tags: ['KEY-16'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.does(down);
    await scene.pass(480);
    await scene.find('one');
    scene.publishes([two]);
    await scene.pass(3_000);
    expect(await scene.find('one')).toBe('no_matching_key');
  });
});

describe('an issuer that answers without keys', () => {
  const answers: readonly (readonly [string, KeySource])[] = [
    ['has an empty set', async () => published([])],
    ['has no key that can be used', async () => published([{ kty: 'oct', k: 'c2VjcmV0' }])],
    ['says 410', failing(new FetchFailure('status', 'status 410', { status: 410 }))],
  ];

  it.each(answers)(
    'is believed when the keys are as old as they may be: it %s',
    { tags: ['KEY-15'] },
    async (_, answer) => {
      const scene = setUp();
      await scene.find('one');
      scene.does(answer);
      await scene.pass(599);
      expect(await scene.find('one')).toBe('found');
      await scene.pass(1);
      expect(await scene.find('one')).toMatch(/^jwks_/);
      scene.does(down); // an outage afterwards gives nothing back
      await scene.pass(60);
      expect(await scene.find('one')).toMatch(/^jwks_/);
      scene.publishes([one]);
      await scene.pass(60);
      expect(await scene.find('one')).toBe('found');
    },
  );

  it.each(answers)(
    'is believed after maxAgeSeconds, however long its keys could be kept: it %s',
    { tags: ['KEY-15'] },
    async (_, answer) => {
      const scene = setUp();
      scene.publishes([one], 3_600);
      await scene.find('one');
      scene.does(answer);
      await scene.find('unknown');
      await scene.pass(599);
      expect(await scene.find('one')).toBe('found');
      await scene.pass(1);
      expect(await scene.find('one')).toMatch(/^jwks_/);
    },
  );
});

describe('the first attempts', () => {
  it('come after fractions of a second while there are no keys at all', { tags: ['KEY-14'] }, async () => {
    const scene = setUp();
    scene.does(down);
    const attempts: number[] = [];
    for (let milliseconds = 0; milliseconds <= 4_000; milliseconds += 50) {
      const before = scene.loads();
      await scene.find('one');
      if (scene.loads() > before) attempts.push(milliseconds);
      await scene.pass(0.05);
    }
    expect(attempts).toEqual([0, 50, 150, 350, 1350, 3350]);
  });
});

describe('a key that did not sign a token', () => {
  it.each([{ kid: 'one' }, {}])(
    'is looked for again, once per cool-down (%j)',
    { tags: ['KEY-13', 'KEY-16'] },
    async (reference) => {
      const scene = setUp();
      await scene.find('one');
      const old = await scene.set.find(reference, 'ES256');
      const again = () => scene.set.findReplacement(old, reference, 'ES256');
      expect(await Promise.all([again(), again(), again()])).toEqual([undefined, undefined, undefined]);
      expect(scene.loads()).toBe(2);
      scene.publishes([{ ...two, kid: 'one' }]);
      await scene.pass(29);
      expect(await again()).toBeUndefined();
      expect(scene.loads()).toBe(2);
      await scene.pass(1);
      expect(await again()).toMatchObject({ kid: 'one' });
      expect(scene.loads()).toBe(3);
      expect(scene.set.vouchesFor(old)).toBe(false);
    },
  );

  it('stays the key of its tokens while the issuer is out of reach', { tags: ['KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    const key = await scene.set.find({ kid: 'one' }, 'ES256');
    scene.does(down);
    expect(await scene.set.findReplacement(key, { kid: 'one' }, 'ES256')).toBeUndefined();
    expect(scene.set.vouchesFor(key)).toBe(true);
  });
});

describe('unknown key ids', () => {
  it('wait for a refresh that is under way', { tags: ['KEY-13'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.pass(480);
    let finish: (keys: PublishedKeys) => void = () => undefined;
    scene.does(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    await scene.find('one'); // begins the background refresh
    const waiting = Array.from({ length: 10 }, () => scene.find('two'));
    finish(published([one, two]));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['found']));
    expect(scene.loads()).toBe(2);
  });

  it('cause no refresh while another failure is backed off', { tags: ['KEY-13', 'KEY-14'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.pass(480);
    scene.does(down);
    await scene.find('one'); // begins a background refresh, which fails
    await scene.pass(0);
    expect(await scene.find('two')).toBe('jwks_unavailable');
    expect(scene.loads()).toBe(2);
  });

  it('cause a late refresh in the background after one that failed, as long as requests come', {
    tags: ['KEY-14'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.does(down);
    expect(await scene.find('two')).toBe('jwks_unavailable');
    scene.publishes([one, two]);
    await scene.find('one');
    await scene.pass(1);
    expect(scene.loads()).toBe(3);
    expect(scene.set.find({ kid: 'two' }, 'ES256')).not.toBeInstanceOf(Promise);
  });

  it.each([30, 0])(
    'cause none if no requests come (cooldownSeconds %d)',
    { tags: ['KEY-14'] },
    async (cooldownSeconds) => {
      const scene = setUp({ cooldownSeconds });
      await scene.find('one');
      scene.does(down);
      await scene.find('two');
      await scene.find('one');
      await scene.pass(3_600);
      expect(scene.loads()).toBe(3); // the one for which there was a request meanwhile
    },
  );

  it('cause a refresh each with cooldownSeconds 0', { tags: ['KEY-13'] }, async () => {
    const scene = setUp({ cooldownSeconds: 0 });
    await scene.find('one');
    for (let request = 0; request < 3; request += 1) expect(await scene.find('two')).toBe('no_matching_key');
    expect(scene.loads()).toBe(4);
  });

  it("don't prolong the cool-down when the clock is set back", { tags: ['KEY-13'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.find('two');
    scene.publishes([one, two]);
    vi.setSystemTime(Date.parse('2020-01-01T00:00:00Z'));
    expect(await scene.find('two')).toBe('found');
  });

  it("don't prolong the life of keys when the clock is set back", { tags: ['KEY-11'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.publishes([two]);
    vi.setSystemTime(Date.parse('2020-01-01T00:00:00Z'));
    expect(await scene.find('one')).toBe('no_matching_key');
  });
});

describe("a key that doesn't fit", () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const twin = { ...two, kid: 'one' };

  it.each<[string, readonly unknown[], string, readonly unknown[]]>([
    ['of another type', [rsa], 'key_mismatch', [one]],
    ['for another algorithm', [{ ...rsa, alg: 'PS256' }], 'key_mismatch', [one]],
    ['that is too weak', [{ ...weak, kid: 'one' }], 'key_rejected', [rsa]],
    ['that is one of two', [one, twin], 'ambiguous_key', [twin]],
  ])(
    'may have been replaced: one load per cool-down for a key %s',
    { tags: ['KEY-13', 'KEY-16'] },
    async (_what, before, reason, after) => {
      const scene = setUp();
      scene.publishes(before);
      const algorithm = after[0] === rsa ? 'RS256' : 'ES256';
      const find = () => scene.find('one', algorithm);
      await scene.set.ready();
      expect(await Promise.all([find(), find(), find()])).toEqual([reason, reason, reason]);
      expect(await find()).toBe(reason);
      expect(scene.loads()).toBe(2);
      scene.publishes(after);
      await scene.pass(29);
      expect(await find()).toBe(reason);
      expect(scene.loads()).toBe(2);
      await scene.pass(1);
      expect(await find()).toBe('found');
      expect(scene.loads()).toBe(3);
    },
  );

  it('is replaced for the first token by the new one', { tags: ['KEY-13', 'KEY-16'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.publishes([rsa]);
    expect(await scene.find('one', 'RS256')).toBe('found');
    expect(await scene.find('one', 'ES256')).toBe('key_mismatch');
    expect(scene.loads()).toBe(2);
  });

  it('has no load of its own: it shares the cool-down with unknown key ids', {
    tags: ['KEY-13'],
  }, async () => {
    const scene = setUp();
    await scene.find('one');
    for (let number = 0; number < 100; number += 1) {
      expect(await scene.find('one', number % 2 === 0 ? 'ES384' : 'RS256')).toBe('key_mismatch');
      expect(await scene.find(`unknown-${number}`)).toBe('no_matching_key');
    }
    expect(scene.loads()).toBe(2);
    expect(scene.set.find({ kid: 'one' }, 'ES256')).not.toBeInstanceOf(Promise);
    await scene.pass(30);
    scene.publishes([one, two]);
    expect(await scene.find('two')).toBe('found');
  });

  it("isn't the token's fault while the issuer doesn't answer", { tags: ['KEY-13', 'KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    scene.does(down);
    expect(await scene.find('one', 'RS256')).toBe('jwks_unavailable');
    expect(await scene.find('one')).toBe('found');
    expect(scene.loads()).toBe(2);
  });

  it('is never looked for under an impossible name', { tags: ['KEY-13', 'JWT-19'] }, async () => {
    const scene = setUp();
    await scene.find('one');
    for (const kid of [7, null, ['one'], 'x'.repeat(10_000)])
      expect(() => scene.set.find({ kid }, 'ES256')).toThrow(
        expect.objectContaining({ reason: 'no_matching_key' }),
      );
    expect(scene.loads()).toBe(1);
  });
});

describe('ready', () => {
  it('loads the keys, once, and does nothing while they are fresh', async () => {
    const scene = setUp();
    await Promise.all([scene.set.ready(), scene.set.ready()]);
    await scene.pass(599);
    await scene.set.ready();
    expect(scene.loads()).toBe(1);
    expect(scene.set.find({ kid: 'one' }, 'ES256')).not.toBeInstanceOf(Promise);
    await scene.pass(600);
    await scene.set.ready();
    expect(scene.loads()).toBe(3);
  });

  it('rejects while there are no keys, keeps the back-off, and resolves when they are there', {
    tags: ['KEY-24'],
  }, async () => {
    const scene = setUp();
    scene.does(down);
    for (let request = 0; request < 3; request += 1)
      await expect(scene.set.ready()).rejects.toMatchObject({ status: 503, reason: 'jwks_unavailable' });
    expect(scene.loads()).toBe(1);
    scene.publishes([one]);
    await scene.pass(1);
    await expect(scene.set.ready()).resolves.toBeUndefined();
  });

  it('resolves during an outage for as long as the last good keys may serve', {
    tags: ['KEY-15'],
  }, async () => {
    const scene = setUp();
    await scene.set.ready();
    scene.does(down);
    await scene.pass(600);
    await expect(scene.set.ready()).resolves.toBeUndefined();
    await scene.pass(3_600);
    await expect(scene.set.ready()).rejects.toMatchObject({ reason: 'jwks_unavailable' });
  });
});

describe('close', () => {
  it('stops the background refresh, also one that a load would plan afterwards', async () => {
    const scene = setUp();
    await scene.find('one');
    await scene.find('one');
    scene.set.close();
    expect(vi.getTimerCount()).toBe(0);
    await scene.pass(10_000);
    expect(scene.loads()).toBe(1);

    expect(await scene.find('one')).toBe('found'); // keys are still to be had, by request
    expect(scene.loads()).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be called at any time and more than once', async () => {
    const scene = setUp();
    scene.set.close();
    const found = scene.find('one');
    scene.set.close();
    expect(await found).toBe('found');
    expect(vi.getTimerCount()).toBe(0);
  });
});
