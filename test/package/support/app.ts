import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { npmInstall, type Output, type RunOptions, runNode, runNpm } from './run.js';

type AppRunOptions = Omit<RunOptions, 'cwd'>;

/** The compilers, as an application finds them. They and Jest are installed once, in the folder above. */
export const TYPESCRIPT_5 = '../node_modules/typescript/bin/tsc';
export const TYPESCRIPT_7 = '../node_modules/typescript-7/bin/tsc';

/** An application of `test/package/apps`, installed outside of the checkout. */
export interface App {
  readonly folder: string;
  /** Runs `node` in the application's folder. */
  node(args: readonly string[], options?: AppRunOptions): Promise<Output>;
  /** Runs a module of the application that writes JSON. */
  result(args: readonly string[], options?: AppRunOptions): Promise<unknown>;
  /** Runs the application's own tests. */
  test(): Promise<Output>;
}

/** Copies an application out of the checkout and installs it, with the packed package, as its users would. */
export async function installApp(name: string): Promise<App> {
  const folder = join(inject('workFolder'), name);
  await cp(fileURLToPath(new URL(`../apps/${name}`, import.meta.url)), folder, { recursive: true });
  await npmInstall(folder, inject('tarball'));

  const node: App['node'] = (args, options) => runNode(args, { ...options, cwd: folder });
  return {
    folder,
    node,
    result: async (args, options) => JSON.parse((await node(args, options)).stdout),
    test: () => runNpm(['test', '--', '--testTimeout=60000'], { cwd: folder, timeoutSeconds: 180 }),
  };
}
