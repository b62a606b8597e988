import { parseArgs } from 'node:util';
import type { StartAuthorizationServer } from './authorization-servers/authorization-server.js';
import type { DemoResult } from './demo.js';

/** The authorization servers to choose from; the first one is the default. */
export type AuthorizationServers = Readonly<Record<string, StartAuthorizationServer>>;

/** `runDemo`, as far as it matters here. */
export type Demo = (
  startAuthorizationServer: StartAuthorizationServer,
  tell: (paragraph: string) => void,
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
  const name = readName(args) ?? names[0] ?? '';
  const startAuthorizationServer = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (startAuthorizationServer === undefined) {
    print(`usage: npm run demo -- [--authorization-server ${names.join('|')}]`);
    return 2;
  }
  const { unexpected } = await demo(startAuthorizationServer, (paragraph) => print(`${paragraph}\n`));
  return unexpected === 0 ? 0 : 1;
}

/** What `--authorization-server` names; undefined where it is not there; an empty string where the command line is wrong. */
function readName(args: readonly string[]): string | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { 'authorization-server': { type: 'string' } },
    });
    return values['authorization-server'];
  } catch {
    return '';
  }
}
