import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { npmInstall, runNpm } from './run.js';

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

/** Packs the package, and installs the tools of the applications, once for all tests. */
export default async function pack(project: TestProject): Promise<() => Promise<void>> {
  const workFolder = await realpath(await mkdtemp(join(tmpdir(), 'oauth-resource-server-')));
  const remove = (): Promise<void> => rm(workFolder, { recursive: true, force: true });
  try {
    await cp(join(checkout, 'test/package/apps/package.json'), join(workFolder, 'package.json'));
    const [tarball] = await Promise.all([packTo(workFolder), npmInstall(workFolder)]);
    project.provide('workFolder', workFolder);
    project.provide('tarball', tarball);
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}

/**
 * `npm run check` has just built `dist`. Otherwise a copy is built: somebody may be using `dist` of the
 * checkout.
 */
async function packTo(folder: string): Promise<string> {
  return process.env.PACK_DIST === undefined ? buildAndPack(folder) : npmPack(checkout, folder);
}

/** Builds a copy of the checkout in a folder, and packs it there. Returns the tarball. */
export async function buildAndPack(folder: string): Promise<string> {
  return npmPack(await buildCopy(join(folder, 'checkout')), folder);
}

async function npmPack(built: string, folder: string): Promise<string> {
  const { stdout } = await runNpm(['pack', '--silent', '--pack-destination', folder], { cwd: built });
  return join(folder, stdout.trim());
}

async function buildCopy(copy: string): Promise<string> {
  await cp(checkout, copy, { recursive: true, filter: (source) => !NOT_COPIED.has(basename(source)) });
  await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'), 'dir');
  await runNpm(['run', 'build'], { cwd: copy });
  return copy;
}
