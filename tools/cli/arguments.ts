import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './command.js';
import { closestTo } from './suggestion.js';

/** The options of a command by their names without `--`. */
type Flags = NonNullable<ParseArgsConfig['options']>;

/** What can be the name of an option; anything else could be a secret in the wrong place. */
const NAME = /^-{1,2}[a-z][a-z-]{0,30}$/i;

/** What a command line says, by {@link parseCommandLine}. */
export interface CommandLine<F extends Flags> {
  readonly values: { readonly [name in keyof F]?: ValueOf<F[name]> };
  readonly positionals: readonly string[];
}

type ValueOf<F extends Flags[string]> = F extends { multiple: true }
  ? readonly string[]
  : F extends { type: 'boolean' }
    ? boolean
    : string;

/**
 * Reads the arguments of a command: `--name value`, `--name=value`, and the rest in order. What an option got is never quoted in a message, because it may be a
 * secret.
 *
 * @throws {UsageError} an unknown option, one without its value or with one too many, or one that is there twice
 */
export function parseCommandLine<const F extends Flags>(args: readonly string[], flags: F): CommandLine<F> {
  const { tokens } = parseArgs({ args: [...args], options: flags, strict: false, tokens: true });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) throw new UsageError(unknownOption(rawName, Object.keys(flags)));
    if (flag.type === 'boolean' && value !== undefined) throw new UsageError(`${rawName} takes no value`);
    // `--issuer --json`: an option was forgotten rather than meant as a value. `-` alone is standard input.
    const isMissing = value === undefined || (!token.inlineValue && /^-./.test(value));
    if (flag.type === 'string' && isMissing) throw new UsageError(`${rawName} needs a value`);
    if (flag.multiple !== true && seen.has(name)) throw new UsageError(`${rawName} is there twice`);
    seen.add(name);
  }
  const { values, positionals } = parseArgs({ args: [...args], options: flags, strict: false });
  return { values: values as CommandLine<F>['values'], positionals }; // the loop has seen that each is of its flag's type
}

/**
 * Reads a number that an option got.
 *
 * @throws {UsageError} it is none
 */
export function numberOf(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+(?:\.\d+)?$/.test(value)) throw new UsageError(`--${name} takes a number`);
  return Number(value);
}

function unknownOption(rawName: string, known: readonly string[]): string {
  const named = NAME.test(rawName) ? ` ${rawName}` : '';
  const meant = closestTo(rawName.replace(/^-+/, ''), known);
  const all = known.map((name) => `--${name}`).join(', ');
  return `unknown option${named}; ${meant === undefined ? `known are ${all}` : `did you mean --${meant}?`}`;
}
