import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { SharedWork } from '../../../src/lib/shared-work.js';
import { collectGarbage } from '../../support/garbage.js';

const never = new Promise<string>(() => undefined);

describe('work that callers share', () => {
  it('is done once for all who come meanwhile, by name', async () => {
    const work = new SharedWork<number>(() => 0, 60);
    let done = 0;
    const act = async () => ++done;
    const results = await Promise.all([work.run(act), work.run(act), work.run(act, 'other')]);
    expect(results).toEqual([1, 1, 2]);
    expect(await work.run(act)).toBe(3);
  });

  it('fails for all who wait, and is then begun anew', async () => {
    const work = new SharedWork<string>(() => 0, 60);
    let done = 0;
    const fail = async (): Promise<string> => {
      done += 1;
      throw new Error('down');
    };
    const [one, other] = await Promise.allSettled([work.run(fail), work.run(fail)]);
    expect([one.status, other.status, done]).toEqual(['rejected', 'rejected', 1]);
    expect(await work.run(async () => 'up')).toBe('up');
  });

  it('is given up once it takes longer than it can', async () => {
    let now = 0;
    const work = new SharedWork<string>(() => now, 5);
    void work.run(() => never);
    expect(work.isUnderWay()).toBe(true);
    now = 5000;
    expect(work.isUnderWay()).toBe(false);
    expect(await work.run(async () => 'anew')).toBe('anew');
  });

  it('does not end its successor when it ends late', async () => {
    let now = 0;
    let finish: (value: string) => void = () => undefined;
    const work = new SharedWork<string>(() => now, 5);
    const lost = work.run(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    now = 5000;
    void work.run(() => never);
    finish('late');
    await lost;
    expect(work.isUnderWay()).toBe(true);
  });

  it('is not kept for ever, even if nobody asks for it again', async () => {
    let now = 0;
    const work = new SharedWork<string>(() => now, 5);
    const begin = (count: number): void => {
      for (let n = 0; n < count; n += 1)
        void work.run(() => new Promise(() => undefined), randomBytes(500).toString('hex'));
    };
    begin(1);
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    begin(20_000); // 20 MB of names
    now = 5000;
    await work.run(async () => 'done', 'other');
    await collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  });

  it('is waited for longer if it turns out that it can take longer', async () => {
    let limit = 0.01;
    let done = 0;
    let finish: (value: string) => void = () => undefined;
    const work = new SharedWork<string>(
      () => 0,
      () => limit,
    );
    const act = (): Promise<string> => {
      done += 1;
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const results = Promise.all([work.run(act), work.run(act)]);
    limit = 60;
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    expect(work.isUnderWay()).toBe(true);
    finish('late');
    expect(await results).toEqual(['late', 'late']);
    expect(done).toBe(1);
  });

  it('keeps nobody waiting for ever who came while it was under way', async () => {
    const work = new SharedWork<string>(() => 0, 0.01);
    void work.run(() => never);
    expect(await work.run(async () => 'anew')).toBe('anew');
  });

  it('is begun anew if its promise can no longer be awaited, as on Workers', async () => {
    const work = new SharedWork<string>(() => 0, 0.01);
    const lost = new Promise<string>(() => undefined);
    void work.run(() => lost);
    const refuse = async () => Promise.reject(new Error('created by a request that has ended'));
    vi.spyOn(lost, 'then').mockImplementation((...handlers) => refuse().then(...handlers));
    expect(await work.run(async () => 'anew')).toBe('anew');
  });
});
