import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { type CodeBlock, codeBlocksOf, readPage } from '../docs/markdown.js';
import { isFullSize } from '../support/size.js';
import { Terminal } from './support/terminal.js';

/** What a command prints that goes on until its reader ends it, when it's ready. */
const GO_ON: readonly (readonly [command: RegExp, ready: RegExp])[] = [
  [/node server\.m?js$/, /listening on/],
  [/npm start$/, /application successfully started/],
  [/oauth-resource-server dev-issuer/, /Ctrl-C ends it/],
];

/** From an empty folder to a route that's protected: the first sections of a guide, in their order. */
const GUIDE = ['Mount it', 'Test it', 'Run it', 'See it refuse'];

/**
 * From an empty folder to a protected, logged route by one page alone: its commands and files, in its order;
 * a guide also leads to its test. Only the package comes from the tarball, and the ports are free ones.
 */
const WAYS: readonly (readonly [path: string, headings: readonly string[], commands: number])[] = [
  ['README.md', ['oauth-resource-server', 'Express', 'See it refuse'], 6],
  // Each installs a framework and a compiler of its own.
  ...(isFullSize
    ? ([
        ['docs/nestjs.md', GUIDE, 9],
        ['docs/express.md', GUIDE, 10],
        ['docs/fastify.md', GUIDE, 9],
      ] as const)
    : []),
];

it.each(WAYS)(
  '%s leads to a protected route, by its sections %j with %i commands in under 5 minutes',
  { timeout: 300_000 },
  async (path, headings, count) => {
    const blocks = codeBlocksOf(await readPage(path)).filter(({ heading }) =>
      headings.some((one) => one === heading),
    );
    const folder = join(inject('workFolder'), `first-hour-${path.replaceAll('/', '-')}`);
    await mkdir(folder);
    const [port, issuerPort] = [await freePort(), await freePort()];
    const adapt = (text: string): string =>
      text
        .replace(/^(npm install) oauth-resource-server\b/, `$1 ${inject('tarball')}`)
        .replace(/\bdev-issuer$/, `dev-issuer --port ${issuerPort}`)
        .replaceAll(/\b4400\b/g, String(issuerPort))
        .replaceAll(/\b3000\b/g, String(port));

    const begin = performance.now();
    const main = new Terminal(folder);
    onTestFinished(() => main.close());
    const services: Terminal[] = [];
    const printed = new Map<string, string>();
    for (const block of blocks) {
      const here = (await main.run('pwd')).trim();
      const [, file] = /^\/\/ (\S+)\n/.exec(block.code) ?? [];
      if (file !== undefined) {
        await mkdir(dirname(join(here, file)), { recursive: true });
        await writeFile(join(here, file), adapt(block.code));
      }
      if (block.info !== 'sh') continue;
      for (const command of commandsOf(block)) {
        const ready = GO_ON.find(([goesOn]) => goesOn.test(command))?.[1];
        if (ready === undefined) printed.set(command, await main.run(adapt(command)));
        else {
          const terminal = new Terminal(here, { PORT: String(port) });
          onTestFinished(() => terminal.close());
          await terminal.start(adapt(command), ready);
          services.push(terminal);
          printed.set(command, '');
        }
      }
    }
    const seconds = Math.round((performance.now() - begin) / 1000);
    process.stdout.write(`${path}: ${printed.size} commands, ${seconds} s\n`);

    expect([...printed.keys()]).toHaveLength(count);
    const curls = [...printed].filter(([command]) => command.startsWith('curl'));
    expect(curls.map(([, output]) => /^HTTP\/1\.1 (\d+)/m.exec(output)?.[1])).toEqual(['401', '200']);
    expect(curls[1]?.[1]).toContain('"caller":"order-service"');
    const refused =
      /request refused \{"method":"GET","route":"\/stock\/:sku","status":401,"reason":"missing_credentials"/;
    expect(await services[0]?.printed(refused)).toBeDefined();
    expect(seconds).toBeLessThan(300);
  },
);

/** The commands of a block, each as one line. Comments aren't commands. */
function commandsOf({ code }: CodeBlock): readonly string[] {
  const lines = code.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  server.close();
  await once(server, 'close');
  return port;
}
