import { startChild } from './children.mjs';
import { contestantsOf } from './contestants/index.mjs';
import { FRAMEWORKS, UNREAD } from './http.mjs';
import { sendLoad } from './load/load.mjs';
import { warmPool } from './pools.mjs';
import { inRounds, medianOver } from './rounds.mjs';

const ALGORITHM = 'ES256';
const PRODUCT = 'oauth-resource-server';

/**
 * Where the time of a request goes that brings a known token, and of one to the route that leaves it unread: a profile of each server under load.
 *
 * @returns {{ rows: object[] }} a row per framework and server
 */
export async function measureGlue(issuer, { rounds: count, glueSeconds }, say) {
  const tokens = warmPool(issuer, ALGORITHM);
  const rows = [];
  for (const framework of Object.keys(FRAMEWORKS)) {
    say(`glue: ${FRAMEWORKS[framework]}`);
    const product = contestantsOf(framework).find(({ name }) => name === PRODUCT);
    const servers = [
      await startServer(UNREAD, { framework }),
      await startServer(PRODUCT, { framework, contestant: product, trust: issuer.trust }),
    ];
    try {
      const rounds = await inRounds(count, servers, async ({ child, url }) => {
        await child.ask('begin');
        const { count: requests } = await sendLoad({ url, tokens, seconds: glueSeconds });
        return perRequest(await child.ask('end'), requests);
      });
      rows.push(...servers.map(({ name }) => ({ framework, contestant: name, ...medians(rounds, name) })));
    } finally {
      await Promise.all(servers.map(({ child }) => child.stop()));
    }
  }
  return { rows };
}

async function startServer(name, what) {
  const child = startChild('./workers/profile.mjs');
  const { port } = await child.ask('start', what);
  return { name, child, url: `http://127.0.0.1:${port}/stock/42` };
}

function perRequest(micros, requests) {
  return Object.fromEntries(Object.entries(micros).map(([place, value]) => [place, value / requests]));
}

function medians(rounds, name) {
  const places = Object.keys(rounds[0].get(name));
  return Object.fromEntries(
    places.map((place) => [place, medianOver(rounds, (round) => round.get(name)[place])]),
  );
}
