import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { type Output, type RunOptions, runNode, runNpm } from './run.js';

type AppRunOptions = Omit<RunOptions, 'cwd'>;

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
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  await runNpm(['install', ...flags, inject('tarball')], { cwd: folder, timeoutSeconds: 180 });

  const node: App['node'] = (args, options) => runNode(args, { ...options, cwd: folder });
  return {
    folder,
    node,
    result: async (args, options) => JSON.parse((await node(args, options)).stdout),
    test: () => runNpm(['test'], { cwd: folder }),
  };
}
