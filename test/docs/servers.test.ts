import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createSigningKey,
  withoutWarnings,
} from '../../examples/demo/authorization-servers/oidc-provider.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import type { ClientCredentials } from '../../src/client/index.js';
import { isResourceServerError, type ResourceServer } from '../../src/index.js';
import { createClientCertificate, createTestIssuer } from '../../src/testing/index.js';
import { codeBlocksOf, readPage, readPages } from './markdown.js';
import { importFromPage } from './run-page.js';

const pages = (await readPages()).filter(({ path }) => path.startsWith('docs/servers/'));
const named = pages
  .flatMap(codeBlocksOf)
  .flatMap(({ page, code }) =>
    [...code.matchAll(/^\/\/ (\S+\.ts)\n/g)].map(([, file = '']) => [page.path, file]),
  );

/** Files that pages name, and those that stand for them. */
const secrets: Record<string, string> = {};

beforeAll(async () => {
  vi.stubEnv('CLIENT_SECRET', 'secret');
  const folder = await mkdtemp(join(tmpdir(), 'servers-'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const contents = {
    'client.crt': (await createClientCertificate()).certificate,
    'client.key': privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(join(folder, name), content);
    secrets[`/run/secrets/${name}`] = join(folder, name);
  }
  return async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  };
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => closeServer(server));
  return listen(server);
}

it.each(pages.map(({ path, text }) => [path, text] as const))(
  'says in %s whether it was run',
  (_path, text) => {
    expect(text).toMatch(/^\*(?:Run: .+|From .+ documentation.*[; ]we haven't run .+)/m);
  },
);

it('links each of them from docs/recipes.md', async () => {
  const { text } = await readPage('docs/recipes.md');
  expect(pages.length).toBeGreaterThan(14);
  expect(pages.filter(({ path }) => !text.includes(`](${path.slice('docs/'.length)})`))).toEqual([]);
});

it.each(named)('has options that are accepted: %s %s', async (path = '', file = '') => {
  const exports = await withoutWarnings(() =>
    importFromPage<{ server?: ResourceServer; createApp?: () => unknown }>(path, file, secrets),
  );
  exports.server?.close();
  exports.createApp?.();
  expect(Object.keys(exports)).not.toEqual([]);
});

describe('docs/servers/oidc-provider.md', () => {
  it('gives the client a token that opens the API', async () => {
    const page = 'docs/servers/oidc-provider.md';
    let provider: RequestListener = () => {};
    const issuer = await serve((request, response) => void provider(request, response));
    const replaced = { 'https://auth.example.com': issuer };
    const key = await createSigningKey();
    const { createProvider } = await withoutWarnings(() =>
      importFromPage<{
        createProvider: (issuer: string, key: object) => { callback: () => RequestListener };
      }>(page, 'provider.ts'),
    );
    provider = await withoutWarnings(async () => createProvider(issuer, key).callback());
    const { server } = await importFromPage<{ server: ResourceServer }>(page, 'api.ts', replaced);
    const { inventory } = await importFromPage<{ inventory: ClientCredentials }>(page, 'client.ts', replaced);
    const { accessToken } = await inventory.getToken();
    expect(await server.verify(accessToken)).toMatchObject({
      clientId: 'order-service',
      scopes: ['read:inventory'],
      audience: ['https://inventory.example.com'],
    });
    server.close();
  });
});

describe('docs/servers/kubernetes.md', () => {
  it('takes tokens of the account, with keys that only pods may see', async () => {
    const name = 'https://kubernetes.default.svc.cluster.local';
    const cluster = await createTestIssuer({ issuer: name, audience: 'https://inventory.example.com' });
    const { jwks } = cluster.options.issuer;
    const folder = await mkdtemp(join(tmpdir(), 'pod-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'token'), 'pod');
    const apiServer = await serve(async ({ url, headers }, response) => {
      if (url !== '/openid/v1/jwks' || headers.authorization !== 'Bearer pod') response.statusCode = 403;
      response.end(JSON.stringify(typeof jwks === 'function' ? await jwks() : jwks));
    });
    const { server } = await importFromPage<{ server: ResourceServer }>(
      'docs/servers/kubernetes.md',
      'in-cluster.ts',
      {
        'https://kubernetes.default.svc/': `${apiServer}/`,
        '/var/run/secrets/kubernetes.io/serviceaccount': folder,
      },
    );
    const outcome = async (claims: object) => {
      const plain = { client_id: undefined, scope: undefined, ...claims };
      try {
        const { clientId, scopes } = await server.verify(await cluster.token(plain, { typ: undefined }));
        return [clientId, ...scopes];
      } catch (error) {
        return isResourceServerError(error) ? error.reason : error;
      }
    };
    const sub = 'system:serviceaccount:shop:order-service';
    expect(await outcome({ sub })).toEqual(['order-service', 'read:inventory']);
    expect(await outcome({ sub: 'system:serviceaccount:shop:other' })).toBe('not_an_access_token');
    expect(await outcome({ sub, aud: 'https://kubernetes.default.svc' })).toBe('aud_mismatch');
    server.close();
  });
});
