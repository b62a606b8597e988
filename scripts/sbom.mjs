// Prints a software bill of materials (CycloneDX): what `npm install oauth-resource-server` brings, as the lock has it.
// npm's own command refuses this checkout because of peer conflicts among development dependencies. So it gets a lock
// without them, in a folder of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const readJson = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const { name, version, description, license, dependencies } = readJson('package.json');
const { packages, ...lock } = readJson('package-lock.json');
const manifest = { name, version, description, license, dependencies };
const production = Object.entries(packages).filter(
  ([path, { dev, devOptional, optional, peer, link }]) =>
    path.startsWith('node_modules/') && !(dev || devOptional || optional || peer || link),
);

const parent = mkdtempSync(join(tmpdir(), 'sbom-'));
const folder = join(parent, name); // npm takes the name from it
mkdirSync(folder);
try {
  const write = (file, value) => writeFileSync(join(folder, file), JSON.stringify(value));
  write('package.json', manifest);
  write('package-lock.json', { ...lock, packages: { '': manifest, ...Object.fromEntries(production) } });
  const format = ['--sbom-format', 'cyclonedx', '--sbom-type', 'library'];
  const output = execFileSync('npm', ['sbom', '--package-lock-only', ...format], { cwd: folder });
  // Without a random number and the time, the same lock gives the same bytes.
  const { serialNumber, metadata, ...bill } = JSON.parse(output);
  const { timestamp, ...about } = metadata;
  console.log(JSON.stringify({ ...bill, metadata: about }, undefined, 2));
} finally {
  rmSync(parent, { recursive: true });
}
