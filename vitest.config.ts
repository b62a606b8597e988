import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { requirements } from './test/support/requirements.js';
import { isFullSize } from './test/support/size.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Examples import this package by its name; tests run them against the sources, without a build. */
export const self = [
  { find: /^oauth-resource-server$/, replacement: path('src/index.ts') },
  { find: /^oauth-resource-server\/(client|opentelemetry|redis)$/, replacement: path('src/$1/index.ts') },
  {
    find: /^oauth-resource-server\/(express|fastify|fetch|grpc|hono|mcp|nestjs|testing|websocket)$/,
    replacement: path('adapters/$1/index.ts'),
  },
  { find: 'oauth-resource-server/adapter', replacement: path('adapters/kit/index.ts') },
  { find: 'oauth-resource-server/express/types', replacement: path('adapters/express/types.ts') },
  { find: /^@\/lib\//, replacement: path('examples/nextjs/lib/') },
  // As Node resolves it: GraphQL takes no schema of another copy of itself.
  { find: /^graphql$/, replacement: path('node_modules/graphql/index.js') },
];
const nest11 = {
  find: /^@nestjs\/(common|core|platform-express|platform-fastify|testing)$/,
  replacement: path('test/support/nest-11/node_modules/@nestjs/$1'),
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    // A test with another tag fails.
    tags: requirements.map(({ id }) => ({ name: id })),
    maxWorkers: availableParallelism(),
    execArgv: ['--disable-warning=OAUTH_RESOURCE_SERVER'], // tests refuse tokens on purpose
    testTimeout: 30_000, // no test waits that long: it's for machines with other work
    projects: [
      {
        extends: true,
        resolve: { alias: self },
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/package/**', '**/node_modules/**'],
          isolate: false, // a process per file costs more than most files
        },
      },
      {
        extends: true,
        resolve: { alias: [...self, nest11] },
        test: {
          name: 'nest-11',
          env: { HARNESSES: 'nestjs' },
          isolate: false,
          // There is no second copy of Nest's packages for these.
          exclude: ['test/adapters/nestjs-{gateways,graphql,microservices}.test.ts'],
          include: [
            'test/http/contract.test.ts',
            'test/http/resource-metadata.test.ts',
            'test/adapters/nestjs*.test.ts',
            'test/prove/prove.test.ts',
            ...(isFullSize ? ['test/demo/demo.test.ts'] : []),
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: 'test/package/support/pack.ts',
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
