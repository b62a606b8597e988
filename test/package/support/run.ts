import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';

/** Where and how long a child process may run. */
export interface RunOptions {
  readonly cwd: string;
  /** Environment variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this time the process is killed and the run counts as failed. Default one minute. */
  readonly timeoutSeconds?: number;
}

/** What a process that ended with code 0 wrote. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the Node.js that runs this test. Rejects with everything the process wrote when it fails. */
export async function runNode(args: readonly string[], options: RunOptions): Promise<Output> {
  return run(process.execPath, args, options);
}

/** Runs npm, and by it the scripts of a package, with the Node.js that runs this test. */
export async function runNpm(args: readonly string[], options: RunOptions): Promise<Output> {
  return run('npm', args, options);
}

/** Installs what the manifest of a folder names, and these packages beside it. */
export async function npmInstall(folder: string, ...packages: readonly string[]): Promise<void> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  await runNpm(['install', ...flags, ...packages], { cwd: folder, timeoutSeconds: 180 });
}

function run(
  file: string,
  args: readonly string[],
  { cwd, env, timeoutSeconds = 60 }: RunOptions,
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...environment(), ...env }, timeout: timeoutSeconds * 1000 };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ stdout, stderr });
        return;
      }
      const end = error.killed ? `was killed after ${timeoutSeconds} s` : `ended with ${error.code}`;
      reject(new Error(`${[file, ...args].join(' ')} ${end}\n${stdout}\n${stderr}`));
    });
  });
}

/** As a user's shell has it: nothing of vitest, and `node` is the one that runs this test. */
export function environment(): NodeJS.ProcessEnv {
  const foreign = /^(NODE_ENV|NODE_OPTIONS|NODE_V8_COVERAGE|FORCE_COLOR|VITEST.*|TEST|DEV|PROD|MODE|SSR)$/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  return {
    ...Object.fromEntries(own),
    PATH: path,
    NO_COLOR: '1',
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
  };
}
