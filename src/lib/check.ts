import { closestTo } from './closest.js';
import { isJsonObject } from './json.js';
import { describeGiven, describeKind, quote, typeName } from './public-text.js';

// Checks of options. Applications without types can pass anything, so each check takes `unknown`.

/**
 * A wrong option: a plain TypeError that also says which option it is and what's wrong, for other messages to
 * use.
 */
export interface OptionError extends TypeError {
  /** `keys.maxAgeSeconds`. */
  readonly option: string;
  /** `takes a function, got string`. */
  readonly problem: string;
}

export function badOption(
  option: string,
  problem: string,
  message: string = `option "${option}" ${problem}`,
): OptionError {
  const told = { option: { value: option }, problem: { value: problem } };
  // `as`: the line above lists the members.
  return Object.defineProperties(new TypeError(message), told) as OptionError;
}

export function isOptionError(error: unknown): error is OptionError {
  return error instanceof TypeError && 'option' in error && 'problem' in error;
}

/** The message shows what was given if it's public, see {@link describeGiven}. */
export function optionError(option: string, takes: string, got: unknown): OptionError {
  return badOption(option, `takes ${takes}, got ${describeGiven(got)}`);
}

/**
 * Returns the option's value as it's used from now on, or throws an {@link OptionError}.
 *
 * @param path the option's name in messages: `keys.maxAgeSeconds`
 */
export type Check<T> = (given: unknown, path: string) => T;

/** The most for options in seconds: larger numbers are most often milliseconds. */
export const YEAR_SECONDS = 31_536_000;

/** One check per member of an options object. */
export type Checks<Options> = { readonly [Name in keyof Options]-?: Check<unknown> };

/** An options object after a table of checks. */
export type Checked<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Check<infer Value> ? Value : never;
};

/** Where a name belongs that's unknown here; undefined if nowhere. */
type Elsewhere = (name: string) => string | undefined;

/**
 * Checks an options object against a table. Unknown names are refused, and each member goes through its
 * check.
 *
 * @param path the object's name in messages; empty for the outermost
 */
export function checkObject<Table extends Readonly<Record<string, Check<unknown>>>>(
  given: unknown,
  path: string,
  table: Table,
  takes = 'an object',
  elsewhere?: Elsewhere,
): Checked<Table> {
  checkNames(given, Object.keys(table), path || 'options', takes, elsewhere);
  const members = Object.entries(table).map(([name, check]) => {
    const value: unknown = Reflect.get(Object(given), name);
    return [name, check(value, memberPath(path, name))];
  });
  return Object.fromEntries(members) as Checked<Table>; // a member per check, with what that check returned
}

/** The name in messages of a member of the object at `path`. */
export function memberPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** {@link checkObject} as a check. */
export function object<Table extends Readonly<Record<string, Check<unknown>>>>(
  table: Table,
  takes?: string,
): Check<Checked<Table>> {
  return (given, path) => checkObject(given, path, table, takes);
}

/** Refuses anything but an object, and unknown names. */
export function checkNames(
  given: unknown,
  known: readonly string[],
  path: string,
  takes = 'an object',
  elsewhere: Elsewhere = () => undefined,
): void {
  if (
    typeof given !== 'object' ||
    given === null ||
    Array.isArray(given) ||
    describeKind(given) !== undefined
  )
    throw optionError(path, takes, given);
  const unknown = Object.keys(given).find((member) => !known.includes(member));
  if (unknown === undefined) return;
  const meant = suggest(unknown, known);
  const help = elsewhere(unknown) ?? `${meant === '' ? 'known' : `${meant} Known`} are ${known.join(', ')}`;
  const message = `unknown option "${unknown}" in ${path}${describeClass(given)}; ${help}`;
  throw badOption(path, `has no member "${unknown}"; ${help}`, message);
}

/** The class of what isn't a plain object, such as the request: `app.use(authenticate)` lacks the call. */
function describeClass(given: object): string {
  const maker: unknown = Reflect.get(Object(Object.getPrototypeOf(given)), 'constructor');
  const name = typeof maker === 'function' ? maker.name : '';
  return name === '' || name === 'Object' ? '' : ` (instance of ${name})`;
}

/** `did you mean …?` if a known word is close, otherwise nothing. */
function suggest(word: string, known: readonly string[]): string {
  const meant = closestTo(word, known);
  return meant === undefined ? '' : `did you mean ${meant}?`;
}

/** Lets an option be absent, and fills in `fallback`. */
export function optional<T>(check: Check<T>): Check<T | undefined>;
export function optional<T>(check: Check<T>, fallback: T): Check<T>;
export function optional<T>(check: Check<T>, fallback?: T): Check<T | undefined> {
  return (given, path) => (given === undefined ? fallback : check(given, path));
}

/** For a member that its own function checks, after the others. */
export const unchecked: Check<unknown> = (given) => given;

/** What the guard accepts. */
export function matching<T>(accepts: (given: unknown) => given is T, takes: string): Check<T> {
  return (given, path) => {
    if (accepts(given)) return given;
    throw optionError(path, takes, given);
  };
}

/** An object with any members. */
export const anyObject: Check<object> = matching(isJsonObject, 'an object');

