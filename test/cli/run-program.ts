import { Readable } from 'node:stream';
import type { CommandContext } from '../../tools/cli/command.js';
import { runProgram } from '../../tools/cli/program.js';

/** What a run of the program wrote, lines joined, and its exit code. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings extends Partial<Omit<CommandContext, 'print' | 'printError'>> {
  /** What is piped in; undefined stands for a terminal, from which nobody reads. */
  readonly input?: string | undefined;
  /** Is told each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs `oauth-resource-server <args>` in this process. */
export async function run(args: readonly string[], surroundings: Surroundings = {}): Promise<Run> {
  const { input, onLine, ...others } = surroundings;
  const stdout: string[] = [];
  const stderr: string[] = [];
  const stdin = Object.assign(Readable.from(input === undefined ? [] : [Buffer.from(input)]), {
    isTTY: input === undefined,
  });
  const exitCode = await runProgram(args, {
    stdin,
    print: (line) => {
      stdout.push(line);
      onLine?.(line);
    },
    printError: (line) => stderr.push(line),
    env: {},
    fetch: (request, init) => globalThis.fetch(request, init),
    clock: Date.now,
    signal: new AbortController().signal,
    ...others,
  });
  return { exitCode, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}
