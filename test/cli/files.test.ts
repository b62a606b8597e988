import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTextFile } from '../../tools/json-file.js';
import { run } from './run-program.js';

const ISSUER = 'https://auth.example.com';
/** Each option that names a file, at the end of a command line. */
const COMMANDS: readonly (readonly string[])[] = [
  ['explain', 'a.b.c', '--issuer', ISSUER, '--audience', 'a', '--jwks'],
  ['explain', 'a', '--issuer', ISSUER, '--audience', 'a', '--introspection-client', 'a', '--client-key'],
  ['check', ISSUER, '--introspection-client', 'a', '--client-key'],
  ['token', '--issuer', ISSUER, '--audience', 'a', '--keys'],
  ['dev-issuer', '--port', '0', '--keys'],
  ['dev-issuer', '--port', '0', '--config'],
  ['dev-issuer', '--port', '0', '--tls-cert', 'none.pem', '--tls-key'],
  ['dev-issuer', '--port', '0', '--tls-key', 'none.pem', '--tls-cert'],
];

let folder: string;
let pipe: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
  pipe = join(folder, 'pipe');
  if (process.platform !== 'win32') execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
  return () => rm(folder, { recursive: true });
});

describe.each(COMMANDS)('%s', (...words) => {
  const args = words.filter((word) => word !== undefined);
  const fetch = () => Promise.reject(new Error('somebody was asked'));
  const isMadeIfMissing = args.join(' ').startsWith('dev-issuer --port 0 --keys');
  const hasTwoFiles = args.includes('none.pem');

  it.skipIf(isMadeIfMissing)('ends with 1 for a file that is missing, and names it', async () => {
    const file = join(folder, 'none.pem');
    const { exitCode, stdout, stderr } = await run([...args, file], { fetch });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^oauth-resource-server: .*none\.pem(?: cannot be read)?: there is no such file/);
  });

  it.skipIf(hasTwoFiles)('ends with 1 for what is no regular file, at once', async () => {
    for (const file of [folder, pipe, '/dev/zero'].filter(existsSync)) {
      const { exitCode, stdout, stderr } = await run([...args, file], { fetch });
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toBe(`oauth-resource-server: ${file} cannot be read: it is not a regular file`);
    }
  });

  it.skipIf(hasTwoFiles)('repeats no content that is in the place of a name', async () => {
    for (const content of ['-----BEGIN PRIVATE KEY-----\ncanary\n', '{"d":"canary"}', 'eyJjYW5hcnki.e30.x']) {
      const { exitCode, stderr } = await run([...args.slice(0, -1), `${args.at(-1)}=${content}`], { fetch });
      expect(exitCode).toBe(1);
      expect(stderr).toContain('give the name of a file');
      expect(stderr).not.toMatch(/canary|eyJ/);
    }
  });
});

it.skipIf(process.getuid?.() === 0)('a file that may not be read is named', async () => {
  const file = join(folder, 'closed.json');
  await writeFile(file, '{}');
  await chmod(file, 0);
  await expect(readTextFile(file)).rejects.toThrow(`${file} cannot be read: EACCES`);
});

it('at most 1 MiB of a file is read, whatever size it says it has', async () => {
  const file = join(folder, 'large.json');
  await writeFile(file, Buffer.alloc(1_048_576, ' '));
  expect(await readTextFile(file)).toHaveLength(1_048_576);
  await writeFile(file, Buffer.alloc(1_048_577, ' '));
  await expect(readTextFile(file)).rejects.toThrow(`${file} is larger than 1 MiB`);
  // Says that it has 0 bytes.
  if (existsSync('/proc/kallsyms'))
    await expect(readTextFile('/proc/kallsyms')).rejects.toThrow('is larger than 1 MiB');
});
