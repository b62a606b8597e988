import { fileURLToPath } from 'node:url';

const binary = (path: string): string => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** A runtime that can listen: what starts a bundle there, and the servers that it can run. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  /** The entry of each harness in `servers/`, by the name in the matrix. */
  readonly servers: Readonly<Record<string, string>>;
  /** Rows that can't be shown there, by framework, see `leaveOut` of the contract. */
  readonly leaveOut?: Readonly<Record<string, Readonly<Record<string, string>>>>;
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
  servers: { ...frameworks, fetch: 'fetch-node', Hono: 'hono-node' },
});

/** Rows about a target in absolute form (RFC 9112 §3.2.2), which clients send to proxies only. */
const absoluteForm = (why: string): Readonly<Record<string, string>> => ({
  'goes by the host of a target in absolute form, not by Host': why,
  'refuses a proof for Host if the target in absolute form names another host': why,
});
const hidesAbsoluteForm = absoluteForm(
  'the server shows a target in absolute form under the host of the field Host',
);
const refusesAbsoluteForm = absoluteForm('Fastify answers 400 to a target in absolute form there');

const UNKNOWN_PEER =
  "a Worker doesn't learn who connects to it, so it trusts no proxy and refuses these tokens";

const IN_WORKERS: Readonly<Record<string, string>> = {
  ...hidesAbsoluteForm,
  'accepts the certificate that the token is bound to, and keeps the answer out of shared caches':
    UNKNOWN_PEER,
  'reads the header in the form of the configured proxy': UNKNOWN_PEER,
  'refuses another certificate': UNKNOWN_PEER,
  'refuses two header lines': UNKNOWN_PEER,
  'refuses two header lines, the first with another certificate': UNKNOWN_PEER,
  'refuses a list of certificates': UNKNOWN_PEER,
  "refuses a header that isn't a byte sequence": UNKNOWN_PEER,
  "refuses bytes that aren't a certificate": UNKNOWN_PEER,
  'refuses an empty header': UNKNOWN_PEER,
};

/** Workers. One process has them all. */
export const workerd: Runtime = {
  name: 'workerd',
  command: [binary('workerd/bin/workerd')],
  servers: { fetch: 'fetch-workerd', Hono: 'hono-workerd' },
  leaveOut: { fetch: IN_WORKERS, Hono: IN_WORKERS },
};

export const runtimes: readonly Runtime[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  {
    name: 'Bun',
    command: [binary('bun/bin/bun.exe'), 'run'],
    servers: { ...frameworks, fetch: 'fetch-bun', Hono: 'hono-bun' },
    leaveOut: { fetch: hidesAbsoluteForm, Hono: hidesAbsoluteForm },
  },
  {
    name: 'Deno',
    command: [binary('deno/bin.cjs'), 'run', '--allow-all', '--quiet'],
    servers: { ...frameworks, fetch: 'fetch-deno', Hono: 'hono-deno' },
    leaveOut: { Fastify: refusesAbsoluteForm, 'NestJS on Fastify': refusesAbsoluteForm },
  },
  workerd,
];
