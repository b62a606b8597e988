import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../../src/issuer/circuit-breaker.js';
import { RequestHeldBack, RequestSlots } from '../../../src/issuer/request-slots.js';

const outage = new Error('outage');
const aboutToken = new Error('about one token');

function setUp(cooldownSeconds = 8, retryAfterSeconds?: number) {
  let now = Date.parse('2030-01-01T00:00:00Z');
  let requests = 0;
  const events: string[] = [];
  const breaker = new CircuitBreaker({
    cooldownSeconds,
    timeoutSeconds: 5,
    clock: () => now,
    findOutage: (error, isNewcomer) => (error === outage || !isNewcomer ? { retryAfterSeconds } : undefined),
    onPause: (seconds) => events.push(`pause ${seconds}`),
    onRecovery: () => events.push('recovery'),
  });
  const run = (request: () => Promise<string>, isNewcomer = false): Promise<string> =>
    breaker
      .run(isNewcomer, () => {
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
    /** For a newcomer. */
    refuse: () => run(() => Promise.reject(aboutToken), true),
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
  it('makes another trial if one never ends, as on Workers', { tags: ['INT-17'] }, async () => {
    const { failTimes, run, succeed, step } = setUp();
    await failTimes(5);
    step(1);
    void run(() => new Promise(() => undefined));
    expect(await succeed()).toMatch('held back');
    step(6);
    expect(await succeed()).toBe('answer');
  });

  it('makes no request for a second after five failures in a row', { tags: ['INT-17'] }, async () => {
    const { failTimes, succeed, requests, events, step } = setUp();
    await failTimes(5);
    expect(events).toEqual(['pause 1']);
    expect(await succeed()).toBe('held back for 1');
    step(0.75);
    expect(await succeed()).toBe('held back for 0.25');
    expect(requests()).toBe(5);
  });

  it('holds newcomers back during a pause without counting them', { tags: ['INT-17'] }, async () => {
    const { failTimes, run, requests, step } = setUp();
    await failTimes(5);
    step(1);
    await failTimes(1); // the next pause is longer than a moment
    const flood = Array.from({ length: 2500 }, () => run(async () => 'answer', true));
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['held back for 2']));
    expect(requests()).toBe(6);
  });

  it('runs at most eighty requests of newcomers at a time', { tags: ['INT-17'] }, async () => {
    const { run, requests } = setUp();
    for (let count = 0; count < 150; count += 1) void run(() => new Promise(() => undefined), true);
    await new Promise(setImmediate);
    expect(requests()).toBe(80);
  });

  it('counts failures in a row only, and not what a newcomer may have caused', {
    tags: ['INT-17'],
  }, async () => {
    const { failTimes, succeed, refuse, events } = setUp();
    await failTimes(4);
    await succeed();
    await failTimes(4);
    for (let time = 0; time < 20; time += 1) expect(await refuse()).toBe('about one token');
    expect(events).toEqual([]);
    await failTimes(1); // nor does it take such a refusal for a sign of health
    expect(events).toEqual(['pause 1']);
  });

  it('lets one newcomer at a time ask after a pause, who ends it or changes nothing', {
    tags: ['INT-17'],
  }, async () => {
    const { failTimes, fail, run, refuse, succeed, events, step } = setUp();
    await failTimes(5);
    expect(await refuse()).toBe('held back for 1');
    step(1);
    const { request, reject } = pending();
    const slow = run(request, true);
    expect(await refuse()).toBe('held back for 1');
    reject(outage);
    await slow;
    expect(events).toEqual(['pause 1']);
    expect(await refuse()).toBe('held back for 2'); // newcomers rest, so that they don't hammer the server
    await fail(); // somebody who is known may try
    expect(events).toEqual(['pause 1', 'pause 2']);
    step(2);
    expect(await refuse()).toBe('about one token'); // which says nothing
    const tried = pending();
    const trying = run(tried.request, true);
    expect(await succeed()).toBe('answer'); // isn't kept from trying
    tried.resolve('late');
    await trying;
    expect(events).toEqual(['pause 1', 'pause 2', 'recovery']);
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

describe('slots for requests', () => {
  function occupy(slots: RequestSlots, times: number, isNewcomer: boolean) {
    const requests = Array.from({ length: times }, pending);
    const started: number[] = [];
    const running = requests.map(({ request }, index) =>
      slots
        .run(isNewcomer, () => {
          started.push(index);
          return request();
        })
        .catch((error: unknown) => (error instanceof RequestHeldBack ? 'held back' : 'failed')),
    );
    return { requests, running, started };
  }
  const turn = () => new Promise(setImmediate);

  it('are a hundred, of which newcomers get eighty', { tags: ['INT-17'] }, async () => {
    const slots = new RequestSlots(Date.now, 60);
    const newcomers = occupy(slots, 150, true);
    const known = occupy(slots, 30, false);
    await turn();
    expect([newcomers.started.length, known.started.length]).toEqual([80, 20]);
    for (const { resolve } of newcomers.requests.slice(0, 10)) resolve('answer');
    await turn();
    expect([newcomers.started.length, known.started.length]).toEqual([80, 30]); // who is known comes first
    for (const { resolve } of [...newcomers.requests, ...known.requests]) resolve('answer');
    expect(new Set(await Promise.all([...newcomers.running, ...known.running]))).toEqual(new Set(['answer']));
  });

  it('are given to the last who waits', { tags: ['INT-17'] }, async () => {
    const slots = new RequestSlots(Date.now, 60);
    const { requests, started, running } = occupy(slots, 83, true);
    requests[0]?.resolve('answer');
    await turn();
    expect(started.slice(80)).toEqual([82]);
    for (const { resolve } of requests) resolve('answer');
    await Promise.all(running);
    expect(started.slice(80)).toEqual([82, 81, 80]);
  });

  it('are waited for no longer than the time limit, and by a thousand at most', {
    tags: ['INT-17'],
  }, async () => {
    const slots = new RequestSlots(Date.now, 0.01);
    const { requests, running } = occupy(slots, 1081, true);
    expect(await running[1080]).toBe('held back');
    expect(await running[1079]).toBe('held back');
    for (const { resolve } of requests) resolve('answer');
    expect(await running[0]).toBe('answer');
    expect(await slots.run(true, async () => 'answer')).toBe('answer');
  });

  it('are for so many newcomers per second only', { tags: ['INT-17'] }, async () => {
    let now = 0;
    const slots = new RequestSlots(() => now, 60);
    const ask = (isNewcomer: boolean) => slots.run(isNewcomer, async () => 'answer').catch(() => 'held back');
    for (let time = 0; time < 2000; time += 1) expect(await ask(true)).toBe('answer');
    expect(await ask(true)).toBe('held back');
    expect(await ask(false)).toBe('answer');
    now += 1000;
    for (let time = 0; time < 100; time += 1) expect(await ask(true)).toBe('answer');
    expect(await ask(true)).toBe('held back');
    now -= 86_400_000; // a clock that is set back gives nothing
    expect(await ask(true)).toBe('held back');
  });

  it('become free whatever comes of a request', { tags: ['INT-17'] }, async () => {
    const slots = new RequestSlots(Date.now, 60);
    for (let time = 0; time < 200; time += 1)
      await slots.run(false, () => Promise.reject(outage)).catch(() => undefined);
    expect(await slots.run(false, async () => 'answer')).toBe('answer');
  });

  it('become free again if a request never ends, as on Workers', { tags: ['INT-17'] }, async () => {
    let now = 0;
    const slots = new RequestSlots(() => now, 5);
    const never = new Promise<string>(() => undefined);
    for (let time = 0; time < 100; time += 1) void slots.run(time < 80, () => never);
    now += 10_000;
    expect(await slots.run(true, async () => 'answer')).toBe('answer');
    expect(await slots.run(false, async () => 'answer')).toBe('answer');
  });
});
