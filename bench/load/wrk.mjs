import { execFileSync, spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
const CONNECTIONS = 64;
const LONGEST_SECONDS = 4;

let files;
const fileOf = new Map();

/** Whether the program is installed; it is one of Debian's packages. */
export function isInstalled() {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return error.code !== 'ENOENT'; // it prints its version and fails
  }
}

export async function sendLoad({ url, tokens, seconds, once = false }) {
  const wrk = spawn(
    'wrk',
    [
      ...['--threads', '1', '--connections', String(CONNECTIONS)],
      ...['--duration', `${once ? LONGEST_SECONDS : Math.ceil(seconds)}s`],
      ...['--script', SCRIPT, url, '--'],
      ...(tokens === undefined ? [] : [writeTokens(tokens), once ? 'once' : 'again']),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  wrk.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    if (text.includes('answered in')) wrk.kill('SIGINT'); // it sums up what it has
  });
  await event(wrk, 'close');
  const { count, micros, failed } = JSON.parse(output.trim().split('\n').at(-1));
  const [, ownMicros = micros] = /answered in (\d+)/.exec(output) ?? [];
  return { count, failed, perSecond: (count * 1e6) / ownMicros };
}

function writeTokens(tokens) {
  files ??= makeFolder();
  if (!fileOf.has(tokens)) {
    const file = join(files, `${fileOf.size}.txt`);
    writeFileSync(file, `${tokens.join('\n')}\n`);
    fileOf.set(tokens, file);
  }
  return fileOf.get(tokens);
}

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  return folder;
}
