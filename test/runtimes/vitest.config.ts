import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../../', import.meta.url)),
  test: {
    name: 'runtimes',
    include: ['test/runtimes/*.spec.ts'],
    isolate: false,
    fileParallelism: false, // both write the results
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
