import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DocumentUnavailable, type FetchJsonOptions, fetchJson } from '../../../src/lib/fetch.js';

const url = 'https://auth.example.com/jwks';

function fetchBy(fetch: FetchJsonOptions['fetch'], signal = new AbortController().signal) {
  return fetchJson(url, { fetch, signal });
}

/** As `fetch` fails: the reason is in the cause. */
function failure(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('secret detail'), { code }) });
}

describe('fetchJson', () => {
  it('asks for no redirect and sends no credentials', { tags: ['KEY-07', 'KEY-09'] }, async () => {
    let init: RequestInit | undefined;
    await fetchBy(async (_url, given) => {
      init = given;
      return Response.json({});
    });
    expect(init).toEqual({
      headers: {
        accept: 'application/json, application/jwk-set+json',
        'user-agent': 'oauth-resource-server',
      },
      redirect: 'manual',
      credentials: 'omit',
      signal: expect.any(AbortSignal),
    });
  });

  it('does not use what a fetch of the application brings from elsewhere', { tags: ['KEY-07'] }, async () => {
    const elsewhere = Object.defineProperty(Response.json({ keys: [] }), 'redirected', { value: true });
    await expect(fetchBy(async () => elsewhere)).rejects.toThrow(new DocumentUnavailable('redirected', true));
  });

  it.each([
    ['max-age=120', 120],
    ['public, max-age=120', 120],
    ['max-age=120, must-revalidate', 120],
    ['public,max-age=120,immutable', 120],
    ['MAX-AGE=0', 0],
    ['max-age=120, max-age=60', 120],
    ['no-store', undefined],
    ['max-age', undefined],
    ['max-age=', undefined],
    ['max-age=-1', undefined],
    ['max-age=1.5', undefined],
    ['max-age="60"', undefined],
    ['max-age=1e3', undefined],
    ['max-age=99999999999', undefined],
    ['max-age=NaN', undefined],
    ['s-maxage=60', undefined],
    ['x-max-age=60', undefined],
    ['', undefined],
  ])('reads Cache-Control: %s as %s seconds', { tags: ['KEY-11'] }, async (value, seconds) => {
    const document = await fetchBy(async () => Response.json({}, { headers: { 'Cache-Control': value } }));
    expect(document.maxAgeSeconds).toBe(seconds);
  });

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])(
    'tries a connection that broke with %s once more',
    { tags: ['KEY-14'] },
    async (code) => {
      let calls = 0;
      const document = await fetchBy(async () => {
        calls += 1;
        if (calls === 1) throw failure(code);
        return Response.json({ call: calls });
      });
      expect(document.json).toEqual({ call: 2 });
    },
  );

  it.each([
    ['ECONNRESET', 2],
    ['ECONNREFUSED', 1],
    ['ENOTFOUND', 1],
    ['CERT_HAS_EXPIRED', 1],
  ])(
    'gives up on %s after %i attempts, and says no more than that',
    { tags: ['KEY-14'] },
    async (code, attempts) => {
      let calls = 0;
      const failing = fetchBy(async () => {
        calls += 1;
        throw failure(code);
      });
      await expect(failing).rejects.toMatchObject({ message: code, reached: attempts > 1 });
      expect(calls).toBe(attempts);
    },
  );

  it('does not try again when the time is over', { tags: ['KEY-08'] }, async () => {
    const controller = new AbortController();
    let calls = 0;
    const failing = fetchBy(async () => {
      calls += 1;
      controller.abort();
      throw failure('ECONNRESET');
    }, controller.signal);
    await expect(failing).rejects.toMatchObject({ message: 'time-out' });
    expect(calls).toBe(1);
  });

  it.each<[string, () => unknown]>([
    ['throws something odd', () => Promise.reject('down')],
    [
      'throws at once',
      () => {
        throw new Error('no network here');
      },
    ],
    ['throws undefined', () => Promise.reject(undefined)],
  ])('counts a fetch that %s as a network error', { tags: ['KEY-24'] }, async (_what, fetch) => {
    await expect(fetchBy(fetch as typeof globalThis.fetch)).rejects.toThrow(
      // a fetch that breaks its own contract
      new DocumentUnavailable('network error', false),
    );
  });

  it('quotes nothing of a body that is no JSON', { tags: ['OPS-02'] }, async () => {
    const failing = fetchBy(async () => new Response('{"secret": bearer-abc'));
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(inspect(error)).toContain('not JSON');
    expect(inspect(error)).not.toContain('bearer-abc');
  });

  it('releases the body of an answer that it does not use', async () => {
    let cancelled = false;
    const body = new ReadableStream({
      cancel() {
        cancelled = true;
      },
    });
    await expect(fetchBy(async () => new Response(body, { status: 500 }))).rejects.toThrow('status 500');
    expect(cancelled).toBe(true);
  });

  it('is not put off by a body that cannot be released', async () => {
    const body = new ReadableStream({
      cancel() {
        throw new Error('gone');
      },
    });
    await expect(fetchBy(async () => new Response(body, { status: 500 }))).rejects.toThrow('status 500');
  });

  it('reads characters that are cut by the border of two chunks', async () => {
    const bytes = new TextEncoder().encode('{"name":"Zoë €"}');
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect((await fetchBy(async () => new Response(body))).json).toEqual({ name: 'Zoë €' });
  });
});
