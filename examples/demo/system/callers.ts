import { TokenRequestError } from 'oauth-resource-server/client';
import { stockReport } from '../../services/stock-report.js';
import { STOCK_REPORT } from '../authorization-servers/authorization-server.js';
import type { System } from './system.js';

const DAY_SECONDS = 86_400;

/** Another night comes. Resolves with what the nightly job counted, or with why it got no access token. */
export async function runNightlyJob({ nights, nightlyJob }: System): Promise<number | TokenRequestError> {
  nights.advance(DAY_SECONDS);
  try {
    return await nightlyJob.run();
  } catch (error) {
    if (error instanceof TokenRequestError) return error;
    throw error;
  }
}

/**
 * Runs the script once for every inventory service, as new each time. Resolves with what it printed, where
 * all runs printed the same and went well.
 */
export async function runStockReports({ issuer, pairs }: System): Promise<string | undefined> {
  const env = { ISSUER: issuer, CLIENT_SECRET: STOCK_REPORT.clientSecret };
  const reports = await Promise.all(
    pairs.map(async ({ inventoryUrl }) => {
      const lines: string[] = [];
      const exitCode = await stockReport([inventoryUrl, '42', '43'], {
        env,
        print: (line) => lines.push(line),
      });
      return exitCode === 0 ? lines.join(', ') : undefined;
    }),
  );
  const [first] = reports;
  return reports.every((report) => report === first) ? first : undefined;
}
