import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { buildAndPack } from './support/pack.js';

it('is the same to the byte when it is built and packed again, in another folder', async () => {
  const folder = join(inject('workFolder'), 'built again');
  await mkdir(folder);
  expect(await digest(await buildAndPack(folder))).toBe(await digest(inject('tarball')));
});

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
