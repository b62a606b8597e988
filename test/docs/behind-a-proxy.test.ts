import { createServer } from 'node:http';
import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { nginx, type RunningNginx, startNginx } from '../support/nginx.js';
import { sendOverTls, type TlsRequest } from '../support/tls-client.js';
import { codeBlocksOf, readPage } from './markdown.js';
import { importFromPage } from './run-page.js';

interface App {
  createApp(options: ResourceServerOptions): Express;
}

const PAGE = 'docs/behind-a-proxy.md';
const HOST = 'inventory.example.com';
const issuer = await createTestIssuer();
const scope = 'read:inventory';

describe.runIf(nginx !== undefined)(`what ${PAGE} shows`, () => {
  const [api, plain] = [createServer(), createServer()];
  let proxy: RunningNginx;
  let plainProxy: RunningNginx;
  let forgetful: RunningNginx;

  beforeAll(async () => {
    const { createApp } = await importFromPage<App>(PAGE, 'app.ts');
    api.on('request', createApp(issuer.options));
    const withoutBaseUrl = { ", baseUrl: 'https://inventory.example.com'": '' };
    const other = await importFromPage<App>(PAGE, 'app.ts', withoutBaseUrl);
    plain.on('request', other.createApp(issuer.options));
    const hosts = await Promise.all([api, plain].map(async (server) => new URL(await listen(server)).host));
    const blocks = codeBlocksOf(await readPage(PAGE)).filter(({ info }) => info === 'nginx');
    const [proxied, plainly] = hosts.map((host) =>
      blocks.map(({ code }) => code.replace('127.0.0.1:3000', host)),
    );
    proxy = await startNginx(nginx ?? '', proxied?.[1] ?? '', proxied?.[0]);
    plainProxy = await startNginx(nginx ?? '', plainly?.[1] ?? '', plainly?.[0]);
    forgetful = await startNginx(nginx ?? '', `location / { proxy_pass http://${hosts[1]}; }`);
  });
  afterAll(async () => {
    await Promise.all([proxy, plainProxy, forgetful].map((running) => running.close()));
    await Promise.all([api, plain].map(closeServer));
  });

  const send = ({ socketPath }: RunningNginx, headers: TlsRequest['headers']) =>
    sendOverTls(`https://${HOST}`, { socketPath, headers: { ...headers, Host: HOST } });

  async function proofFor(host: string): Promise<Record<string, string>> {
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    return { ...(await key.headers({ url: `https://${host}/stock/42`, token })), 'X-Forwarded-Host': host };
  }

  it('takes a proof for the URL that the client used, and for no other', async () => {
    for (const running of [proxy, plainProxy]) {
      expect(await send(running, await proofFor(HOST))).toMatchObject({ status: 200 });
      expect(await send(running, await proofFor('other.example.com'))).toMatchObject({ status: 401 });
    }
  });

  it('refuses proofs if neither baseUrl nor nginx says what the client used', async () => {
    expect((await send(forgetful, await proofFor(HOST))).status).toBe(401);
  });

  it('lets no client choose its address', async () => {
    const headers = { ...(await issuer.authorization({ scope })), 'X-Forwarded-For': '203.0.113.7' };
    expect((await send(proxy, headers)).body).not.toContain('203.0.113.7');
  });

  it('takes a token that nginx refuses by default', async () => {
    const headers = await issuer.authorization({ scope, groups: 'g'.repeat(7000) });
    expect((await send(proxy, headers)).status).toBe(200);
    expect(await send(forgetful, headers)).toMatchObject({
      status: 400,
      body: expect.stringContaining('<html>'),
    });
  });
});
