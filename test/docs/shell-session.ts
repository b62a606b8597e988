import { join } from 'node:path';
import { run } from '../cli/run-program.js';
import { splitWords } from './shell-words.js';

const PROGRAM = 'npx oauth-resource-server';
/** Where the documentation has the development issuer. */
const DOCUMENTED_ISSUER = 'http://127.0.0.1:4400';
const DEFAULT_PORT = '4400';
const ASSIGNMENT = /^(\w+)=\$\((.*)\)$/;
const FILE = /^(?:\.\/)?[\w.-]+\.json$/;

/** A development issuer that runs in the background. */
interface Background {
  /** Where the documentation says that it is. */
  readonly documented: string;
  /** Where it is, on a port that is free. */
  readonly actual: string;
  stop(): Promise<number>;
}

/**
 * Runs the commands of a transcript as a shell would, in this process: variables, pipes, `NAME=$(…)`, `echo
 * $?`. The development issuer goes into the background and takes a free port, which commands and output never
 * show. Files are in a folder of the session.
 */
export class ShellSession {
  readonly #folder: string;
  readonly #variables = new Map<string, string>();
  readonly #background: Background[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the lines that a terminal would show. */
  async enter(line: string): Promise<readonly string[]> {
    if (line.includes(DOCUMENTED_ISSUER) && this.#background.length === 0) await this.#start([], {});
    const assigned = ASSIGNMENT.exec(line);
    if (assigned === null) return this.#toDocumented(await this.#enter(line));
    const [, name = '', command = ''] = assigned;
    const output = await this.#enter(command);
    this.#variables.set(name, output.join('\n'));
    return [];
  }

  /** Ends what runs in the background. Returns its exit codes. */
  end(): Promise<readonly number[]> {
    return Promise.all(this.#background.map(({ stop }) => stop()));
  }

  async #enter(line: string): Promise<readonly string[]> {
    const terminal: string[] = [];
    let input: string | undefined;
    for (const stage of line.split(/ \| (?=npx )/)) {
      if (input !== undefined) terminal.length = 0; // what is piped on is not shown
      const lines = await this.#runStage(stage, input);
      terminal.push(...lines);
      input = lines.join('\n');
    }
    return terminal;
  }

  async #runStage(stage: string, input: string | undefined): Promise<readonly string[]> {
    const words = splitWords(stage, this.#variables);
    if (words[0] === 'echo') return [words.slice(1).join(' ')];
    const start = words.indexOf('npx');
    const settings = words.slice(0, Math.max(start, 0)).map((word) => /^(\w+)=(.*)$/s.exec(word));
    if (start === -1 || words[start + 1] !== PROGRAM.slice(4) || settings.includes(null))
      throw new Error(`not a command of this program: ${stage}`);
    const env = Object.fromEntries(settings.map((match) => [match?.[1] ?? '', match?.[2] ?? '']));
    const args = words.slice(start + 2).map((word) => this.#toActual(word));
    if (args[0] === 'dev-issuer' && !args.includes('--help')) return this.#start(args.slice(1), env);
    const { exitCode, stdout, stderr } = await run(args, { env, input: input ?? '' });
    this.#variables.set('?', String(exitCode));
    return [stdout, stderr].filter((text) => text !== '').flatMap((text) => text.split('\n'));
  }

  /** Starts a development issuer and returns what it prints first. */
  async #start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const port = args.indexOf('--port');
    const documentedPort = (port === -1 ? undefined : args[port + 1]) ?? DEFAULT_PORT;
    const others = port === -1 ? args : args.toSpliced(port, 2);
    const controller = new AbortController();
    const printed: string[] = [];
    const ended = { run: undefined as ReturnType<typeof run> | undefined };
    await new Promise<void>((resolve) => {
      ended.run = run(['dev-issuer', '--port', '0', ...others], {
        env,
        input: '',
        signal: controller.signal,
        onLine: (line) => {
          // All that it has to say at first comes in one turn.
          if (printed.push(line) === 1) setImmediate(resolve);
        },
      });
      void ended.run.then(({ stderr }) => {
        if (printed.length === 0) printed.push(...stderr.split('\n'));
        resolve();
      });
    });
    const [actual] = /http:\/\/[^"\s/]+:\d+/.exec(printed.join('\n')) ?? [];
    if (actual === undefined) return printed;
    this.#background.push({
      documented: actual.replace(/\d+$/, documentedPort),
      actual,
      stop: async () => {
        controller.abort();
        return (await ended.run)?.exitCode ?? 1;
      },
    });
    return printed;
  }

  #toActual(word: string): string {
    const [, option = '', value = word] = /^(--[\w-]+=)(.*)$/s.exec(word) ?? [];
    if (FILE.test(value)) return `${option}${join(this.#folder, value)}`;
    return this.#background.reduce(
      (text, { documented, actual }) => text.replaceAll(documented, actual),
      word,
    );
  }

  #toDocumented(lines: readonly string[]): readonly string[] {
    return lines.map((line) =>
      this.#background
        .reduce((text, { documented, actual }) => text.replaceAll(actual, documented), line)
        .replaceAll(`${this.#folder}/`, ''),
    );
  }
}
