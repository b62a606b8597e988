import { measureGlue } from './glue.mjs';
import { judgeGoals } from './goals.mjs';
import { measureGrowth } from './growth.mjs';
import { measureHono } from './hono.mjs';
import { measureHttp } from './http.mjs';
import { measureInProcess } from './in-process.mjs';
import { startIssuer } from './issuer.mjs';
import { readOptions } from './options.mjs';
import { writePage } from './page.mjs';
import {
  faultsTable,
  glueTables,
  goalsTable,
  growthTables,
  honoTables,
  httpTables,
  inProcessTables,
} from './reports.mjs';
import { readResults, saveResults } from './results.mjs';
import { toText } from './tables.mjs';

const TABLES = {
  'in-process': inProcessTables,
  http: httpTables,
  glue: glueTables,
  hono: honoTables,
  growth: growthTables,
};

const options = readOptions();
const measured = await measureAll(options);
const results = saveResults(measured);
for (const [name, part] of Object.entries(measured)) print([...TABLES[name](part), ...faultsOf(part)]);
print([goalsTable([results])]);
if (options.write) writePage(readResults());
if (options.gate && judgeGoals(results.parts).some(({ isMet }) => isMet === false)) process.exitCode = 1;

async function measureAll({ parts, size, rounds }) {
  const issuer = await startIssuer();
  const figures = {};
  try {
    for (const name of parts) {
      const date = new Date().toISOString();
      figures[name] = { date, size, rounds, ...(await measure(name, issuer)) };
    }
  } finally {
    issuer.close();
  }
  return figures;
}

async function measure(name, issuer) {
  if (name === 'in-process') return measureInProcess(issuer, options, say);
  if (name === 'http') return measureHttp(issuer, options, say);
  if (name === 'glue') return measureGlue(issuer, options, say);
  if (name === 'hono') return measureHono(issuer, options, say);
  return { figures: await measureGrowth(issuer, options, say) };
}

function faultsOf({ faults = [] }) {
  return faults.length > 0 ? [faultsTable(faults)] : [];
}

function print(tables) {
  for (const table of tables) console.log(toText(table));
}

/** Progress, apart from the tables. */
function say(text) {
  console.error(text);
}
