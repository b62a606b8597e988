import { fileURLToPath } from 'node:url';
import { createClientCredentials } from 'oauth-resource-server/client';

const USAGE = 'usage: ISSUER=… CLIENT_SECRET=… node stock-report.js <inventory service> <sku>…';

export interface StockReportContext {
  /** The secret comes from here: command lines are seen by every user of a machine. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * A script for the command line: prints how much is in stock. It lives for a second, and asks for one access
 * token in it, whatever number of calls it makes.
 *
 * @returns the exit code: 0 when everything could be read, 1 when not, 2 for wrong use
 */
export async function stockReport(
  args: readonly string[],
  { env, print, ...platform }: StockReportContext,
): Promise<number> {
  const { ISSUER: issuer, CLIENT_SECRET: clientSecret } = env;
  const [inventoryUrl, ...skus] = args;
  if (issuer === undefined || clientSecret === undefined || inventoryUrl === undefined || skus.length === 0) {
    print(USAGE);
    return 2;
  }
  const inventory = createClientCredentials({
    issuer,
    clientId: 'stock-report',
    clientSecret,
    scope: 'read:inventory',
    resource: 'https://inventory.example.com',
    origins: [new URL(inventoryUrl).origin],
    ...platform,
  });

  try {
    const lines = await Promise.all(
      skus.map(async (sku) => {
        const response = await inventory.fetch(`${inventoryUrl}/stock/${encodeURIComponent(sku)}`);
        if (!response.ok) {
          await response.body?.cancel();
          throw new Error(`the inventory service answered ${response.status}`);
        }
        const { inStock } = (await response.json()) as { inStock: number };
        return `${sku}: ${inStock} in stock`;
      }),
    );
    for (const line of lines) print(line);
    return 0;
  } catch (error) {
    print(`stock-report: ${error instanceof Error ? error.message : 'failed'}`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await stockReport(process.argv.slice(2), { env: process.env, print: console.log });
}
