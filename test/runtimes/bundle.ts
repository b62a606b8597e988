import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Inside the checkout, so that the bundles find the frameworks. Git ignores it. */
const OUT = `${root}node_modules/.cache/runtimes`;

/**
 * Bundles an entry of `servers/` from the sources. Frameworks stay outside, but not for Workers.
 *
 * @returns the path of the bundle
 */
export async function bundleServer(entry: string, minify = false): Promise<string> {
  const isWorker = entry.endsWith('-workerd');
  const outDir = `${OUT}/${entry}`;
  await build({
    configFile: false,
    logLevel: 'error',
    root,
    ...(isWorker && { resolve: { conditions: ['workerd', 'worker', 'import', 'module', 'default'] } }),
    ssr: isWorker ? { noExternal: true, target: 'webworker' } : {},
    build: {
      ssr: `test/runtimes/servers/${entry}.ts`,
      outDir,
      emptyOutDir: true,
      minify,
      target: 'es2022',
      rolldownOptions: {
        ...(isWorker && { external: /^(?:node|cloudflare):/ }),
        output: { entryFileNames: 'server.mjs', codeSplitting: false },
      },
    },
  });
  return `${outDir}/server.mjs`;
}
