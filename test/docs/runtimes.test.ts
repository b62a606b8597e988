import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { adapterContract } from '../../src/testing/index.js';
import { bundleServer } from '../runtimes/bundle.js';
import { generatedPart, matrix, readResults } from '../runtimes/results.js';

const page = new URL('../../docs/runtimes.md', import.meta.url);
const kilobytes = (bytes: number): number => Math.round(bytes / 1000);

it('has the matrix of the last run of the contract on all runtimes', () => {
  expect(generatedPart()).toBe(matrix(readResults()));
});

it('counts every row of the contract that there is now, and none that failed', async () => {
  const { tests, close } = await adapterContract(() => Promise.reject(new Error('nothing is run here')));
  await close();
  const rows = readResults().map(({ runtime, framework, passed, failed, leftOut }) => ({
    place: `${framework} on ${runtime}`,
    rows: passed + leftOut.length,
    failed,
  }));
  expect(rows.length).toBeGreaterThan(30);
  // If rows were added: npm run test:runtimes
  expect(rows.filter(({ rows, failed }) => rows !== tests.length || failed > 0)).toEqual([]);
});

it('says how large the bundle of a Worker is, which is not more than it may be', async () => {
  const bundle = await readFile(await bundleServer('size-workerd', true));
  const [plain, zipped] = [kilobytes(bundle.length), kilobytes(gzipSync(bundle).length)];
  expect(plain).toBeLessThan(150);
  expect(zipped).toBeLessThan(54);
  const [, said = '', saidZipped = ''] =
    /<!-- size -->(\d+) kB minified, (\d+) kB gzipped<!-- \/size -->/.exec(await readFile(page, 'utf8')) ??
    [];
  // To a tenth: what changes less isn't worth a word.
  expect(Math.abs(Number(said) - plain)).toBeLessThan(plain / 10);
  expect(Math.abs(Number(saidZipped) - zipped)).toBeLessThan(zipped / 10);
});
