import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { bundleServer } from '../runtimes/bundle.js';

it('imports nothing into a Worker that older compatibility dates lack', async () => {
  const bundle = await readFile(await bundleServer('edge-workerd'), 'utf8');
  const imported = [...bundle.matchAll(/^import .*?"(node:[a-z_/]+)";$/gm)].map(([, name]) => name);
  const available = ['async_hooks', 'buffer', 'crypto', 'diagnostics_channel', 'events', 'net', 'util'];
  expect(new Set(imported)).toEqual(new Set(available.map((name) => `node:${name}`)));
});

it('imports no framework into a bundle with the testing kit', async () => {
  const entry = fileURLToPath(new URL('../../adapters/testing/index.ts', import.meta.url));
  const options = { configFile: false, logLevel: 'error', build: { ssr: entry, write: false } } as const;
  const { output } = (await build(options)) as Rolldown.RolldownOutput; // one build, not watched
  const chunks = output.filter((file) => file.type === 'chunk');
  const imported = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
  const files = chunks.map(({ fileName }) => fileName);
  const packages = imported.filter((name) => !name.startsWith('node:') && !files.includes(name));
  expect(new Set(packages)).toEqual(new Set(['jose', 'oauth4webapi']));
});
