import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkIntegrity } from '../../../src/lib/integrity.js';

const digest = (text: string, kind = 'sha256') => `${kind}-${createHash(kind).update(text).digest('base64')}`;

describe('the integrity of an answer', () => {
  it.each([
    ['its digest', digest('ok')],
    ['one of several', `${digest('no')}  ${digest('ok')}`],
    ['the strongest, wherever it is', `${digest('ok', 'sha384')} ${digest('no')}`],
    ['capitals', digest('ok').replace('sha', 'SHA')],
    ['no padding', digest('ok').replace(/=+$/, '')],
    ['base64url', digest('ok', 'sha512').replaceAll('+', '-').replaceAll('/', '_')],
    ['an option', `${digest('ok')}?ct=text`],
    ['unknown kinds only', `md5-AAAA sha1-AAAA x${digest('no')}`],
    ['nothing', ''],
  ])('is right, and the answer can be read: %s', async (_what, integrity) => {
    const response = new Response('ok');
    await checkIntegrity(response, integrity);
    expect(await response.text()).toBe('ok');
  });

  it.each([
    ['another digest', digest('no')],
    ['a digest that is right, and a stronger one that is not', `${digest('ok')} ${digest('no', 'sha512')}`],
    ['a part of the digest', digest('ok').slice(0, -8)],
  ])('is wrong: %s', async (_what, integrity) => {
    await expect(checkIntegrity(new Response('ok'), integrity)).rejects.toBeInstanceOf(TypeError);
  });
});
