import { describe, expect, it } from 'vitest';
import { CircuitBreaker, RequestHeldBack } from '../../../src/issuer/circuit-breaker.js';

const outage = new Error('outage');
const aboutToken = new Error('about one token');

function setUp(cooldownSeconds = 8, retryAfterSeconds?: number) {
  let now = Date.parse('2030-01-01T00:00:00Z');
  let requests = 0;
  const events: string[] = [];
  const breaker = new CircuitBreaker({
    cooldownSeconds,
    clock: () => now,
    findOutage: (error) => (error === outage ? { retryAfterSeconds } : undefined),
    onPause: (seconds) => events.push(`pause ${seconds}`),
    onRecovery: () => events.push('recovery'),
  });
  const run = (request: () => Promise<string>): Promise<string> =>
    breaker
      .run(() => {
        requests += 1;
        return request();
      })
      .catch((error: unknown) => {
        if (error instanceof RequestHeldBack) return `held back for ${error.retryAfterSeconds}`;
        return String(error instanceof Error ? error.message : error);
      });
  const fail = () => run(() => Promise.reject(outage));
  return {
    events,
    run,
    fail,
    refuse: () => run(() => Promise.reject(aboutToken)),
    succeed: () => run(async () => 'answer'),
    failTimes: async (times: number) => {
      for (let time = 0; time < times; time += 1) await fail();
    },
    requests: () => requests,
    step: (seconds: number) => {
      now += seconds * 1000;
    },
  };
}

/** A request that is under way until it is told how it ends. */
function pending() {
  let resolve: (answer: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { request: () => promise, resolve, reject };
}

describe('a circuit breaker', () => {
  it('makes no request for a second after five failures in a row', { tags: ['INT-17'] }, async () => {
    const { failTimes, succeed, requests, events, step } = setUp();
    await failTimes(5);
    expect(events).toEqual(['pause 1']);
    expect(await succeed()).toBe('held back for 1');
    step(0.75);
    expect(await succeed()).toBe('held back for 0.25');
    expect(requests()).toBe(5);
  });

  it('counts failures in a row only, and takes a refusal of one token for an answer', {
    tags: ['INT-17'],
  }, async () => {
    const { failTimes, succeed, refuse, events } = setUp();
    await failTimes(4);
    await succeed();
    await failTimes(4);
    expect(await refuse()).toBe('about one token');
    await failTimes(4);
    expect(events).toEqual([]);
  });

  it('tries with one request whether the server is well again, and doubles the pause while it is not', {
    tags: ['INT-17'],
  }, async () => {
    const { failTimes, fail, run, requests, events, step } = setUp();
    await failTimes(5);
    for (const seconds of [1, 2, 4, 8, 8]) {
      step(seconds);
      const { request, reject } = pending();
      const probe = run(request);
      expect(await fail()).toBe('held back for 1');
      reject(outage);
      expect(await probe).toBe('outage');
    }
    expect(requests()).toBe(10);
    expect(events).toEqual(['pause 1', 'pause 2', 'pause 4', 'pause 8', 'pause 8', 'pause 8']);
  });

  it('goes on as before once the server answers', { tags: ['INT-17'] }, async () => {
    const { failTimes, succeed, events, step } = setUp();
    await failTimes(5);
    step(1);
    expect(await succeed()).toBe('answer');
    expect(events).toEqual(['pause 1', 'recovery']);
    await failTimes(4);
    expect(await succeed()).toBe('answer');
    await failTimes(5);
    expect(events).toEqual(['pause 1', 'recovery', 'pause 1']);
  });

  it('does not lengthen a pause for requests from before it', { tags: ['INT-17'] }, async () => {
    const { failTimes, run, events } = setUp();
    const slow = Array.from({ length: 20 }, pending);
    const running = slow.map(({ request }) => run(request));
    await failTimes(5);
    for (const { reject } of slow) reject(outage);
    await Promise.all(running);
    expect(events).toEqual(['pause 1']);
  });

  it('ends a pause when a request from before it is answered', { tags: ['INT-17'] }, async () => {
    const { failTimes, run, succeed, events } = setUp();
    const { request, resolve } = pending();
    const slow = run(request);
    await failTimes(5);
    resolve('late answer');
    expect(await slow).toBe('late answer');
    expect(events).toEqual(['pause 1', 'recovery']);
    expect(await succeed()).toBe('answer');
  });

  it('lets a hundred requests run at the same time, and no more', { tags: ['INT-17'] }, async () => {
    const { run, requests, succeed } = setUp();
    const slow = Array.from({ length: 100 }, pending);
    const running = slow.map(({ request }) => run(request));
    expect(await succeed()).toBe('held back for 1');
    expect(requests()).toBe(100);
    for (const { resolve } of slow) resolve('answer');
    await Promise.all(running);
    expect(await succeed()).toBe('answer');
  });

  it('leaves the server alone if it asks for that, but not for longer than cooldownSeconds', {
    tags: ['INT-17'],
  }, async () => {
    const wanted = setUp(8, 3);
    await wanted.fail();
    expect(wanted.events).toEqual(['pause 3']);
    const tooMuch = setUp(8, 300);
    await tooMuch.fail();
    expect(tooMuch.events).toEqual(['pause 8']);
  });

  it('makes no pause with cooldownSeconds 0', { tags: ['INT-17'] }, async () => {
    const { failTimes, succeed, events } = setUp(0, 3);
    await failTimes(50);
    expect(await succeed()).toBe('answer');
    expect(events).toEqual([]);
  });

  it('takes a pause for over when the clock was set back', { tags: ['OPS-19'] }, async () => {
    const { failTimes, succeed, step } = setUp();
    await failTimes(5);
    step(-86_400);
    expect(await succeed()).toBe('answer');
  });
});
