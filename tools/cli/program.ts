import { createRequire } from 'node:module';
import { closestTo } from '../core.js';
import { FileError } from '../json-file.js';
import { type Command, type CommandContext, CommandError, UsageError } from './command.js';
import { printable } from './printable.js';

const PROGRAM = 'oauth-resource-server';

/** Loaded on demand: a script that only needs a token doesn't wait for the others. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['check', async () => (await import('./check.js')).check],
  ['explain', async () => (await import('./explain.js')).explain],
  ['dev-issuer', async () => (await import('./dev-issuer.js')).devIssuer],
  ['token', async () => (await import('./token.js')).token],
]);

const HELP_FLAGS: ReadonlySet<string> = new Set(['--help', '-h']);
/** What may be quoted from a command line. Anything else could be a misplaced token. */
const PLAIN_WORD = /^[a-z-]{1,24}$/i;
/** Three parts separated by dots: a JWT. */
const TOKEN_LIKE = /[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g;
const MAX_MESSAGE_LENGTH = 500;

/** The reason of an aborted `CommandContext.signal`: the exit code of a command that didn't end normally. */
export class Interruption extends Error {
  override readonly name: string = 'Interruption';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.exitCode = exitCode;
  }
}

/**
 * Runs `oauth-resource-server <args>`. Never rejects.
 *
 * @param args the command line after the program's name
 * @returns the exit code: the command's own, 0 for help and version, 1 for a failure, 2 for wrong
 *   usage, and for an interrupted command that of its {@link Interruption}
 */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<number> {
  const [first, ...rest] = args;
  try {
    if (first === undefined) {
      context.printError(await overview());
      return 2;
    }
    if (first === 'help') return await help(rest[0], context);
    if (HELP_FLAGS.has(first)) return await help(undefined, context);
    if (first === '--version') {
      context.print(version());
      return 0;
    }
    const command = await load(first);
    if (asksForHelp(rest)) {
      context.print(command.help);
      return 0;
    }
    return await command.run(rest, context);
  } catch (error) {
    return report(error, first, context);
  }
}

async function help(name: string | undefined, context: CommandContext): Promise<number> {
  context.print(name === undefined ? await overview() : (await load(name)).help);
  return 0;
}

async function overview(): Promise<string> {
  const commands = await Promise.all([...COMMANDS.values()].map((loadCommand) => loadCommand()));
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    `Usage: npx ${PROGRAM} <command> [options]`,
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    `Help on a command: npx ${PROGRAM} <command> --help`,
    `The version: npx ${PROGRAM} --version`,
  ].join('\n');
}

/** From the package itself, wherever it was built. */
function version(): string {
  const { version: own } = createRequire(import.meta.url)(`${PROGRAM}/package.json`) as { version: string };
  return own;
}

async function load(name: string): Promise<Command> {
  const loadCommand = COMMANDS.get(name);
  if (loadCommand !== undefined) return loadCommand();
  const what = name.startsWith('-') ? 'option' : 'command';
  const named = PLAIN_WORD.test(name) ? ` ${name}` : '';
  const meant = closestTo(name, [...COMMANDS.keys()]);
  const help =
    meant === undefined ? `known are ${[...COMMANDS.keys()].join(', ')}` : `did you mean ${meant}?`;
  throw new UsageError(`unknown ${what}${named}; ${help}`);
}

/** What follows `--` isn't an option. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).some((arg) => HELP_FLAGS.has(arg));
}

function report(error: unknown, name: string | undefined, context: CommandContext): number {
  if (error instanceof UsageError) {
    context.printError(`${PROGRAM}: ${printable(error.message)}`);
    const command = name !== undefined && COMMANDS.has(name) ? ` ${name}` : '';
    context.printError(`Help: npx ${PROGRAM}${command} --help`);
    return 2;
  }
  const { aborted, reason } = context.signal;
  if (aborted) return reason instanceof Interruption ? reason.exitCode : 130;
  if (error instanceof CommandError || error instanceof FileError) {
    context.printError(`${PROGRAM}: ${printable(error.message)}`);
    return 1;
  }
  const text = error instanceof Error ? error.message || error.name : `unexpected ${typeof error}`;
  const line = printable(withoutTokens(text)).slice(0, MAX_MESSAGE_LENGTH);
  context.printError(`${PROGRAM}: ${line}`);
  // As in the package `debug`: a list of names.
  const isDebugging = (context.env.DEBUG ?? '').split(/[\s,]+/).some((one) => one === PROGRAM || one === '*');
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  if (isDebugging) context.printError(withoutTokens(stack.split('\n').map(printable).join('\n')));
  return 1;
}

/** A last resort: this package's errors contain no tokens, but foreign ones may. */
function withoutTokens(text: string): string {
  return text.replace(TOKEN_LIKE, '[token]');
}
