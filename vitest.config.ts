import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const nest11 = (name: string): string =>
  fileURLToPath(new URL(`test/support/nest-11/node_modules/${name}`, import.meta.url));

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'node', include: ['test/**/*.test.ts'], exclude: ['test/package/**'] },
      },
      {
        extends: true,
        test: { name: 'nest-11', include: ['test/http/contract.test.ts', 'test/adapters/nestjs*.test.ts'] },
        resolve: {
          alias: {
            '@nestjs/common': nest11('@nestjs/common'),
            '@nestjs/core': nest11('@nestjs/core'),
            '@nestjs/platform-express': nest11('@nestjs/platform-express'),
            '@nestjs/platform-fastify': nest11('@nestjs/platform-fastify'),
          },
        },
      },
      {
        extends: true,
        test: { name: 'package', include: ['test/package/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 240_000 },
      },
    ],
  },
});
