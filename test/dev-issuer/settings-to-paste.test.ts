import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createClientCredentials } from '../../src/client/index.js';
import { createResourceServer } from '../../src/index.js';
import { settingsToPaste } from '../../tools/dev-issuer/index.js';
import { start } from './support.js';

const clientSecret = `it's "$HOME" \`id\` \\ a b%&+£€`;
const clients = [{ clientId: 'order service', clientSecret, scopes: ['read:inventory', "it's"] }];

const hasCurl = spawnSync('curl', ['--version']).error === undefined;
if (!hasCurl) console.log('no curl here: what is pasted into a shell is not tried');

/** The argument of the call. */
function optionsIn(text: string | undefined) {
  const echo = (options: object): object => options;
  return runInNewContext(text ?? '', { createResourceServer: echo, createClientCredentials: echo });
}

describe('what is pasted', () => {
  it('works in a module', async () => {
    const { issuer, clients: resolved } = await start({ clients });
    const [client] = resolved;
    if (client === undefined) throw new Error('no client');
    const paste = settingsToPaste(issuer, client);
    const credentials = createClientCredentials(optionsIn(paste.client));
    const { accessToken } = await credentials.getToken();
    credentials.close();
    const server = createResourceServer(optionsIn(paste.resourceServer));
    expect(await server.verify(accessToken)).toMatchObject({ clientId: 'order service' });
    server.close();
  });

  it("names an API that isn't a URI by the parameter audience", async () => {
    const { issuer, clients: resolved } = await start({ audience: 'inventory', clients });
    const [client] = resolved;
    if (client === undefined) throw new Error('no client');
    const paste = settingsToPaste(issuer, client);
    expect(paste.client).toContain("audience: 'inventory'");
    expect(paste.client).not.toContain('resource');
    expect(paste.getToken).toContain('--data-urlencode audience=inventory');
  });

  it('has no secret for a client with keys only', () => {
    const client = {
      clientId: 'a',
      clientSecret: undefined,
      jwks: { keys: [] },
      scopes: [],
      audience: ['x'],
      claims: {},
    };
    expect(settingsToPaste('http://127.0.0.1:4400', client)).toEqual({
      resourceServer: "createResourceServer({\n  issuer: 'http://127.0.0.1:4400',\n  audience: 'x',\n});",
      client: undefined,
      environment: 'OAUTH_ISSUER=http://127.0.0.1:4400\nOAUTH_AUDIENCE=x\nOAUTH_CLIENT_ID=a',
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

    const echoed = await promisify(execFile)('sh', [
      '-c',
      `${environment}\nprintf %s "$OAUTH_CLIENT_SECRET"`,
    ]);
    expect(echoed.stdout).toBe(clientSecret);
  });
});
