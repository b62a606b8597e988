import { describe, expect, it } from 'vitest';
import { SharedWork } from '../../../src/lib/shared-work.js';

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
    const fail = () => Promise.reject(new Error('down'));
    const [one, other] = await Promise.allSettled([work.run(fail), work.run(fail)]);
    expect([one.status, other.status]).toEqual(['rejected', 'rejected']);
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

  it('keeps nobody waiting for ever who came while it was under way', async () => {
    const work = new SharedWork<string>(() => 0, 0.01);
    void work.run(() => never);
    expect(await work.run(async () => 'anew')).toBe('anew');
  });
});
