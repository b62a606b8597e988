import { describe, expect, it } from 'vitest';
import { deepFreeze, isJsonObject, readJsonObject } from '../../../src/lib/json.js';

describe('deepFreeze', () => {
  it('freezes everything below, and returns what it was given', { tags: ['OPS-11'] }, () => {
    const value = { a: [{ b: { c: [] } }], d: { e: null, f: 'x' } };
    expect(deepFreeze(value)).toBe(value);
    expect(
      [value, value.a, value.a[0], value.a[0]?.b, value.a[0]?.b.c, value.d].map(Object.isFrozen),
    ).toEqual(Array(6).fill(true));
  });

  it('freezes what is under the name "__proto__"', { tags: ['OPS-11'] }, () => {
    const value = deepFreeze(JSON.parse('{"__proto__":{"a":{}}}'));
    const member: unknown = Object.getOwnPropertyDescriptor(value, '__proto__')?.value;
    expect(Object.isFrozen(member)).toBe(true);
    expect(Object.isFrozen(Object.prototype)).toBe(false);
  });

  it.each([null, undefined, 'x', 42])('takes %j as it is', (value) => {
    expect(deepFreeze(value)).toBe(value);
  });

  it('does not run out of stack', () => {
    const depth = 200_000;
    const value: unknown = deepFreeze(JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`));
    expect(Object.isFrozen(value)).toBe(true);
  });
});

describe('isJsonObject', () => {
  it.each([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    ['{}', false],
    [undefined, false],
    [() => ({}), false],
  ])('says of %j: %s', { tags: ['JWT-13'] }, (value, expected) => {
    expect(isJsonObject(value)).toBe(expected);
  });
});

it('readJsonObject finds nothing in what is no JSON object in UTF-8', { tags: ['JWT-13'] }, () => {
  const contents = [
    '',
    '[]',
    'null',
    '{',
    '\ufeff{}',
    Buffer.from('{}', 'utf16le'),
    Buffer.from([0x7b, 0xff, 0x7d]),
  ];
  for (const content of contents) expect(readJsonObject(Buffer.from(content))).toBeUndefined();
  expect(readJsonObject(Buffer.from('{"a":"ä","a":"b"}'))).toEqual({ a: 'b' });
});
