// Writes a report of each entry's public face to api/: what its declarations export, without prose. A change of the
// public API is then seen in a diff. With --check it only says which reports are out of date. Both read the build.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'api');
const isCheck = process.argv.includes('--check');

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const entries = Object.entries(manifest.exports).flatMap(([path, { types }]) =>
  // express/types exports nothing: it adds to Express's own types, which a report doesn't show.
  types === undefined || path === './express/types'
    ? []
    : [{ name: path.slice(2) || 'index', types: join(ROOT, types), isCore: types.startsWith('./dist/src/') }],
);
const files = entries.map(({ types }) => types);
const silent = { default: { logLevel: 'none' } };
const work = mkdtempSync(join(tmpdir(), 'api-'));

const configs = entries.map(({ name, types, isCore }) =>
  ExtractorConfig.prepare({
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: types,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            module: 'nodenext',
            strict: true,
            skipLibCheck: true,
            types: ['node'],
          },
          files,
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: FOLDER,
        reportTempFolder: work,
        includeForgottenExports: isCore, // those of adapters are the core's, and in its report
      },
      messages: {
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  }),
);

mkdirSync(FOLDER, { recursive: true });
const current = new Set(entries.map(({ name }) => `${name}.api.md`));
const outdated = readdirSync(FOLDER).filter((file) => !current.has(file));
if (!isCheck) for (const file of outdated) rmSync(join(FOLDER, file));
// One program for all of them: a fifth of the time.
const compilerState = CompilerState.create(configs[0], { additionalEntryPoints: files });
for (const config of configs) {
  const messageCallback = (message) => {
    message.handled = message.category !== 'Compiler';
  };
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: !isCheck,
    compilerState,
    messageCallback,
  });
  if (errorCount > 0) throw new Error('the declarations in dist/ have errors');
  if (apiReportChanged) outdated.push(config.reportFilePath.slice(FOLDER.length + 1));
}
rmSync(work, { recursive: true });

if (isCheck && outdated.length > 0) {
  console.error(`api/ is out of date: ${outdated.join(', ')}. Run npm run api, and look at the diff.`);
  process.exitCode = 1;
} else console.log(`api/: ${outdated.length} of ${entries.length} reports changed`);
