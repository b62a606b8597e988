import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { runNpm } from './run.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder for everything that the tests of the package make; it is removed when they end. */
    workFolder: string;
    /** The packed package. */
    tarball: string;
  }
}

const checkout = fileURLToPath(new URL('../../../', import.meta.url));
const NOT_COPIED = new Set(['node_modules', '.git', 'dist', 'coverage']);

/** Builds and packs the package once for all tests, in a copy: others may be using `dist` of the checkout. */
export default async function pack(project: TestProject): Promise<() => Promise<void>> {
  const workFolder = await realpath(await mkdtemp(join(tmpdir(), 'oauth-resource-server-')));
  const remove = (): Promise<void> => rm(workFolder, { recursive: true, force: true });
  try {
    const copy = join(workFolder, 'checkout');
    await cp(checkout, copy, { recursive: true, filter: (source) => !NOT_COPIED.has(basename(source)) });
    await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'), 'dir');
    await runNpm(['run', 'build'], { cwd: copy });
    const { stdout } = await runNpm(['pack', '--silent', '--pack-destination', workFolder], { cwd: copy });
    project.provide('workFolder', workFolder);
    project.provide('tarball', join(workFolder, stdout.trim()));
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
