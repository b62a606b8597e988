import type {
  AuthorizationServer,
  StartAuthorizationServer,
} from './authorization-servers/authorization-server.js';
import { type Chain, startChain } from './on-behalf/chain.js';
import { killOneAfterTheOther } from './on-behalf/story.js';
import { type Played, summarise, summariseAnswers, summariseOrders } from './summary.js';
import type { Chapter } from './system/chapter.js';
import { playChapters } from './system/chapters.js';
import { formatChapter } from './system/format-chapter.js';
import { type System, startSystem } from './system/system.js';
import type { Row } from './what-opens/check.js';
import { formatTable } from './what-opens/table.js';
import { showWhatOpens } from './what-opens/what-opens.js';

export interface DemoOptions {
  /** Tells of every request, chapter and figure. Default false: tables with a column per framework. */
  readonly verbose?: boolean;
}

/** What happened, for those who look closer than at the printed text. */
export interface DemoResult {
  readonly rows: readonly Row[];
  readonly chapters: readonly Chapter[];
  readonly onBehalf: Chapter;
  /** How many answers and findings were not as they must be. */
  readonly unexpected: number;
}

/**
 * Plays the demo: first which requests an inventory service answers how, then how services, jobs and scripts
 * get along with an authorization server that comes and goes, then how services call on behalf of their
 * callers.
 *
 * @param tell prints a paragraph
 */
export async function runDemo(
  startAuthorizationServer: StartAuthorizationServer,
  tell: (paragraph: string) => void,
  { verbose = false }: DemoOptions = {},
): Promise<DemoResult> {
  const start = performance.now();
  const started = await startAuthorizationServer();
  let kills = 0;
  const authorizationServer: AuthorizationServer = {
    ...started,
    async kill() {
      kills += 1;
      await started.kill();
    },
  };
  const { name, issuer } = authorizationServer;
  try {
    tell(`An inventory service on five frameworks. The authorization server is ${name} at ${issuer}`);
    if (verbose) tell('PART 1  What opens the inventory-service and what does not');
    const rows = await showWhatOpens(authorizationServer);
    tell(verbose ? formatTable(rows) : summariseAnswers(rows));

    if (verbose) tell('PART 2  A system of services');
    const system = await startSystem(authorizationServer);
    const chapters: Chapter[] = [];
    try {
      if (verbose) tell(describe(system));
      for await (const chapter of playChapters(system, authorizationServer)) {
        chapters.push(chapter);
        if (verbose) tell(formatChapter(chapter));
      }
    } finally {
      await system.stop();
    }
    if (!verbose) tell(summariseOrders(chapters));

    if (verbose) tell('PART 3  Calls on behalf of the caller');
    const chain = await startChain(authorizationServer);
    let onBehalf: Chapter;
    try {
      if (verbose) tell(describeChain(chain));
      onBehalf = await killOneAfterTheOther(chain, authorizationServer);
      if (verbose) tell(formatChapter(onBehalf));
    } finally {
      await chain.stop();
    }
    const seconds = (performance.now() - start) / 1000;
    return conclude({ rows, chapters, onBehalf, kills, seconds }, tell, { verbose });
  } finally {
    await started.close();
  }
}

function describe({ pairs }: System): string {
  return [
    '    web-shop ────┬──▶ order-service ────┬──▶ inventory-service',
    '    nightly-job ─┘       stock-report ──┘',
    '',
    ...pairs.map(
      ({ framework, orderServiceUrl, inventoryUrl }) =>
        `    order-service ${orderServiceUrl} ──▶ ${inventoryUrl} inventory-service on ${framework}`,
    ),
  ].join('\n');
}

function describeChain({ orderServiceUrl, inventory, warehouse }: Chain): string {
  return [
    '    web-shop ──▶ order-service ──▶ inventory-service ──▶ warehouse-service',
    '                                        │    ▲              caller: order-service',
    '                                        ▼    │              actor:  inventory-service',
    '                                 authorization server',
    '                                 token of order-service → token for the warehouse',
    '',
    `    order-service ${orderServiceUrl} ──▶ ${inventory.origin} inventory-service on Express 5`,
    `    inventory-service ${inventory.origin} ──▶ ${warehouse.origin} warehouse-service on Fastify 5`,
  ].join('\n');
}

/** Sums up, and counts what was not as it must be. Without `verbose` it shows that in full now. */
export function conclude(
  played: Played,
  tell: (paragraph: string) => void,
  { verbose = false }: DemoOptions = {},
): DemoResult {
  const { rows, chapters, onBehalf } = played;
  const wrongAnswers = rows.filter(({ passed }) => !passed);
  const all = [...chapters, onBehalf];
  const findings = all.flatMap((chapter) => chapter.findings);
  const wrongFindings = findings.filter(({ holds }) => !holds);
  if (!verbose && wrongAnswers.length > 0) tell(formatTable(wrongAnswers));
  for (const chapter of verbose ? [] : all)
    if (chapter.findings.some(({ holds }) => !holds)) tell(formatChapter(chapter));
  tell(summarise(played));
  return { rows, chapters, onBehalf, unexpected: wrongAnswers.length + wrongFindings.length };
}
