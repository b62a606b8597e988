import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

/** What the tests read of a package's manifest. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/** Reads `package.json` of a folder. */
export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** The files in a folder and below, with `/` between folders, in order. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/**
 * What a file of declarations exports, in order: `authenticate` for a value, `type Auth` for what is only a
 * type.
 */
export async function exportedNames(file: string): Promise<readonly string[]> {
  return [...new Set(await exportsOf(file))].sort(byName);
}

async function exportsOf(file: string): Promise<readonly string[]> {
  const declarations = await readFile(file, 'utf8');
  const listed = [...declarations.matchAll(/^export (type )?\{([^}]*)\}/gm)]
    .flatMap(([, type = '', list = '']) => list.split(',').map((item) => `${type}${item.trim()}`))
    .filter((item) => /\w$/.test(item)); // not what is behind the last comma
  const values = [
    ...declarations.matchAll(/^export declare (?:abstract )?(?:const|function|class) (\w+)/gm),
  ].map(([, name = '']) => name);
  const types = [...declarations.matchAll(/^export (?:declare )?(?:interface|type) (\w+)/gm)].map(
    ([, name = '']) => `type ${name}`,
  );
  const passedOn = [...declarations.matchAll(/^export (?:type )?\* from '([^']+)'/gm)].map(([, path = '']) =>
    exportsOf(join(dirname(file), path.replace(/\.js$/, '.d.ts'))),
  );
  return [...listed, ...values, ...types, ...(await Promise.all(passedOn)).flat()].filter(
    // A name that is a value and a type as well.
    (name, _index, all) => !(name.startsWith('type ') && all.includes(name.slice('type '.length))),
  );
}

/** The modules that a package exports, without `package.json`, and where their declarations are. */
export function modulesOf({
  exports,
}: Manifest): readonly { readonly name: string; readonly types: string }[] {
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [{ name: path.replace('.', 'oauth-resource-server'), types: target.types }],
  );
}

function byName(one: string, other: string): number {
  return one.replace('type ', '').localeCompare(other.replace('type ', ''), 'en');
}
