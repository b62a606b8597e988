import { readdirSync, readFileSync } from 'node:fs';
import { slug } from 'github-slugger';
import { defineConfig } from 'vitepress';

const readJson = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { name, description, version } = readJson('../../package.json');
const sections = readJson('../sections.json');
const PAGES = new URL('../pages/', import.meta.url);

export default defineConfig({
  title: name,
  description,
  lang: 'en',
  base: process.env.SITE_BASE ?? '/',
  srcDir: 'pages',
  outDir: 'dist',
  cleanUrls: true,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${process.env.SITE_BASE ?? '/'}icon.svg` }]],
  lastUpdated: false,
  metaChunk: true,
  vite: { build: { chunkSizeWarningLimit: 4000 } }, // the index of the search
  markdown: {
    anchor: { slugify: slug }, // as where the repository is read
    languageAlias: { cjs: 'js' },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  themeConfig: {
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [
      { text: 'Get started', link: '/getting-started' },
      { text: 'Options', link: '/options' },
      { text: 'API', link: '/api/' },
      { text: version, link: '/changelog' },
    ],
    sidebar: {
      '/api/': [{ text: 'API', items: apiPages() }],
      '/': [
        ...sections.map(({ title, pages }) => ({
          text: title,
          items: pages.map((path) => ({ text: titleOf(path), link: `/${path}` })),
        })),
        { text: 'Changelog', link: '/changelog' },
        { text: 'Decisions', link: '/decisions/' },
        { text: 'API', link: '/api/' },
      ],
    },
    docFooter: { prev: 'Previous page', next: 'Next page' },
  },
});

function titleOf(path) {
  return (
    /^# (.*)$/m.exec(readFileSync(new URL(`${path}.md`, PAGES), 'utf8'))?.[1].replaceAll('`', '') ?? path
  );
}

/** The entries of the package, each with its page. */
function apiPages() {
  const files = readdirSync(new URL('api/', PAGES), { recursive: true }).filter((file) =>
    file.endsWith('.md'),
  );
  return files.sort().map((file) => {
    const path = `api/${file.replaceAll('\\', '/').slice(0, -'.md'.length)}`;
    return { text: titleOf(path), link: `/${path.replace(/index$/, '')}` };
  });
}
