import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DpopProver } from '../../../src/client/dpop.js';
import { createClientCredentials } from '../../../src/client/index.js';
import { channels } from '../../../src/diagnostics.js';
import { createResourceServer } from '../../../src/index.js';
import { CredentialSource } from '../../../src/issuer/credential-source.js';
import { inBackground } from '../../../src/lib/background.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { collectGarbage } from '../../support/garbage.js';
import { audience, protect, tokenBy } from '../../support/protected-api.js';

/** As an application keeps what belongs to one request. */
const requests = new AsyncLocalStorage<string | object>();
const current = () => requests.getStore() ?? 'nobody';

const key = await generateSigningKey('ES256', 'one');
const jwks = { keys: [key.jwk] };
const issuer = 'https://auth.example.com';

/** The documents of an issuer, and its tokens. Notes for whom it's asked. */
function createFetch() {
  const asked: unknown[] = [];
  const pages: Record<string, object> = {
    '/jwks': jwks,
    '/token': { access_token: 'secret', token_type: 'Bearer', expires_in: 600 },
  };
  const metadata = { issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` };
  const fetch = async (input: Parameters<typeof globalThis.fetch>[0]) => {
    const { pathname } = new URL(String(input));
    asked.push([pathname.split('/')[1], current()]);
    return Response.json(pages[pathname] ?? metadata);
  };
  return { fetch, asked };
}

describe('inBackground', () => {
  it('runs work for nobody, whoever starts it', () => {
    requests.run('alice', () => {
      expect(inBackground(() => [current()])).toEqual(['nobody']);
      expect(current()).toBe('alice');
    });
  });

  it('leaves nothing that test runners take for an open handle', async () => {
    const handles = new Set<string>();
    const init = (_id: number, type: string, _trigger: number, resource: object): void => {
      const { hasRef } = resource as { hasRef?(): boolean }; // as Jest's --detectOpenHandles does
      if (type !== 'PROMISE' && hasRef?.call(resource) !== false) handles.add(type);
    };
    vi.resetModules();
    const hook = createHook({ init }).enable();
    const { inBackground: another } = await import('../../../src/lib/background.js');
    hook.disable();
    expect(another(() => 1)).toBe(1);
    expect([...handles].filter((type) => /bound|oauth/.test(type))).toEqual([]);
  });
});

describe('for whom', () => {
  it('keys and metadata are fetched: nobody. A load is reported to the request that waits for it', {
    tags: ['KEY-11'],
  }, async () => {
    const { fetch, asked } = createFetch();
    const api = protect({ issuer, fetch });
    const reported: unknown[] = [];
    const note = () => void reported.push(current());
    subscribe(channels.keys, note);
    onTestFinished(() => void unsubscribe(channels.keys, note));
    const token = tokenBy(key, issuer);
    expect(await requests.run('alice', () => api.get(token))).toBe('200');
    expect(reported).toEqual(['alice']);
    api.step(500);
    expect(await requests.run('bob', () => api.get(token))).toBe('200');
    await api.refreshes(2);
    expect(reported).toEqual(['alice', 'nobody']);
    api.step(700);
    expect(await requests.run('carol', () => api.get(token))).toBe('200');
    expect(asked.map(String)).toEqual([
      '.well-known,nobody',
      'jwks,nobody',
      'jwks,nobody',
      '.well-known,nobody',
      'jwks,nobody',
    ]);
  });

  it("a client's token is requested: the caller who waits for it, and nobody if it's renewed early", {
    tags: ['CLI-13'],
  }, async () => {
    const { fetch, asked } = createFetch();
    let now = Date.now();
    const client = createClientCredentials({
      issuer,
      clientId: 'order-service',
      clientSecret: 'hunter2',
      fetch,
      clock: () => now,
    });
    onTestFinished(() => client.close());
    await requests.run('alice', () => client.getToken());
    now += 590_000;
    await requests.run('bob', () => client.getToken());
    await new Promise(setImmediate);
    expect(asked.map(String)).toEqual(['.well-known,nobody', 'token,alice', 'token,nobody']);
  });

  it('files of a certificate are looked at again: nobody', { tags: ['CLI-02'] }, async () => {
    const { certificate, privateKey } = await createClientCertificate();
    let now = 0;
    const asked: unknown[] = [];
    const ask = () => {
      asked.push(current());
      return { cert: certificate, key: privateKey };
    };
    const source = new CredentialSource(
      { kind: 'asked', name: 'certificate', from: 'files', ask },
      { rememberSeconds: 1, timeoutSeconds: 5, clock: () => now },
    );
    await requests.run('alice', () => source.get());
    now += 1000;
    requests.run('bob', () => source.latest());
    expect(asked).toEqual(['alice', 'nobody']);
  });
});

describe('nothing of a request is kept', { tags: ['OPS-07'] }, () => {
  const token = tokenBy(key, issuer);

  it.each<[string, () => Promise<unknown>]>([
    ['keys of a function', () => protect({ issuer: { issuer, jwks: () => jwks } }, real).get(token)],
    ['discovered keys', () => protect({ issuer, fetch: createFetch().fetch }, real).get(token)],
    [
      'keys that came over a connection',
      () => protect({ issuer: { issuer, jwksUri: `http://127.0.0.1:${port()}/jwks` } }, real).get(token),
    ],
    ['signed metadata', publishSigned],
    ['the key of DPoP proofs', prove],
  ])('by %s', async (_what, act) => {
    const gone: string[] = [];
    const registry = new FinalizationRegistry<string>((name) => void gone.push(name));
    const handle = async (): Promise<unknown> => {
      const request = { body: new Uint8Array(1000) };
      registry.register(request, 'the request');
      return requests.run(request, act);
    };
    await handle();
    for (let round = 0; round < 20 && gone.length === 0; round += 1) await collectGarbage(1);
    expect(gone).toEqual(['the request']);
  });

  const real = { realTimers: true };

  const server = createServer((_request, response) => void response.end(JSON.stringify(jwks)));
  const port = () => (server.address() as AddressInfo).port; // it listens on one
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const kept: unknown[] = [];

  async function publishSigned(): Promise<void> {
    const signedMetadata = async () => 'no token';
    const resource = { resource: audience, signedMetadata };
    const { resourceMetadata } = createResourceServer({ issuer, audience, resource });
    kept.push(resourceMetadata);
    await resourceMetadata?.answer(new Request(resourceMetadata.url));
  }

  async function prove(): Promise<void> {
    const prover = new DpopProver({ algorithm: 'ES256', key: undefined, publicKey: undefined }, Date.now);
    kept.push(prover);
    await prover.prove({ method: 'GET', url: new URL(audience) });
  }
});
