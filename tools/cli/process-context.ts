import type { CommandContext } from './command.js';
import { Interruption } from './program.js';

/** What a command's outside is when it runs as a process. Ctrl-C asks it to end; a second one ends it. */
export function createProcessContext(process: NodeJS.Process): CommandContext {
  const controller = new AbortController();
  const interrupt = (exitCode: number): void => controller.abort(new Interruption(exitCode));
  // 128 and the number of the signal, as shells report it.
  process.once('SIGINT', () => interrupt(130));
  process.once('SIGTERM', () => interrupt(143));
  const printTo = (stream: NodeJS.WriteStream): ((line: string) => void) => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Nobody reads any more, as behind `| head -1`: the same as SIGPIPE, which Node ignores.
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
