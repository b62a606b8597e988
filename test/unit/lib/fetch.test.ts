import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  FetchFailure,
  type FetchFailureKind,
  fetchJson,
  readText,
  sendRequest,
} from '../../../src/lib/fetch.js';

const url = 'https://auth.example.com/jwks';

function fetchBy(fetch: typeof globalThis.fetch, signal = new AbortController().signal) {
  return fetchJson(url, fetch, signal);
}

/** A `fetch` of another kind than the platform's. */
function answering(body: unknown, members: object = {}): typeof globalThis.fetch {
  const response = { status: 200, headers: new Headers(), redirected: false, body, ...members };
  return async () => response as Response; // as far as it has the members
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
    await expect(fetchBy(async () => elsewhere)).rejects.toMatchObject({
      message: 'redirected',
      kind: 'status',
      isReached: true,
    });
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

  it.each([
    ['max-age=120', '20', 100],
    ['max-age=120', ' 20 ', 100],
    ['max-age=120', '0', 120],
    ['max-age=120', '120', 0],
    ['max-age=120', '121', 0],
    ['max-age=120', '99999999999999999999', 0],
    ['max-age=120', '20, 90', 100],
    ['max-age=120', '20,', 100],
    ['max-age=120', '', 120],
    ['max-age=120', '-20', 120],
    ['max-age=120', '+20', 120],
    ['max-age=120', '20.5', 120],
    ['max-age=120', '20s', 120],
    ['max-age=120', 'x, 20', 120],
    ['no-store', '20', undefined],
  ])(
    'takes from Cache-Control: %s the Age: %s, and gets %s',
    { tags: ['KEY-11'] },
    async (value, age, left) => {
      const headers = { 'Cache-Control': value, Age: age };
      const document = await fetchBy(async () => Response.json({}, { headers }));
      expect(document.maxAgeSeconds).toBe(left);
    },
  );

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_INFO', 'ERR_HTTP2_STREAM_ERROR'])(
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
      await expect(failing).rejects.toMatchObject({
        message: code,
        kind: attempts > 1 ? 'broken' : 'unreachable',
        isReached: attempts > 1,
      });
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
    await expect(failing).rejects.toMatchObject({ message: 'time-out', kind: 'timeout', isReached: false });
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
    // a fetch that breaks its own contract
    await expect(fetchBy(fetch as typeof globalThis.fetch)).rejects.toMatchObject({
      message: 'network error',
      kind: 'unreachable',
      isReached: false,
    });
  });

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['undefined', async () => undefined],
    ['null', async () => null],
    ['object', async () => ({ ok: true, json: async () => ({}) })],
  ])('says that a fetch returned %s', { tags: ['KEY-24'] }, async (type, fetch) => {
    // a fetch that breaks its own contract
    await expect(fetchBy(fetch as typeof globalThis.fetch)).rejects.toMatchObject({
      message: `fetch returned ${type}, not a Response`,
      kind: 'invalid',
      isTransient: false,
    });
  });

  it("quotes no part of a body that isn't JSON", { tags: ['OPS-02'] }, async () => {
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

  it('does not wait for a body whose copy is unread', { tags: ['KEY-08'] }, async () => {
    const response = new Response('down', { status: 500 });
    response.clone();
    await expect(fetchBy(async () => response)).rejects.toThrow('status 500');
  });

  it('releases a stream of Node too', async () => {
    const body = Readable.from(['down']);
    await expect(fetchBy(answering(body, { status: 500 }))).rejects.toThrow('status 500');
    expect(body.destroyed).toBe(true);
  });

  it('is not put off by a body that is no web stream', async () => {
    const response = Object.defineProperty(new Response(null, { status: 500 }), 'body', { value: {} });
    await expect(fetchBy(async () => response)).rejects.toThrow('status 500');
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

describe('a failure', () => {
  it.each<[FetchFailureKind, number | undefined, boolean, boolean]>([
    ['unreachable', undefined, false, true],
    ['timeout', undefined, false, true],
    ['broken', undefined, true, true],
    ['invalid', undefined, true, false],
    ['status', 200, true, false],
    ['status', 302, true, false],
    ['status', 404, true, false],
    ['status', 408, true, true],
    ['status', 429, true, true],
    ['status', 499, true, false],
    ['status', 500, true, true],
    ['status', 503, true, true],
  ])(
    'of the kind %s (%s): the server is there: %s, it may pass: %s',
    (kind, status, isReached, isTransient) => {
      const failure = new FetchFailure(kind, 'x', status === undefined ? {} : { status });
      expect(failure).toMatchObject({ isReached, isTransient, status });
    },
  );

  it('says with which status', async () => {
    await expect(fetchBy(async () => new Response(null, { status: 503 }))).rejects.toMatchObject({
      kind: 'status',
      status: 503,
      message: 'status 503',
    });
  });

  it.each(['secret in a code', 'ECONNREFUSED\nSet-Cookie: a=b', '', 'E'.repeat(63), 7])(
    'has no code that is none of Node and OpenSSL: %j',
    { tags: ['OPS-02'] },
    async (code) => {
      const thrown = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
      await expect(fetchBy(() => Promise.reject(thrown))).rejects.toMatchObject({ message: 'network error' });
    },
  );
});

describe('sendRequest', () => {
  const { signal } = new AbortController();

  it('sends what must not be sent twice once', { tags: ['CLI-16'] }, async () => {
    let calls = 0;
    const send = () => {
      calls += 1;
      return Promise.reject(failure('ECONNRESET'));
    };
    const sent = sendRequest(send, signal, { repeat: false, secret: true });
    await expect(sent).rejects.toMatchObject({ kind: 'broken', message: 'ECONNRESET' });
    expect(calls).toBe(1);
  });

  it.each([
    [true, undefined],
    [false, expect.any(TypeError)],
  ])(
    'keeps the error of a fetch out of a request with secrets: %s',
    { tags: ['OPS-02'] },
    async (secret, cause) => {
      const send = () => Promise.reject(failure('ECONNREFUSED'));
      const error: unknown = await sendRequest(send, signal, { repeat: true, secret }).catch(
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(FetchFailure);
      expect(Reflect.get(Object(error), 'cause')).toEqual(cause);
      if (secret) expect(inspect(error)).not.toContain('secret detail');
    },
  );
});

describe('readText', () => {
  const { signal } = new AbortController();
  const bodyOf = (bytes: number) => new Response(new Uint8Array(bytes).fill(0x20));

  it.each([
    [undefined, 1024 * 1024, 'larger than 1 MiB'],
    [256, 256 * 1024, 'larger than 256 KiB'],
  ])('reads at most %s KiB', { tags: ['KEY-08'] }, async (maxKib, bytes, message) => {
    const options = maxKib === undefined ? {} : { maxKib };
    expect(await readText(bodyOf(bytes), signal, options)).toHaveLength(bytes);
    await expect(readText(bodyOf(bytes + 1), signal, options)).rejects.toMatchObject({
      kind: 'invalid',
      message,
    });
  });

  it('tells a body that broke off from one that took too long', { tags: ['KEY-08'] }, async () => {
    const breaking = () =>
      new Response(
        new ReadableStream({
          pull() {
            throw new Error('gone');
          },
        }),
      );
    await expect(readText(breaking(), signal)).rejects.toMatchObject({ kind: 'broken', isReached: true });
    await expect(readText(breaking(), AbortSignal.abort())).rejects.toMatchObject({
      kind: 'timeout',
      isReached: false,
    });
  });

  it('replaces bytes that are not UTF-8, or refuses them', async () => {
    const response = () => new Response(Uint8Array.of(0x61, 0xff, 0x62));
    expect(await readText(response(), signal)).toBe('a\ufffdb');
    await expect(readText(response(), signal, { strict: true })).rejects.toMatchObject({
      kind: 'invalid',
      message: 'not UTF-8',
    });
    expect(await readText(new Response('a\ufffdb'), signal, { strict: true })).toBe('a\ufffdb');
  });

  it('is empty where there is no body', async () => {
    expect(await readText(new Response(null), signal)).toBe('');
    const used = new Response('{}');
    await used.text();
    await expect(readText(used, signal)).rejects.toThrow('the body has been read already');
    expect(await readText({ body: null }, signal)).toBe('');
  });

  it.each<[string, () => unknown]>([
    ['a stream of Node', () => Readable.from([Buffer.from('{"a":"\u20ac'), Buffer.from('"}')])],
    ['a stream of Node with text', () => Readable.from([Buffer.from('{"a":"\u20ac"}')]).setEncoding('utf8')],
    [
      'a generator of bytes, a character cut',
      async function* () {
        for (const byte of Buffer.from('{"a":"\u20ac"}')) yield Uint8Array.of(byte);
      },
    ],
  ])('reads %s', { tags: ['KEY-08'] }, async (_what, create) => {
    expect(await readText({ body: create() }, signal, { strict: true })).toBe('{"a":"\u20ac"}');
    await expect(readText({ body: create() }, signal, { maxKib: 1 / 1024 })).rejects.toThrow('larger than');
  });

  it('takes no more of a stream of Node than the limit', { tags: ['KEY-08'] }, async () => {
    let taken = 0;
    const body = new Readable({
      read() {
        taken += 1024;
        this.push(Buffer.alloc(1024));
      },
    });
    await expect(readText({ body }, signal, { maxKib: 64 })).rejects.toThrow('larger than 64 KiB');
    expect(body.destroyed).toBe(true);
    expect(taken).toBeLessThan(256 * 1024);
  });

  it('tells of a stream of Node, too, that it broke off', { tags: ['KEY-08'] }, async () => {
    const body = new Readable({
      read() {
        this.destroy(new Error('secret detail'));
      },
    });
    await expect(readText({ body }, signal)).rejects.toMatchObject({ kind: 'broken' });
  });

  it.each([undefined, null, 'text', {}, { values: () => [] }])(
    'takes the text of an answer whose body is %j, up to the limit',
    { tags: ['KEY-08'] },
    async (body) => {
      const text = async () => '\u20ac'.repeat(342); // 1026 bytes
      expect(await readText({ body, text }, signal)).toBe(await text());
      await expect(readText({ body, text }, signal, { maxKib: 1 })).rejects.toThrow('larger than 1 KiB');
    },
  );

  it.each([
    [{ body: undefined }, 'neither a body to iterate over nor text()'],
    [{ body: undefined, json: async () => ({ keys: [] }) }, 'neither a body to iterate over nor text()'],
    [{ body: 'text' }, 'neither a body to iterate over nor text()'],
    [{ body: Readable.from([{ an: 'object' }]) }, 'neither bytes nor text'],
    [{ text: async () => Object({ an: 'object' }) }, 'neither bytes nor text'],
  ])('says what is wrong with %o', { tags: ['KEY-24'] }, async (answer, message) => {
    await expect(readText(answer, signal)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(message),
    });
  });
});
