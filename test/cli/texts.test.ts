import { describe, expect, it } from 'vitest';
import { describeDate, describeDuration } from '../../tools/cli/describe.js';
import { printable, show, showList, toJson } from '../../tools/cli/printable.js';
import { isShellSafe, programLine } from '../../tools/shell.js';

describe('printable', () => {
  it.each([
    ['\u001b[2J\u001b]0;title\u0007', '\\u001b[2J\\u001b]0;title\\u0007'],
    ['a\r\nb\tc\0', 'a\\u000d\\u000ab\\u0009c\\u0000'],
    ['\u007f\u009b31m', '\\u007f\\u009b31m'],
    ['abc\u202ecba\u2066\u200b\ufeff', 'abc\\u202ecba\\u2066\\u200b\\ufeff'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\ud800', '\\ud800'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['Zoë 庫存 🔑', 'Zoë 庫存 🔑'],
  ])('escapes what rewrites or hides: %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves JSON the same JSON', () => {
    const value = { text: 'a\u001b\u007f\u202e\u{e0041}"\\', more: ['\n'] };
    expect(JSON.parse(toJson(value))).toEqual(value);
    expect(toJson(value)).not.toMatch(/[^\P{C}\n]/u);
  });
});

describe('show', () => {
  it.each([
    ['a "b"', '"a \\"b\\""'],
    [undefined, 'none'],
    [null, 'null'],
    [Infinity, 'Infinity'],
    [1.5, '1.5'],
    [['a', 1], '["a",1]'],
    ['\u001b', '"\\u001b"'],
    ['\u009b', '"\\u009b"'],
  ])('writes %j as JSON', (value, shown) => {
    expect(show(value)).toBe(shown);
  });

  it('shortens what is long', () => {
    expect(show('a'.repeat(500))).toBe(`"${'a'.repeat(199)}…`);
  });

  it.each([
    [[], 'none'],
    [['a', 'b'], '"a", "b"'],
  ])('writes the list %j', (values, shown) => {
    expect(showList(values)).toBe(shown);
  });
});

describe('describeDate', () => {
  const now = Date.parse('2030-01-01T00:00:00Z') / 1000;

  it.each([
    [now + 298, '2030-01-01T00:04:58Z, in 4 min 58 s'],
    [now - 90_061, '2029-12-30T22:58:59Z, 1 d 1 h ago'],
    [now, '2030-01-01T00:00:00Z, now'],
    [now + 0.4, '2030-01-01T00:00:00Z, now'],
    [0, '1970-01-01T00:00:00Z, 21915 d ago'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [Infinity, 'Infinity'],
    [-1, '1969-12-31T23:59:59Z, 21915 d 1 s ago'],
  ])('writes %d for people', (seconds, text) => {
    expect(describeDate(seconds, now)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3661, '1 h 1 min'],
    [86_401, '1 d 1 s'],
  ])('writes %d seconds', (seconds, text) => {
    expect(describeDuration(seconds)).toBe(text);
  });
});

describe('isShellSafe', () => {
  it.each(['https://auth.example.com/t1', 'http://127.0.0.1:4400', 'https://a/~b%20c'])(
    'lets %s pass',
    (text) => {
      expect(isShellSafe(text)).toBe(true);
    },
  );

  it.each([
    'https://a/$(id)',
    'https://a/;id',
    'https://a/`id`',
    "https://a/'",
    'https://a b',
    '-rf',
    'https://a/&x',
    'https://a/b,c',
    'https://a/b=c',
    '',
    'https://a\n',
  ])('does not let %j pass', (text) => {
    expect(isShellSafe(text)).toBe(false);
  });
});

it('a line of the program has every option that is given, as one word', () => {
  const flags = { json: true, scope: ['a b', "it's"], timeout: undefined, 'jwks-uri': 'https://a/k?x&y' };
  expect(programLine('check', 'https://a', flags)).toBe(
    `npx oauth-resource-server check https://a --json '--scope=a b' '--scope=it'\\''s' '--jwks-uri=https://a/k?x&y'`,
  );
});
