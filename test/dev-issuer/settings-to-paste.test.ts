import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createResourceServer, type ResourceServer } from '../../src/index.js';
import { resolveClient } from '../../src/testing/authorization-server/clients.js';
import { settingsToPaste } from '../../tools/dev-issuer/index.js';
import { run } from '../cli/run-program.js';
import { listen, start, temporaryFolder } from './support.js';

const clientSecret = `it's "$HOME" \`id\` \\ a b%&+£€`;
const clients = [{ clientId: 'order service', clientSecret, scopes: ['read:inventory', "it's"] }];

const hasCurl = spawnSync('curl', ['--version']).error === undefined;
if (!hasCurl) console.log('no curl here: what is pasted into a shell is not tried');

/** Runs a module that was pasted into a file, and resolves with what it printed and exports. */
async function runModule(code: string | undefined) {
  const file = join(await temporaryFolder(), 'pasted.mjs');
  await writeFile(file, code ?? '');
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  onTestFinished(() => log.mockRestore());
  const exported = await import(/* @vite-ignore */ file);
  return { printed: log.mock.calls, exported };
}

/** What `dev-issuer` prints under a title, as people copy it. */
function section(printed: string, title: string): string {
  const [, text = ''] = printed.split(`\n${title}:\n\n`);
  return text.split(/\n\n(?! )/)[0] ?? '';
}

describe('what is printed', () => {
  it('runs as it is: the service calls the API', async () => {
    const controller = new AbortController();
    const printed: string[] = [];
    const ended = run(['dev-issuer', '--port=0'], {
      signal: controller.signal,
      onLine: (line) => printed.push(line),
    });
    onTestFinished(async () => {
      controller.abort();
      await ended;
    });
    await vi.waitUntil(() => printed.some((line) => line.startsWith('Ctrl-C ends it.')), 20_000);
    const text = printed.join('\n');

    const { exported } = await runModule(`${section(text, 'The API')}\nexport { resourceServer };`);
    const resourceServer: ResourceServer = exported.resourceServer;
    onTestFinished(() => resourceServer.close());
    const api = await listen(async (request, response) => {
      const decision = await resourceServer.authenticate(request);
      response.end(decision.kind === 'allowed' ? `hello ${decision.auth?.clientId}` : decision.kind);
    });
    const client = section(text, 'The service that calls it');
    const there = client.replaceAll('http://127.0.0.1:3000', api); // the port is free on no machine for sure
    expect((await runModule(there)).printed).toEqual([[200, 'hello order-service']]);
  });
});

describe('what is pasted', () => {
  it('works in a module, whatever is in the secret', async () => {
    const { issuer, clients: resolved } = await start({ clients });
    const [client] = resolved;
    if (client === undefined) throw new Error('no client');
    const paste = settingsToPaste(issuer, client);
    const { exported } = await runModule(`${paste.resourceServer}\nexport { resourceServer };`);
    const resourceServer: ResourceServer = exported.resourceServer;
    const api = await listen(async ({ headers }, response) => {
      const { clientId } = await resourceServer.verify(String(headers.authorization).replace('Bearer ', ''));
      response.end(clientId);
    });
    const code = paste.client?.replaceAll('http://127.0.0.1:3000', api);
    expect((await runModule(code)).printed).toEqual([[200, 'order service']]);
    resourceServer.close();
  });

  it("names an API that isn't a URI by the parameter audience", async () => {
    const { issuer, clients: resolved } = await start({ audience: 'inventory', clients });
    const [client] = resolved;
    if (client === undefined) throw new Error('no client');
    const paste = settingsToPaste(issuer, client);
    expect(paste.client).toContain("audience: 'inventory'");
    expect(paste.client).not.toContain('resource:');
    expect(paste.getToken).toContain('--data-urlencode audience=inventory');
  });

  it('has no secret for a client with keys only', () => {
    const options = { clientId: 'a', jwks: { keys: [] } };
    const client = resolveClient(options, { audience: ['x'], mayAskForAny: false });
    expect(settingsToPaste('http://127.0.0.1:4400', client)).toEqual({
      resourceServer:
        "import { createResourceServer } from 'oauth-resource-server';\n\n" +
        "const resourceServer = createResourceServer({\n  issuer: 'http://127.0.0.1:4400',\n  audience: 'x',\n});",
      client: undefined,
      environment: 'ISSUER=http://127.0.0.1:4400\nAUDIENCE=x\nCLIENT_ID=a',
      getToken: undefined,
      callApi: undefined,
    });
  });

  it.runIf(hasCurl)('gets a token in a shell, whatever is in the secret', async () => {
    const { issuer, clients: resolved } = await start({ clients });
    const [client] = resolved;
    if (client === undefined) throw new Error('no client');
    const { callApi, environment } = settingsToPaste(issuer, client);
    const getsToken = `${callApi?.split('\n')[0]}; printf %s "$TOKEN"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', getsToken]);
    const server = createResourceServer({ issuer, audience: client.audience });
    expect(await server.verify(stdout)).toMatchObject({ scopes: ['read:inventory', "it's"] });
    server.close();

    const echoed = await promisify(execFile)('sh', ['-c', `${environment}\nprintf %s "$CLIENT_SECRET"`]);
    expect(echoed.stdout).toBe(clientSecret);
  });
});
