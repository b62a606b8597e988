import { parseArgs } from 'node:util';
import type { StartAuthorizationServer } from './authorization-servers/authorization-server.js';
import type { DemoOptions, DemoResult } from './demo.js';

/** The authorization servers to choose from; the first one is the default. */
export type AuthorizationServers = Readonly<Record<string, StartAuthorizationServer>>;

/** `runDemo`, as far as it matters here. */
export type Demo = (
  startAuthorizationServer: StartAuthorizationServer,
  tell: (paragraph: string) => void,
  options: DemoOptions,
) => Promise<Pick<DemoResult, 'unexpected'>>;

/**
 * Runs the demo as the command line wants it.
 *
 * @returns the exit code: 0 when everything was as it must be, 1 when not, 2 for wrong use
 */
export async function runCommandLine(
  args: readonly string[],
  servers: AuthorizationServers,
  demo: Demo,
  print: (paragraph: string) => void,
): Promise<0 | 1 | 2> {
  const names = Object.keys(servers);
  const { name = names[0] ?? '', verbose } = readOptions(args);
  const startAuthorizationServer = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (startAuthorizationServer === undefined) {
    print(`usage: npm run demo -- [--authorization-server ${names.join('|')}] [--verbose]`);
    return 2;
  }
  const tell = (paragraph: string): void => print(`${paragraph}\n`);
  const { unexpected } = await demo(startAuthorizationServer, tell, { verbose });
  return unexpected === 0 ? 0 : 1;
}

/** The name is undefined if there's none, and empty, which names nothing, if the command line is wrong. */
function readOptions(args: readonly string[]): { name: string | undefined; verbose: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { 'authorization-server': { type: 'string' }, verbose: { type: 'boolean', default: false } },
    });
    return { name: values['authorization-server'], verbose: values.verbose };
  } catch {
    return { name: '', verbose: false };
  }
}
