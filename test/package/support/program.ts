import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { App } from './app.js';
import { environment } from './run.js';

/** How the program ended, and everything that it wrote. */
interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The package's program, running. */
export interface Program {
  readonly process: ChildProcess;
  /** Resolves when standard output has this text. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Starts the program as npm has installed it. What is not given as input is the end of it. */
export function startProgram(app: App, args: readonly string[], input = ''): Program {
  const file = join(app.folder, 'node_modules/.bin/oauth-resource-server');
  const child = spawn(file, args, { cwd: app.folder, env: environment(), stdio: 'pipe' });
  const written = { stdout: '', stderr: '' };
  const arrived = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      for (const look of arrived) look();
    });
  }
  child.stdin.end(input);
  return {
    process: child,
    printed: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (written.stdout.includes(text)) resolve();
        };
        arrived.add(look);
        look();
      }),
    ended: once(child, 'close').then(([code]) => ({ code, ...written })),
  };
}
