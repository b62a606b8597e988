import { describe, expect, it } from 'vitest';
import { readForm } from '../../../src/request/form.js';
import { readJson } from '../../../src/request/json.js';

const FORM = 'application/x-www-form-urlencoded';

const requestOf = (body: string | Uint8Array<ArrayBuffer> | ReadableStream, contentType = FORM): Request =>
  new Request('https://api.example.com/', {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
    duplex: 'half',
  });

/** A body that ends with an error, not with its last byte. */
const brokenOff = (text: string): ReadableStream =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
    },
    pull(controller) {
      controller.error(new Error('connection reset'));
    },
  });

describe('the form in a Fetch request', () => {
  it('has a list for each repeated name', { tags: ['BRR-08'] }, async () => {
    const form = await readForm(requestOf('a=1&b=2&a=3&a=4&c=%26'));
    expect(form).toEqual({ a: ['1', '3', '4'], b: '2', c: '&' });
  });

  it('is left to the handler', { tags: ['BRR-08'] }, async () => {
    const request = requestOf('a=1');
    await readForm(request);
    expect(await request.text()).toBe('a=1');
  });

  it('is up to 64 KiB long', { tags: ['OPS-07'] }, async () => {
    const longest = `a=${'x'.repeat(65_534)}`;
    expect(await readForm(requestOf(longest))).toBeDefined();
    expect(await readForm(requestOf(`${longest}x`))).toBeUndefined();
  });

  it.each([
    ['another media type', () => requestOf('a=1', 'text/plain')],
    ['a body that breaks off', () => requestOf(brokenOff('a=1'))],
  ])('is none with %s', { tags: ['BRR-08'] }, async (_name, make) => {
    expect(await readForm(make())).toBeUndefined();
  });

  it('is none if the body was read already', { tags: ['BRR-08'] }, async () => {
    const request = requestOf('a=1');
    await request.text();
    expect(await readForm(request)).toBeUndefined();
  });
});

describe('the JSON in a Fetch request', () => {
  it.each(['{"a":[1]}', 'null', '"ä"'])('is read from %s', async (text) => {
    expect(await readJson(requestOf(text))).toEqual(JSON.parse(text));
  });

  it('is up to 4 MiB long', { tags: ['OPS-07'] }, async () => {
    const longest = `"${'x'.repeat(4 * 2 ** 20 - 2)}"`;
    expect(await readJson(requestOf(longest))).toHaveLength(4 * 2 ** 20 - 2);
    expect(await readJson(requestOf(`${longest} `))).toBeUndefined();
  });

  it.each<[string, Parameters<typeof requestOf>[0]]>([
    ['other text', '{'],
    ['nothing', ''],
    ['what is not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['a body that breaks off', brokenOff('1')],
  ])('is none with %s', async (_name, body) => {
    expect(await readJson(requestOf(body))).toBeUndefined();
  });

  it('is none if the body was read already', async () => {
    const request = requestOf('1');
    await request.text();
    expect(await readJson(request)).toBeUndefined();
  });
});
