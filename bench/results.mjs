import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeSetting } from './machine.mjs';

const FOLDER = new URL('./results/', import.meta.url);

/** The name of the file that holds the figures of one Node version. */
function fileOf(node) {
  return new URL(`node-${majorOf(node)}.json`, FOLDER);
}

export function majorOf(node) {
  return Number(node.split('.')[0]);
}

/**
 * Puts the parts that were measured into the results of this Node version, beside those of earlier runs, and saves them.
 *
 * @returns the results: setting and parts, each part with its date
 */
export function saveResults(parts) {
  const setting = describeSetting();
  const earlier = readResults().find(({ node }) => majorOf(node) === majorOf(setting.node));
  const results = { ...setting, parts: { ...earlier?.parts, ...parts } };
  const json = `${JSON.stringify(results, undefined, 2)}\n`;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(setting.node), json);
  writeFileSync(new URL('latest.json', FOLDER), json);
  return results;
}

/** What was measured so far, the newest Node first. */
export function readResults() {
  return listFolder()
    .filter((name) => name.startsWith('node-'))
    .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')))
    .sort((one, other) => majorOf(other.node) - majorOf(one.node));
}

function listFolder() {
  try {
    return readdirSync(FOLDER);
  } catch {
    return []; // nothing was measured yet
  }
}
