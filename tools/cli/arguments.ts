import { type ParseArgsConfig, parseArgs } from 'node:util';
import { closestTo, isScopeToken } from '../core.js';
import { UsageError } from './command.js';

/** The options of a command, by their names without `--`. */
type Flags = NonNullable<ParseArgsConfig['options']>;

/** What can be an option's name. Anything else could be a misplaced secret. */
const NAME = /^-{1,2}[a-z][a-z-]{0,30}$/i;

/** A command line, as {@link parseCommandLine} reads it. */
export interface CommandLine<F extends Flags> {
  readonly values: { readonly [name in keyof F]?: FlagValue<F[name]> };
  readonly positionals: readonly string[];
}

type FlagValue<F extends Flags[string]> = F extends { multiple: true }
  ? readonly string[]
  : F extends { type: 'boolean' }
    ? boolean
    : string;

/**
 * Reads the arguments of a command: `--name value`, `--name=value`, and the rest in order. Messages never
 * quote an option's value, because it may be a secret.
 *
 * @throws {UsageError} an option is unknown, is repeated, lacks its value or has one too many
 */
export function parseCommandLine<const F extends Flags>(args: readonly string[], flags: F): CommandLine<F> {
  const { tokens } = parseArgs({ args: [...args], options: flags, strict: false, tokens: true });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) throw unknownOption(rawName, Object.keys(flags));
    if (flag.type === 'boolean' && value !== undefined) throw new UsageError(`${rawName} takes no value`);
    // `--issuer --json`: more likely a forgotten value than a value. `-` alone is standard input.
    const isLikeOption = value !== undefined && !token.inlineValue && /^-./.test(value);
    if (flag.type === 'string' && (value === undefined || isLikeOption)) {
      const hint = isLikeOption ? `; if the value begins with -, write ${rawName}=<value>` : '';
      throw new UsageError(`${rawName} needs a value${hint}`);
    }
    if (flag.multiple !== true && seen.has(name)) throw new UsageError(`${rawName} is given twice`);
    seen.add(name);
  }
  const { values, positionals } = parseArgs({ args: [...args], options: flags, strict: false });
  // `as`: the loop has checked that each value is of its flag's type.
  return { values: values as CommandLine<F>['values'], positionals };
}

function unknownOption(rawName: string, known: readonly string[]): UsageError {
  const named = NAME.test(rawName) ? ` ${rawName}` : '';
  const meant = closestTo(rawName.replace(/^-+/, ''), known);
  const all = known.map((name) => `--${name}`).join(', ');
  const help = meant === undefined ? `known are ${all}` : `did you mean --${meant}?`;
  return new UsageError(`unknown option${named}; ${help}`);
}

/** The value of an option as a number. @throws {UsageError} it isn't one */
export function readNumber(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+(?:\.\d+)?$/.test(value)) throw new UsageError(`--${name} takes a number`);
  return Number(value);
}

/**
 * The scopes of repeated `--scope`, each of which may contain several.
 *
 * @throws {UsageError} something that can't be a scope (RFC 6749 §3.3)
 */
export function readScopes(given: readonly string[] = []): readonly string[] {
  const scopes = splitScopes(given.join(' '));
  if (!scopes.every(isScopeToken))
    throw new UsageError('--scope takes scopes without quotes and backslashes (RFC 6749, section 3.3)');
  return [...new Set(scopes)];
}

/**
 * The values of a repeated option that takes `name=value`, by name.
 *
 * @throws {UsageError} one without a name or without `=`, or a name that's given twice
 */
export function readPairs(given: readonly string[] = [], flag: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const text of given) {
    const end = text.indexOf('=');
    const name = text.slice(0, end);
    if (end < 1) throw new UsageError(`--${flag} takes name=value`);
    if (pairs.has(name)) throw new UsageError(`--${flag} names a ${flag} twice`);
    pairs.set(name, text.slice(end + 1));
  }
  return pairs;
}

/** `"read:inventory write:orders"` → both. */
export function splitScopes(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}
