import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { bundleServer } from '../runtimes/bundle.js';

it('imports nothing into a Worker that older compatibility dates lack', async () => {
  const bundle = await readFile(await bundleServer('edge-workerd'), 'utf8');
  const imported = [...bundle.matchAll(/^import .*?"(node:[a-z_/]+)";$/gm)].map(([, name]) => name);
  const available = ['async_hooks', 'buffer', 'crypto', 'diagnostics_channel', 'events', 'net', 'util'];
  expect(new Set(imported)).toEqual(new Set(available.map((name) => `node:${name}`)));
});
