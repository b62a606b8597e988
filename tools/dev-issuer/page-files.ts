import { readFile } from 'node:fs/promises';
import type { Handler } from './http.js';
import type { Route } from './router.js';

const FILES: Readonly<Record<string, readonly [file: string, mediaType: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/elements.js': ['elements.js', 'text/javascript; charset=utf-8'],
  '/theme.css': ['theme.css', 'text/css; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
};

/** What the page may do: run its own script, and talk to its own server. The icon is an empty `data:` URL. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The page and what belongs to it, by path. */
export async function pageRoutes(): Promise<readonly (readonly [path: string, route: Route])[]> {
  return Promise.all(
    Object.entries(FILES).map(async ([path, [file, mediaType]]) => {
      const body = await readFile(new URL(`page/${file}`, import.meta.url));
      return [path, { GET: fileHandler(body, mediaType) }] as const;
    }),
  );
}

function fileHandler(body: Uint8Array, mediaType: string): Handler {
  const headers = {
    'Content-Type': mediaType,
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  };
  return () => ({ status: 200, headers, body });
}
