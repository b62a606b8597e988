import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { environment } from './run.js';

/** How long a command may take: installations need a minute or two. */
const PATIENCE_MS = 240_000;

/**
 * A shell in a folder, as a reader of the documentation has it: variables and the folder stay from command to
 * command.
 */
export class Terminal {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';
  #arrived: () => void = () => undefined;

  constructor(folder: string, env: Readonly<Record<string, string>> = {}) {
    // In a process group of its own, to end what it started, too.
    this.#shell = spawn('bash', [], {
      cwd: folder,
      env: { ...environment(), ...env },
      stdio: 'pipe',
      detached: true,
    });
    this.#ended = once(this.#shell, 'close').then(() => this.#arrived());
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#arrived();
      });
  }

  /**
   * Runs a command to its end and returns what it printed. Rejects if it fails, as a reader would stop there.
   */
  async run(command: string): Promise<string> {
    const start = this.#output.length;
    // The shell reads its commands where a program would look for answers.
    this.#shell.stdin?.write(`{ ${command}\n} < /dev/null; printf '\\n=> %s\\n' $?\n`);
    const [end, exitCode] = await this.#find(/\n=> (\d+)\n/, start);
    const output = this.#output.slice(start, -end.length);
    if (exitCode !== '0') throw new Error(`${command} ended with ${exitCode}\n${output}`);
    return output;
  }

  /** Starts a command that goes on, and returns once it has printed this. */
  async start(command: string, ready: RegExp): Promise<void> {
    this.#shell.stdin?.write(`${command}\n`);
    await this.#find(ready, 0);
  }

  /** Resolves once something that looks like this was printed. */
  async printed(text: RegExp): Promise<string> {
    return (await this.#find(text, 0))[0];
  }

  /** Ends the shell, with everything that it started. */
  async close(): Promise<void> {
    const { pid, exitCode } = this.#shell;
    if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGTERM');
    await this.#ended;
  }

  async #find(text: RegExp, start: number): Promise<RegExpExecArray> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    patience.addEventListener('abort', () => this.#arrived());
    for (;;) {
      const found = text.exec(this.#output.slice(start));
      if (found !== null) return found;
      if (this.#shell.exitCode !== null || patience.aborted)
        throw new Error(`the terminal never printed ${text}\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
