// Builds the site: gathers the pages of docs/, has the API reference made of the docstrings, and runs VitePress.
// Every page is also there as Markdown, and llms.txt lists them (https://llmstxt.org).
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';
import { build } from 'vitepress';

const SITE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(SITE);
const PAGES = join(SITE, 'pages');
const DIST = join(SITE, 'dist');
/** Where the repository can be read, if that's known: then links to its files become links to there. */
const REPOSITORY = process.env.SITE_REPOSITORY;

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** The order of the pages. One that isn't there fails the build. */
const sections = JSON.parse(readFileSync(join(SITE, 'sections.json'), 'utf8'));

rmSync(PAGES, { recursive: true, force: true });
cpSync(join(SITE, 'landing'), PAGES, { recursive: true });
cpSync(join(ROOT, 'docs', 'images'), join(PAGES, 'images'), { recursive: true });
const pages = gatherPages();
await documentApi();
await build(SITE);
publishMarkdown();

/** @returns their paths without extension, in docs/ */
function gatherPages() {
  const files = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const found = files.filter((file) => file.endsWith('.md')).map((file) => file.replaceAll('\\', '/'));
  for (const file of found) {
    const text = readFileSync(join(ROOT, 'docs', file), 'utf8');
    write(
      join(PAGES, file === 'README.md' ? 'all.md' : file.replace(/README\.md$/, 'index.md')),
      adapt(text, file),
    );
  }
  // Its links are those of the folder above.
  const changes = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
  const moved = changes.replaceAll(/\]\((?![a-z]+:|docs\/|#)/g, '](../').replaceAll('](docs/', '](');
  write(join(PAGES, 'changelog.md'), adapt(moved, 'changelog.md'));
  const named = new Set(sections.flatMap((section) => section.pages));
  const paths = found.map((file) => file.slice(0, -'.md'.length));
  const forgotten = paths.filter(
    (path) => !path.startsWith('decisions/') && path !== 'README' && !named.has(path),
  );
  const missing = [...named].filter((path) => !paths.includes(path));
  if (forgotten.length + missing.length > 0)
    throw new Error(
      `sections.json lacks ${forgotten.join(', ') || 'nothing'}, and names ${missing.join(', ')}`,
    );
  return paths;
}

/** Links to files of the repository lead there, or become plain text; those to folders' README to their index. */
function adapt(text, file) {
  // VitePress takes a line that begins with <word> for HTML, also inside of code that goes over two lines.
  const joined = text.replaceAll(/(?<!`)`([^`\n]+)\n([^`\n]+)`(?!`)/g, '`$1 $2`');
  return joined.replaceAll(/(?<!!)\[([^\]]*)\]\(([^)\s]+)\)/g, (link, label, target) => {
    if (/^[a-z]+:|^#/.test(target)) return link;
    const path = posix.join('docs', posix.dirname(file), target);
    if (path.startsWith('docs/')) return `[${label}](${target.replace(/README\.md/, 'index.md')})`;
    return REPOSITORY === undefined ? label : `[${label}](${REPOSITORY}/${path})`;
  });
}

/** One page per entry of the package. */
async function documentApi() {
  const entries = Object.entries(manifest.exports).flatMap(([path, { types }]) => {
    if (types === undefined) return [];
    const file = types.replace('./dist/', '').replace('.d.ts', '.ts');
    return [{ name: posix.join(manifest.name, path), file }];
  });
  const application = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    name: manifest.name,
    entryPoints: entries.map(({ file }) => join(ROOT, file)),
    tsconfig: join(SITE, 'tsconfig.json'),
    basePath: ROOT,
    readme: 'none',
    out: join(PAGES, 'api'),
    router: 'module',
    entryFileName: 'index',
    hideBreadcrumbs: true,
    hidePageHeader: true,
    useCodeBlocks: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    sanitizeComments: true,
    logLevel: 'Error',
  });
  const project = await application.convert();
  if (project === undefined) throw new Error('the API reference has errors');
  for (const module of project.children ?? []) {
    const entry = entries.find(({ file }) => [`${module.name}.ts`, `${module.name}/index.ts`].includes(file));
    if (entry !== undefined) module.name = entry.name;
  }
  await application.generateOutputs(project);
  // The plugin counts a parameter or a function as a second heading of the name.
  for (const file of readdirSync(join(PAGES, 'api'), { recursive: true, encoding: 'utf8' })) {
    const path = join(PAGES, 'api', file);
    if (file.endsWith('.md'))
      write(path, readFileSync(path, 'utf8').replaceAll(/(\]\([^)]*#\w+)-1\)/g, '$1)'));
  }
}

/** Each page as Markdown beside its HTML, and what language models look for. */
function publishMarkdown() {
  const lines = [`# ${manifest.name}`, '', `> ${manifest.description}`];
  for (const { title, pages: named } of sections) {
    lines.push('', `## ${title}`, '');
    for (const path of named) lines.push(`- [${titleOf(path)}](/${path}.md)`);
  }
  const others = pages.filter((path) => path.startsWith('decisions/') && !path.endsWith('README'));
  lines.push('', '## Optional', '', ...others.map((path) => `- [${titleOf(path)}](/${path}.md)`));
  write(join(DIST, 'llms.txt'), `${lines.join('\n')}\n`);
  cpSync(join(PAGES, 'images'), join(DIST, 'images'), { recursive: true });
  for (const file of readdirSync(PAGES, { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.md')) write(join(DIST, file), readFileSync(join(PAGES, file), 'utf8'));
}

function titleOf(path) {
  return /^# (.*)$/m.exec(readFileSync(join(PAGES, `${path}.md`), 'utf8'))?.[1] ?? relative('.', path);
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
