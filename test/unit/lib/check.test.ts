import { describe, expect, it } from 'vitest';
import {
  badOption,
  callable,
  checkObject,
  flag,
  isOptionError,
  numberBetween,
  object,
  oneOf,
  optional,
  someOf,
  text,
  textOrTexts,
  texts,
  wholeNumberBetween,
} from '../../../src/lib/check.js';

/** What a check makes of a value, or the option that it names and what it says. */
function outcome(check: () => unknown): unknown {
  try {
    return check();
  } catch (error) {
    if (isOptionError(error)) return `${error.option}: ${error.message}`;
    throw error;
  }
}

class Settings {
  relm = 'x';
}

describe('checkObject', () => {
  const table = {
    realm: optional(text, 'api'),
    keys: optional(object({ maxAgeSeconds: optional(numberBetween(1, 600), 60) })),
  };
  const check = (given: unknown, path = '') => outcome(() => checkObject(given, path, table));

  it('gives a member per check, with the default where nothing is given', () => {
    expect(check({})).toEqual({ realm: 'api', keys: undefined });
    expect(check({ realm: undefined, keys: {} })).toEqual({ realm: 'api', keys: { maxAgeSeconds: 60 } });
    expect(check(Object.assign(Object.create(null), { realm: 'x' }))).toEqual({
      realm: 'x',
      keys: undefined,
    });
  });

  it.each([
    [null, 'options: option "options" takes an object, got null'],
    [[], 'options: option "options" takes an object, got an empty list'],
    ['x', 'options: option "options" takes an object, got string'],
    [Promise.resolve({}), 'options: option "options" takes an object, got a promise: await it'],
    [
      new Settings(),
      'options: unknown option "relm" in options (instance of Settings); did you mean realm? Known are realm, keys',
    ],
    [{ relm: 'x' }, 'options: unknown option "relm" in options; did you mean realm? Known are realm, keys'],
    [{ realm: 7 }, 'realm: option "realm" takes a non-empty string, got number'],
    [{ keys: null }, 'keys: option "keys" takes an object, got null'],
    [{ keys: { ttl: 1 } }, 'keys: unknown option "ttl" in keys; known are maxAgeSeconds'],
    [
      { keys: { maxAgeSeconds: 0 } },
      'keys.maxAgeSeconds: option "keys.maxAgeSeconds" takes a number from 1 to 600, got 0',
    ],
  ])('names the option that is wrong: %j', { tags: ['OPS-09'] }, (given, message) => {
    expect(check(given)).toBe(message);
  });

  it('names the object that it is part of', () => {
    expect(check({ realm: '' }, 'issuer[1]')).toBe(
      'issuer[1].realm: option "issuer[1].realm" takes a non-empty string, got an empty string',
    );
  });

  it('throws a plain TypeError, which carries the path of the option and what is wrong', () => {
    const error = badOption('realm', 'takes a list');
    expect(error).toEqual(new TypeError('option "realm" takes a list'));
    expect(error).toMatchObject({ option: 'realm', problem: 'takes a list' });
    expect(Object.keys(error)).toEqual([]);
  });
});

describe('a check', () => {
  const list = ['a', 'b'] as const;
  it.each<[string, (given: unknown, path: string) => unknown, readonly unknown[], readonly unknown[]]>([
    ['a flag', flag, [true, false], [undefined, null, 0, 'true']],
    ['a text', text, ['x', ' '], [undefined, null, '', 7, ['x']]],
    ['texts', texts, [['x'], ['x', 'y']], [[], 'x', ['x', ''], [7], null]],
    ['a function', callable, [Math.random], [undefined, null, {}, 'x']],
    ['a number', numberBetween(0.5, 2), [0.5, 2], [0.4, 2.1, Number.NaN, '1', 1n, Number.POSITIVE_INFINITY]],
    ['a whole number', wholeNumberBetween(1, 3), [1, 3], [0, 1.5, 4, '1', null]],
    ['a word', oneOf(list), list, ['A', '', undefined, null, 'toString', ['a']]],
    ['words', someOf(list), [['a'], ['b', 'a']], [[], ['a', 'c'], 'a', null, [['a']]]],
  ])('takes %s and nothing else', { tags: ['OPS-09'] }, (_what, check, right, wrong) => {
    for (const value of right) expect(check(value, 'x')).toEqual(value);
    for (const value of wrong) expect(outcome(() => check(value, 'x'))).toMatch(/^x: option "x" takes /);
  });

  it('takes one text for a list', () => {
    expect(textOrTexts('x', 'audience')).toEqual(['x']);
    expect(textOrTexts(['x', 'y'], 'audience')).toEqual(['x', 'y']);
    for (const wrong of ['', [], [''], null, 7])
      expect(outcome(() => textOrTexts(wrong, 'audience'))).toMatch(
        /^audience: option "audience" takes a non-empty/,
      );
  });

  it('keeps no list of the application', { tags: ['OPS-09'] }, () => {
    const given = ['a'];
    expect(someOf(['a', 'b'])(given, 'x')).not.toBe(given);
  });

  it('quotes no value', { tags: ['OPS-01'] }, () => {
    const secret = 'hunter2';
    const checks = [flag, callable, numberBetween(0, 1), oneOf(['a']), someOf(['a']), object({})];
    for (const check of checks)
      for (const given of [secret, [secret]])
        expect(outcome(() => check(given, 'x'))).toMatch(/^x: (?!.*hunter2)/);
  });
});

describe('a wrong word', () => {
  const said = (check: () => unknown) => String(outcome(check)).replace(/^.*?, got /, '');

  it.each([
    ['at-jwt', '"at-jwt"; did you mean at+jwt?'],
    ['AT+JWT', '"AT+JWT"; did you mean at+jwt?'],
    ['jwt', 'string'],
    ['hunter2', 'string'],
    ['', 'an empty string'],
    [7, 'number'],
    ['https://user:hunter2@a.example/x?y=hunter2', '"https://[…]@a.example/x?[…]"'],
  ])('of %j comes with what was meant if that is clear, and else without its value', (given, got) => {
    expect(said(() => oneOf(['any', 'at+jwt'])(given, 'tokenType'))).toBe(got);
  });

  it.each<[unknown, string]>([
    ['header', '"header"; did you mean ["header"]?'],
    [['headers'], '"headers"; did you mean header?'],
    [['header', 'quary'], '"quary"; did you mean query?'],
    [['cookie'], 'a list with string'],
    [['HS256'], '"HS256"'],
    [[], 'an empty list'],
  ])('of the list %j, too', (given, got) => {
    expect(said(() => someOf(['header', 'body', 'query'])(given, 'bearerMethods'))).toBe(got);
  });
});
