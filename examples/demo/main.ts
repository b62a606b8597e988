import { runDemo } from './story.js';
import { formatTable } from './table.js';

const rows = await runDemo();
const unexpected = rows.filter((row) => !row.passed).length;
console.log(formatTable(rows));
console.log(`\n${rows.length} requests, ${unexpected} with an unexpected answer`);
if (unexpected > 0) process.exitCode = 1;
