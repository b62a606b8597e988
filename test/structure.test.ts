import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';

/**
 * The layers, from the top. A file may import from its own folder and from the layers below, types included.
 * What shares a line doesn't know its neighbours.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['tools'],
  ['adapters/testing'],
  [
    'adapters/express',
    'adapters/fastify',
    'adapters/nestjs',
    'adapters/fetch',
    'adapters/hono',
    'adapters/mcp',
    'adapters/websocket',
    'adapters/grpc',
  ],
  ['adapters/kit'],
  ['src/client', 'src/opentelemetry', 'src/redis', 'src/testing'],
  ['src/index.ts'],
  ['src/resource-server.ts'],
  ['src/decision-reports.ts'],
  ['src/options'],
  ['src/answer', 'src/verification', 'src/proof'],
  ['src/requirement'],
  ['src/issuer'],
  ['src/request', 'src/token'],
  [
    'src/decision.ts',
    'src/auth.ts',
    'src/mcp-auth-info.ts',
    'src/errors.ts',
    'src/reasons.ts',
    'src/ask-application.ts',
    'src/diagnostics.ts',
    'src/log-refusals.ts',
    'src/refusal-warnings.ts',
  ],
  ['src/terms.ts'],
  ['src/lib'],
];
/** The library's public face, what a promise is, and how options are checked: the same on both sides. */
const FOR_ADAPTERS: readonly string[] = ['src/index.ts', 'src/lib/promise.ts', 'src/lib/check.ts'];
/** What the part of the testing kit that knows frameworks may use. */
const OF_TESTING = /^src\/(?:testing|requirement|lib)\//;
const FRAMEWORKS = /^(?:express|fastify|fastify-plugin|@nestjs\/.*|@fastify\/.*|@grpc\/.*|hono|koa)$/;

const root = new URL('..', import.meta.url).pathname;
const files = ['src', 'adapters', 'tools'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path)),
);
const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]));

/** What a file imports, of ours and of others: `['src/errors.ts']`, `['jose']`. */
function importsOf(path: string): { readonly own: readonly string[]; readonly others: readonly string[] } {
  const code = (sources.get(path) ?? '').replaceAll(/^\s*(?:\*|\/\/|\/\*).*$/gm, '');
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) => name);
  const isOwn = (name: string): boolean => name.startsWith('.');
  const toPath = (name: string) => normalize(join(dirname(path), name)).replace(/\.js$/, '.ts');
  return {
    own: specifiers.filter(isOwn).map(toPath),
    others: specifiers.filter((name) => !isOwn(name)),
  };
}

function layerOf(path: string): { readonly rank: number; readonly part: string } {
  for (const [rank, parts] of LAYERS.entries()) {
    const part = parts.find((one) => path === one || path.startsWith(`${one}/`));
    if (part !== undefined) return { rank, part };
  }
  throw new Error(`${path} is in no layer`);
}

describe('the structure of the sources', () => {
  it('has every file in a layer', () => {
    expect(files.length).toBeGreaterThan(100);
    for (const path of files) layerOf(path);
  });

  it('imports only downwards, types included', () => {
    const upward = files.flatMap((path) => {
      const from = layerOf(path);
      return importsOf(path)
        .own.filter((target) => {
          const to = layerOf(target);
          const isNeighbour = to.rank === from.rank && to.part !== from.part;
          const isLoose =
            from.part.endsWith('.ts') && LAYERS[from.rank]?.every((part) => part.endsWith('.ts'));
          return to.rank < from.rank || (isNeighbour && !isLoose);
        })
        .map((target) => `${path} -> ${target}`);
    });
    expect(upward).toEqual([]);
  });

  it('has no circle of imports, types included', () => {
    const state = new Map<string, 'open' | 'done'>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'open') circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      if (state.has(path)) return;
      state.set(path, 'open');
      for (const target of importsOf(path).own) visit(target, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of files) visit(path, []);
    expect(circles).toEqual([]);
  });

  it('keeps frameworks out of the library, and the library’s inside out of the adapters', () => {
    const wrong = files.flatMap((path) => {
      const { own, others } = importsOf(path);
      const frameworks = path.startsWith('src/') ? others.filter((name) => FRAMEWORKS.test(name)) : [];
      const inside = path.startsWith('adapters/')
        ? own
            .filter((target) => target.startsWith('src/') && !FOR_ADAPTERS.includes(target))
            .filter((target) => !(path.startsWith('adapters/testing/') && OF_TESTING.test(target)))
        : [];
      return [...frameworks, ...inside].map((target) => `${path} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('has lines of at most 110 characters', () => {
    const long = [...sources].flatMap(([path, code]) =>
      code.split('\n').flatMap((line, index) => (line.length > 110 ? [`${path}:${index + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });
});
