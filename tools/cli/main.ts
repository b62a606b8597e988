#!/usr/bin/env node
import process from 'node:process';
import type { CommandContext } from './command.js';
import { Interruption, runProgram } from './program.js';

/** The outside world of a command that runs as a process. Ctrl-C asks it to end; a second one ends it. */
function createProcessContext(): CommandContext {
  const controller = new AbortController();
  const interrupt = (exitCode: number): void => controller.abort(new Interruption(exitCode));
  // 128 plus the number of the signal, as shells report it.
  process.once('SIGINT', () => interrupt(130));
  process.once('SIGTERM', () => interrupt(143));
  const printTo = (stream: NodeJS.WriteStream): ((line: string) => void) => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader is gone, as with `| head -1`. That's the same as SIGPIPE, which Node ignores.
      if (error.code === 'EPIPE') interrupt(141);
      else throw error;
    });
    return (line) => {
      if (stream.writable) stream.write(`${line}\n`);
    };
  };
  return {
    stdin: process.stdin,
    print: printTo(process.stdout),
    printError: printTo(process.stderr),
    env: process.env,
    fetch: (input, init) => globalThis.fetch(input, init),
    clock: Date.now,
    signal: controller.signal,
  };
}

// Not process.exit: the output must get through a pipe first.
process.exitCode = await runProgram(process.argv.slice(2), createProcessContext());
