import { describe, expect, it } from 'vitest';
import { createReplayMemory } from '../../../src/testing/authorization-server/assertions.js';
import { Refusal } from '../../../src/testing/authorization-server/http.js';

describe('the memory of used assertions', () => {
  it('knows one for as long as it would be accepted', async () => {
    let now = 1000;
    const remember = createReplayMemory(() => now * 1000);
    expect(await remember('issuer a-1', 1060)).toBe(true);
    expect(await remember('issuer a-2', 1060)).toBe(true);
    now = 1065; // with the tolerance
    expect(await remember('issuer a-1', 1060)).toBe(false);
    now = 1080;
    expect(await remember('issuer a-1', 1100)).toBe(true);
  });

  it('knows a new one for new after its clock was set back', async () => {
    let now = 1000;
    const remember = createReplayMemory(() => now * 1000);
    expect(await remember('issuer a-1', 1060)).toBe(true);
    now += 3600;
    expect(await remember('issuer a-2', now + 60)).toBe(true);
    now -= 3600;
    expect(await remember('issuer a-3', now + 60)).toBe(true);
    expect(await remember('issuer a-3', now + 60)).toBe(false);
  });

  it('refuses more than it can keep with 503, until some expired', async () => {
    let now = 1000;
    const remember = createReplayMemory(() => now * 1000);
    for (let used = 0; used < 10_000; used += 1) await remember(`issuer ${used}`, 1060);
    const refused: unknown = await remember('issuer another', 1060).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refusal);
    expect(refused).toMatchObject({
      answer: {
        status: 503,
        headers: { 'Retry-After': '70' },
        body: expect.stringContaining('temporarily_unavailable'),
      },
    });
    expect(await remember('issuer 7', 1060)).toBe(false);
    now = 1080;
    expect(await remember('issuer another', 1100)).toBe(true);
  });
});
