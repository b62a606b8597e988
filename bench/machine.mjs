import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, type } from 'node:os';

/** Where and with what a run is made. */
export function describeSetting() {
  const [cpu] = cpus();
  return {
    node: process.versions.node,
    openssl: process.versions.openssl,
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    system: type(),
    packages: versionsOfPackages(),
  };
}

function versionsOfPackages() {
  const { dependencies } = readJson('./package.json');
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => [name, readJson(`./node_modules/${name}/package.json`).version]),
  );
}

function readJson(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}
