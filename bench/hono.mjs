import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { contestantsOf } from './contestants/index.mjs';
import { faultOf, UNREAD } from './http.mjs';
import { GENERATOR, sendLoad } from './load/load.mjs';
import { inRounds, medianOver } from './rounds.mjs';
import { mintMany } from './tokens.mjs';

const ALGORITHM = 'ES256';
/** hono/jwk takes no other type: `at+jwt`, as RFC 9068 has it, is refused. */
const HEADER = { typ: 'JWT' };
const TOKENS = 64;
const WORKER = fileURLToPath(new URL('workers/serve-hono.mjs', import.meta.url));
const program = (name) => fileURLToPath(new URL(`node_modules/.bin/${name}`, import.meta.url));

/** How each runtime is started. */
const RUNTIMES = {
  Node: [process.execPath],
  Bun: [program('bun'), 'run'],
  Deno: [program('deno'), 'run', '--allow-all', '--quiet'],
};

/**
 * Throughput and CPU of a route on Hono with known tokens, on each runtime that is installed. Each server has a process of its own; within a runtime
 * they take turns. No connection brings the same token twice.
 *
 * @returns {{ generator: string, missing: string[], rows: object[], faults: object[] }} a row per runtime and contestant
 */
export async function measureHono(issuer, options, say) {
  const measured = { generator: GENERATOR, missing: [], rows: [], faults: [] };
  for (const [runtime, command] of Object.entries(RUNTIMES)) {
    say(`Hono: ${runtime}`);
    const open = await startServer(command, {}).catch((error) =>
      say(`${runtime} is left out: ${error.message}`),
    );
    if (open === undefined) measured.missing.push(runtime);
    else await measureRuntime({ runtime, command, open }, issuer, options, measured);
  }
  return measured;
}

async function measureRuntime({ runtime, command, open }, issuer, options, { rows, faults }) {
  const servers = [{ name: UNREAD, kind: 'reference', ...open }];
  try {
    for (const contestant of contestantsOf('hono')) {
      const server = await startServer(command, { contestant, trust: issuer.trust });
      servers.push({ ...contestant, ...server });
    }
    const fit = [];
    for (const server of servers) {
      const fault =
        server.kind === 'reference' ? undefined : await faultOf(server, issuer, ALGORITHM, HEADER);
      if (fault === undefined) fit.push(server);
      else
        faults.push({
          framework: `Hono on ${runtime}`,
          contestant: server.name,
          algorithm: ALGORITHM,
          fault,
        });
    }
    const tokens = mintMany(TOKENS, issuer.keys[ALGORITHM], issuer.trust.issuer, {}, HEADER);
    const rounds = await inRounds(options.rounds, fit, async ({ ask, url }) => {
      const before = await ask('cpu');
      const { count, failed, perSecond } = await sendLoad({ url, tokens, seconds: options.httpSeconds });
      return { perSecond, failed, cpuMicros: (Number(await ask('cpu')) - before) / count };
    });
    rows.push(
      ...fit.map(({ name, kind }) => ({ runtime, contestant: name, kind, ...summarise(rounds, name) })),
    );
  } finally {
    for (const { stop } of servers) stop();
  }
}

function summarise(rounds, name) {
  const own = (figure) => medianOver(rounds, (round) => round.get(name)[figure]);
  const toUnread = (figure) =>
    medianOver(rounds, (round) => round.get(name)[figure] / round.get(UNREAD)[figure]);
  return {
    perSecond: own('perSecond'),
    cpuMicros: own('cpuMicros'),
    throughputToUnread: toUnread('perSecond'),
    failed: rounds.reduce((sum, round) => sum + round.get(name).failed, 0),
  };
}

/** Ends when its stdin does, so also with this process. @throws {Error} the runtime is not installed, or does not start */
async function startServer([command, ...args], what) {
  const child = spawn(command, [...args, WORKER, JSON.stringify(what)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
  ended.catch(() => undefined); // also when nobody asks
  child.stdin.on('error', () => undefined); // the same
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (question) => {
    child.stdin.write(`${question}\n`);
    const { value } = await Promise.race([lines.next(), ended]);
    return value;
  };
  const url = `http://127.0.0.1:${await ask('port')}/stock/42`;
  return { ask, url, stop: () => child.stdin.end() };
}
