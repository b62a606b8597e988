import type { StartAuthorizationServer } from './authorization-servers/authorization-server.js';
import { sum } from './sum.js';
import type { Chapter } from './system/chapter.js';
import { playChapters } from './system/chapters.js';
import { formatChapter } from './system/format-chapter.js';
import { type System, startSystem } from './system/system.js';
import type { Row } from './what-opens/check.js';
import { formatTable } from './what-opens/table.js';
import { showWhatOpens } from './what-opens/what-opens.js';

/** What happened, for those who look closer than at the printed text. */
export interface DemoResult {
  readonly rows: readonly Row[];
  readonly chapters: readonly Chapter[];
  /** How many answers and findings were not as they must be. */
  readonly unexpected: number;
}

/**
 * Plays the demo: first which requests an inventory service answers how, then how services, jobs and scripts get along with an authorization server that
 * comes and goes.
 *
 * @param tell prints a paragraph
 */
export async function runDemo(
  startAuthorizationServer: StartAuthorizationServer,
  tell: (paragraph: string) => void,
): Promise<DemoResult> {
  const authorizationServer = await startAuthorizationServer();
  try {
    tell(`The authorization server is ${authorizationServer.name} at ${authorizationServer.issuer}`);
    tell('PART 1  What opens the inventory-service and what does not');
    const rows = await showWhatOpens(authorizationServer);
    tell(formatTable(rows));

    tell('PART 2  A system of services');
    const system = await startSystem(authorizationServer);
    const chapters: Chapter[] = [];
    try {
      tell(describe(system));
      for await (const chapter of playChapters(system, authorizationServer)) {
        chapters.push(chapter);
        tell(formatChapter(chapter));
      }
    } finally {
      await system.stop();
    }
    return conclude(rows, chapters, tell);
  } finally {
    await authorizationServer.close();
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

/** Sums up, and counts what was not as it must be. */
export function conclude(
  rows: readonly Row[],
  chapters: readonly Chapter[],
  tell: (paragraph: string) => void,
): DemoResult {
  const pairs = chapters.flatMap((chapter) => chapter.rows);
  const findings = chapters.flatMap((chapter) => chapter.findings);
  const placed = sum(pairs.map((pair) => pair.placed));
  const failed = sum(pairs.map((pair) => pair.failures.length));
  const tokens = sum(pairs.map((pair) => pair.tokens));
  const wrongAnswers = rows.filter(({ passed }) => !passed).length;
  const wrongFindings = findings.filter(({ holds }) => !holds).length;
  tell(
    [
      `part 1: ${rows.length} requests, ${wrongAnswers} with an unexpected answer`,
      `part 2: ${placed} orders placed and ${failed} not, with ${tokens} access tokens of the order-services`,
      `        ${findings.length} findings, ${wrongFindings} not as expected`,
    ].join('\n'),
  );
  return { rows, chapters, unexpected: wrongAnswers + wrongFindings };
}