/** True or false. */
export function flag(given: unknown, path: string, takes = 'true or false'): boolean {
  if (typeof given === 'boolean') return given;
  throw optionError(path, takes, given);
}

/** A string of this form. */
export function textLike(pattern: RegExp, takes: string): Check<string> {
  return matching((given): given is string => typeof given === 'string' && pattern.test(given), takes);
}

/** A string, which may be empty. */
export const anyText: Check<string> = textLike(/^/, 'a string');

/** A non-empty string. */
export const text: Check<string> = textLike(/./s, 'a non-empty string');

const NO_CONTROL_CHARACTERS = /^[\x20-\x7e\x80-\u{10ffff}]*$/u;

/** What's wrong with an id or a secret that has a control character, most often because it's from a file. */
export function describeControlCharacter(given: string): string | undefined {
  if (NO_CONTROL_CHARACTERS.test(given)) return undefined;
  return /[\r\n]$/.test(given) ? 'ends with a line break' : 'has a control character';
}

/**
 * A non-empty string without control characters. RFC 6749 A.1 and A.2 allow only ASCII in ids and secrets,
 * but some servers allow more.
 */
export const idOrSecret: Check<string> = (given, path) => {
  const checked = text(given, path);
  const problem = describeControlCharacter(checked);
  if (problem !== undefined) throw badOption(path, problem);
  return checked;
};

/** A check of identifiers that also refuses control characters: with one, none would equal any token's. */
export function identifiers(check: Check<readonly string[]>): Check<readonly string[]> {
  return (given, path) => {
    const checked = check(given, path);
    for (const [index, one] of checked.entries())
      idOrSecret(one, Array.isArray(given) ? `${path}[${index}]` : path);
    return checked;
  };
}

/** A list of at least one non-empty string. */
export function texts(given: unknown, path: string): readonly string[] {
  return textList(given, path, 'a list of at least one non-empty string');
}

/** A non-empty string, or a list of at least one; `takes` says so in the message. */
export function textOrTexts(
  given: unknown,
  path: string,
  takes = 'a non-empty string, or a list of at least one',
): readonly string[] {
  if (typeof given === 'string' && given !== '') return [given];
  return textList(given, path, takes);
}

/** A list of at least one non-empty string; `takes` says so in the message. */
export function textList(given: unknown, path: string, takes: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  // Array.from, because `every` would skip the gaps of a sparse list.
  if (list.length === 0 || !Array.from(list).every((value) => typeof value === 'string' && value !== ''))
    throw optionError(path, takes, given);
  return list as readonly string[]; // the line above checked every element
}

/** A function. What it returns is checked when it's called. */
export function callable<T extends (...args: never[]) => unknown>(given: unknown, path: string): T {
  if (typeof given === 'function') return given as T; // its signature can't be seen, only kept to
  throw optionError(path, 'a function', given);
}

/** A number, ends included. */
export function numberBetween(least: number, most: number): Check<number> {
  return (given, path) => {
    if (typeof given === 'number' && given >= least && given <= most) return given;
    const got = typeof given === 'number' ? given : typeName(given);
    throw badOption(path, `takes a number from ${least} to ${most}, got ${got}`);
  };
}

/** A whole number, ends included. */
export function wholeNumberBetween(least: number, most: number): Check<number> {
  const check = numberBetween(least, most);
  return (given, path) => {
    const number = check(given, path);
    if (!Number.isInteger(number)) throw optionError(path, 'a whole number', given);
    return number;
  };
}

/** One of these words. */
export function oneOf<T extends string>(known: readonly T[]): Check<T> {
  return (given, path) => {
    const chosen = known.find((value) => value === given);
    if (chosen !== undefined) return chosen;
    const takes = known.map((value) => `'${value}'`).join(' or ');
    throw badOption(path, `takes ${takes}, got ${quoteWord(given, known) ?? describeGiven(given)}`);
  };
}

/** A list of at least one of these words. */
export function someOf<T extends string>(known: readonly T[]): Check<readonly T[]> {
  return (given, path) => {
    const isKnown = (value: unknown): value is T => known.some((one) => one === value);
    if (Array.isArray(given) && given.length > 0 && given.every(isKnown)) return [...given];
    const wrong: unknown = Array.isArray(given) ? given.find((value) => !isKnown(value)) : undefined;
    const word = isKnown(given) ? `"${given}"; did you mean ["${given}"]?` : quoteWord(wrong, known);
    const got = word ?? describeGiven(given);
    throw badOption(path, `takes a list of at least one of ${known.join(', ')}, got ${got}`);
  };
}

/** Algorithm names that JOSE knows. They can't be mistaken for a secret. */
const ALGORITHM =
  /^(?:none|(?:HS|RS|PS|ES)\d{3}K?|RSA-OAEP(?:-\d{3})?|ML-DSA-\d{2}|A\d{3}(?:KW|GCM(?:KW)?))$/i;

/** A wrong word with what was probably meant; undefined if it might not be a word at all. */
function quoteWord(given: unknown, known: readonly string[]): string | undefined {
  if (typeof given !== 'string') return undefined;
  const meant = suggest(given, known);
  if (meant !== '') return `${quote(given)}; ${meant}`;
  return ALGORITHM.test(given) ? quote(given) : undefined;
}
