import { createInterface } from 'node:readline';
import { serve } from '../servers/hono.mjs';

/*
 * A server of Hono with one contestant, or with none, on Node, Bun or Deno. Lines on stdin ask it for its port, and for the CPU that it has used;
 * it ends with them.
 */

const { contestant, trust } = JSON.parse(process.argv[2]);
const module = contestant && (await import(`../contestants/${contestant.module}.mjs`));
const port = await serve(module?.hono(trust, contestant.options));

for await (const line of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  console.log(line === 'port' ? port : user + system);
}
process.exit();
