import type { Readable } from 'node:stream';

/** A command's access to the outside world. Tests replace it. */
export interface CommandContext {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Prints a line to standard output. */
  print(line: string): void;
  /** Prints a line to standard error. */
  printError(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  /** The time in milliseconds since the epoch. */
  readonly clock: () => number;
  /** Aborted when the user wants the command to end (Ctrl-C). */
  readonly signal: AbortSignal;
}

/** A command of the program: `oauth-resource-server <name> …`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /**
   * @param args what follows the command's name
   * @returns the exit code: 0 for success, 1 for a negative answer. Wrong usage is a {@link UsageError}, an
   *   expected failure a {@link CommandError}
   */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}

/**
 * The command line is wrong. The program prints the message and how to get help, and ends with exit code 2.
 */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** The command failed, as the message tells. The program prints it as it is, and ends with exit code 1. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** A `fetch` that ends with the command. */
export function interruptible(fetch: typeof globalThis.fetch, signal: AbortSignal): typeof globalThis.fetch {
  return (input, init) => {
    const signals = [signal, init?.signal].filter((one) => one instanceof AbortSignal);
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
}
