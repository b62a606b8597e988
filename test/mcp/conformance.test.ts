import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import * as sdk1Server from '../../examples/mcp/server.js';
import * as sdk2Server from '../../examples/mcp/server-2.js';
import { createTestIssuer, type ListeningIssuer } from '../../src/testing/index.js';
import { isFullSize } from '../support/size.js';

const run = promisify(execFile);
const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/**
 * Of the official suite, what is about any server; the rest wants tools of its own, and none of it is about
 * authorization.
 */
const SCENARIOS = [
  ['SDK 1.x', '2025-11-25', 'server-initialize', sdk1Server.createMcpApp],
  ['SDK 1.x', '2025-11-25', 'ping', sdk1Server.createMcpApp],
  ['SDK 1.x', '2025-11-25', 'tools-list', sdk1Server.createMcpApp],
  ['SDK 1.x', '2025-11-25', 'prompts-list', sdk1Server.createMcpApp],
  ['SDK 1.x', '2025-11-25', 'dns-rebinding-protection', sdk1Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'server-stateless', sdk2Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'http-header-validation', sdk2Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'tools-list', sdk2Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'prompts-list', sdk2Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'caching', sdk2Server.createMcpApp],
  ['SDK 2.x', '2026-07-28', 'dns-rebinding-protection', sdk2Server.createMcpApp],
] as const;

/** The suite can't authenticate, so this stands before the server and adds an access token. */
function addToken(target: string, issuer: () => ListeningIssuer): Server {
  return createServer(async (incoming, answer) => {
    const authorization = await issuer().authorization({
      scope: 'read:inventory write:orders write:inventory',
    });
    const headers = { ...incoming.headers, ...authorization };
    const outgoing = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers });
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
}

describe.runIf(isFullSize)('the official conformance suite', () => {
  let folder: string;
  let node = process.execPath;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    // The suite needs Node 22.
    const isOld = Number.parseInt(process.versions.node, 10) < 22;
    const packages = [SUITE, ...(isOld ? ['node@24'] : [])];
    await run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: folder });
    if (isOld) node = join(folder, 'node_modules/.bin/node');
  }, 300_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(SCENARIOS)(
    'finds no fault with a protected server of %s: %s %s',
    async (...row) => {
      const [, version, scenario, createMcpApp] = row;
      const server = createServer();
      const url = await listen(server);
      let issuer: ListeningIssuer | undefined;
      const front = addToken(url, () => issuer as ListeningIssuer); // set before anything is sent
      const frontUrl = await listen(front);
      issuer = await (await createTestIssuer({ audience: `${url}/mcp` })).listen();
      const allowedOrigins = [frontUrl, frontUrl.replace('127.0.0.1', 'localhost')];
      server.on(
        'request',
        createMcpApp({ issuer: issuer.identifier, resource: `${url}/mcp`, allowedOrigins }),
      );
      const program = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
      const out = join(folder, `${version}-${scenario}`);
      const flags = [
        '--url',
        `${frontUrl}/mcp`,
        '--scenario',
        scenario,
        '--spec-version',
        version,
        '-o',
        out,
      ];
      // It fails for what it can't test, so its own exit code says nothing.
      await run(node, [program, 'server', ...flags], { cwd: folder }).catch(() => undefined);
      await Promise.all([closeServer(front), closeServer(server), issuer.close()]);

      const [results = ''] = await readdir(out);
      const checks: readonly Check[] = JSON.parse(await readFile(join(out, results, 'checks.json'), 'utf8'));
      const failed = checks.filter(({ status }) => status === 'FAILURE');
      const faults = failed.filter(({ errorMessage = '' }) => !errorMessage.startsWith('Not testable'));
      console.log(
        `${version} ${scenario}: ${checks.length} checks, ${failed.length} that need tools of the suite`,
      );
      expect(checks.length).toBeGreaterThan(0);
      expect(faults.map(({ id, errorMessage }) => `${id}: ${errorMessage}`)).toEqual([]);
    },
    120_000,
  );
});
