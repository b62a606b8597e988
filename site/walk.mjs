// Walks the built site as a reader does, in Chromium, on a desk and on a phone: every page, every link and anchor.
// `node walk.mjs [folder for screenshots]`, after the build.
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const DIST = fileURLToPath(new URL('dist', import.meta.url));
const WIDTHS = [1440, 390];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const EXECUTABLES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Looked at in both colour schemes. */
const PICTURED = ['/', '/getting-started', '/options', '/performance', '/requirements', '/api/'];

const screenshots = process.argv[2];
if (screenshots !== undefined) mkdirSync(screenshots, { recursive: true });
const server = createServer(serve);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const executablePath = EXECUTABLES.find((path) => existsSync(path));
const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: ['--no-sandbox'] });
const faults = [];
try {
  const paths = readdirSync(DIST, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.html') && file !== '404.html')
    .map((file) => `/${file.replace(/(?:index)?\.html$/, '')}`);
  const anchors = new Map();
  const links = [];
  for (const width of WIDTHS) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    let path = '';
    page.on('console', (message) => message.type() === 'error' && fault(`console: ${message.text()}`));
    page.on('pageerror', (error) => fault(`exception: ${error.message}`));
    const fault = (text) => faults.push(`${path} at ${width}: ${text}`);
    for (path of paths) {
      await page.goto(origin + path, { waitUntil: 'load' });
      const seen = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        broken: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).length,
        ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
        links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
      }));
      if (seen.overflow > 0) fault(`${seen.overflow} px wider than the window`);
      if (seen.broken > 0) fault(`${seen.broken} images that don't load`);
      anchors.set(path, new Set(seen.ids));
      if (width === WIDTHS[0]) links.push(...seen.links.map((href) => ({ from: path, href })));
      if (screenshots === undefined || !PICTURED.includes(path)) continue;
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        const name = `${path.replaceAll('/', '_')}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(screenshots, name) });
      }
    }
    await page.close();
  }
  for (const { from, href } of links) {
    const { origin: there, pathname, hash } = new URL(href);
    if (there !== origin) continue;
    const ids = anchors.get(pathname) ?? anchors.get(`${pathname}/`);
    if (ids === undefined) faults.push(`${from}: no page ${pathname}`);
    else if (hash !== '' && !ids.has(decodeURIComponent(hash.slice(1))))
      faults.push(`${from}: no ${pathname}${hash}`);
  }
  console.log(`${paths.length} pages, ${links.length} links, ${faults.length} faults`);
  for (const text of [...new Set(faults)].slice(0, 100)) console.log(text);
} finally {
  await browser.close();
  server.close();
}
if (faults.length > 0) process.exitCode = 1;

/** As hosts of static sites do with clean URLs. */
function serve({ url }, response) {
  const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  const file = [path, `${path}.html`, `${path}index.html`, `${path}/index.html`]
    .map((name) => join(DIST, name))
    .find((name) => extname(name) !== '' && existsSync(name));
  response.writeHead(file === undefined ? 404 : 200, {
    'content-type': TYPES[extname(file ?? '')] ?? 'text/plain',
  });
  if (file === undefined) response.end();
  else createReadStream(file).pipe(response);
}
