import { fileURLToPath } from 'node:url';

const binary = (path: string): string => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** A runtime that can listen: what starts a bundle there, and the servers that it can run. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  /** The entry of each harness in `servers/`, by the name in the matrix. */
  readonly servers: Readonly<Record<string, string>>;
  /** Rows that can't be shown there, see `leaveOut` of the contract. */
  readonly leaveOut?: Readonly<Record<string, string>>;
}

const frameworks = {
  'Express 5': 'express-5',
  'Express 4': 'express-4',
  Fastify: 'fastify',
  'NestJS on Express': 'nestjs-express',
  'NestJS on Fastify': 'nestjs-fastify',
} as const;

const node = (major: number): Runtime => ({
  name: `Node ${major}`,
  command: [binary(`node-${major}/bin/node`)],
  servers: { ...frameworks, fetch: 'fetch-node' },
});

export const runtimes: readonly Runtime[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  {
    name: 'Bun',
    command: [binary('bun/bin/bun.exe'), 'run'],
    servers: { ...frameworks, fetch: 'fetch-bun' },
  },
  {
    name: 'Deno',
    command: [binary('deno/bin.cjs'), 'run', '--allow-all', '--quiet'],
    servers: { ...frameworks, fetch: 'fetch-deno' },
  },
];

/** Workers, on their own: they have no process that starts servers. */
export const workerd: Runtime = {
  name: 'workerd',
  command: [binary('workerd/bin/workerd')],
  servers: { fetch: 'fetch-workerd' },
};
