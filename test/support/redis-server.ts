import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis or Valkey server of the test's own, behind a Unix socket. */
export interface RedisServer {
  /** The path of its socket. */
  readonly socket: string;
  /** Starts it again, with nothing in it. */
  start(): Promise<void>;
  /** Breaks every connection at once, as a crash does. */
  crash(): Promise<void>;
  /** Lets it hang: connections stay, and nothing is answered. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** The name of the program, where one is installed. */
export const redisProgram: string | undefined = ['redis-server', 'valkey-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (redisProgram === undefined)
  console.warn('Neither redis-server nor valkey-server is installed: tests with a real one do not run.');

/** Starts a server that keeps everything in memory. */
export async function startRedisServer(program: string): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const socket = join(folder, 'socket');
  let child: ChildProcess | undefined;
  const server: RedisServer = {
    socket,
    async start() {
      child = spawn(program, ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder]);
      await isReady(child);
    },
    async crash() {
      if (child === undefined) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      child = undefined;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await server.crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function isReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface({ input: stdout })) if (/ready to accept/i.test(line)) break;
  stdout.resume(); // a full pipe would stop it
}
