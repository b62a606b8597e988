import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const tools = fileURLToPath(new URL('../../../tools', import.meta.url));

/** The command line program of this package, built from the sources. */
export interface BuiltProgram {
  /** A module to be run by Node. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Builds the program, so that it can run in a process of its own where there is no `dist`, or an old one. */
export async function buildProgram(): Promise<BuiltProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'program-'));
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: join(tools, 'cli/main.ts'),
      outDir: folder,
      emptyOutDir: true,
      rollupOptions: { output: { entryFileNames: 'program.mjs', chunkFileNames: '[name].mjs' } },
    },
  });
  await cp(join(tools, 'dev-issuer/page'), join(folder, 'page'), { recursive: true });
  return { path: join(folder, 'program.mjs'), remove: () => rm(folder, { recursive: true }) };
}
