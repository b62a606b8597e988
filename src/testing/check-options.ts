import { describeGiven } from '../lib/check.js';

/** @throws {TypeError} `value` isn't an object, or is an array */
export function checkIsObject(value: unknown, name: string): asserts value is object {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), name, 'an object', value);
}

/** @throws {TypeError} `value` isn't a string, or is empty */
export function checkText(value: unknown, name: string): void {
  check(typeof value === 'string' && value !== '', name, 'a string that is not empty', value);
}

/** @throws {TypeError} `value` isn't a function */
export function checkFunction(value: unknown, name: string): void {
  check(typeof value === 'function', name, 'a function', value);
}

/**
 * Throws unless the value is right. The message says of what type the value is, and shows only URLs.
 *
 * @param takes what would be right, in words
 * @throws {TypeError}
 */
export function check(isRight: boolean, name: string, takes: string, value: unknown): asserts isRight {
  if (!isRight) throw new TypeError(`${name} takes ${takes}, got ${describeGiven(value)}`);
}
