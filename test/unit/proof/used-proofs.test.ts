import { describe, expect, it, vi } from 'vitest';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import { UnavailableError } from '../../../src/errors.js';
import { useOnce } from '../../../src/proof/replay-store.js';
import { listenTo } from '../../support/listen-to.js';
import { stopTimers } from '../../support/protected-api.js';

const proof = { thumbprint: 'thumbprint', targetUri: 'https://api.example.com/', jti: 'jti' };
/** Asks a store that answers so. */
const ask = async (remember: (key: string) => unknown) => useOnce({ remember: remember as never }, proof, 65);
const reject = (error: unknown) => () => Promise.reject(error);

describe('useOnce', () => {
  it.each([
    ['true', true],
    ['a promise of true', Promise.resolve(true)],
  ])('accepts a proof of which the store says %s', { tags: ['DPP-19'] }, async (_, answer) => {
    await expect(ask(() => answer)).resolves.toBeUndefined();
  });

  it.each([
    ['false', false],
    ['a promise of false', Promise.resolve(false)],
  ])('refuses a proof of which the store says %s', { tags: ['DPP-19'] }, async (_, answer) => {
    await expect(ask(() => answer)).rejects.toMatchObject({ status: 401, reason: 'proof_replayed' });
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'object'],
    ['OK', 'string'],
    [1, 'number'],
    [Promise.resolve('OK'), 'string'],
    [Promise.resolve(undefined), 'undefined'],
  ])('fails if the store says %s', { tags: ['DPP-20'] }, async (answer, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    await expect(ask(() => answer)).rejects.toMatchObject({
      status: 503,
      reason: 'replay_store_unavailable',
    });
    expect(warnings).toEqual([{ source: 'replayStore', detail }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new RangeError('x');
      },
      'RangeError',
    ],
    ['rejects', reject(new RangeError('x')), 'RangeError'],
    ['rejects with anything', reject('x'), 'string'],
  ])('fails if the store %s', { tags: ['DPP-20'] }, async (_, remember, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    await expect(ask(remember)).rejects.toMatchObject({
      status: 503,
      reason: 'replay_store_unavailable',
      retryAfterSeconds: 1,
    });
    expect(warnings).toEqual([{ source: 'replayStore', detail }]);
  });

  it('waits five seconds for a store', { tags: ['DPP-20'] }, async () => {
    stopTimers();
    const warnings = listenTo<WarningMessage>(channels.warning);
    const refused = expect(ask(() => new Promise(() => undefined))).rejects.toMatchObject({ status: 503 });
    vi.advanceTimersByTime(5000);
    await refused;
    expect(warnings).toEqual([{ source: 'replayStore', detail: 'time-out' }]);
  });

  it('lets a store say itself why it is of no use', { tags: ['DPP-20'] }, async () => {
    const fault = new UnavailableError('replay_store_full', 7);
    await expect(ask(reject(fault))).rejects.toBe(fault);
  });

  it('identifies proofs by a digest of client, resource and identifier', { tags: ['DPP-19'] }, async () => {
    const keys: string[] = [];
    const note = (key: string) => keys.push(key) > 0;
    const proofs = [
      proof,
      { ...proof, thumbprint: 'other' },
      { ...proof, targetUri: 'https://api.example.com/other' },
      { ...proof, jti: 'other' },
      { ...proof, jti: 'x'.repeat(256) },
    ];
    for (const each of [...proofs, proof]) await useOnce({ remember: note }, each, 65);
    expect(new Set(keys).size).toBe(proofs.length);
    for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
  });
});
