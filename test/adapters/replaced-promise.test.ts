import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Gate } from '../../adapters/kit/index.js';
import { createResourceServer, type Decision, type ResourceServerOptions } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { harnesses } from '../http/harnesses/index.js';

const issuer = await createTestIssuer();
const good = await issuer.token();
const bound = await issuer.token({ cnf: { jkt: (await createDpopKey()).thumbprint } });
const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'unknown' }));
const unknownKey = [header.toString('base64url'), ...good.split('.').slice(1)].join('.');
const isRevoked = async () => true;

/** No native promise is an instance of it, like zone.js's and bluebird's. */
class OtherPromise<T> extends Promise<T> {}

afterEach(() => void vi.unstubAllGlobals());

describe.each(harnesses)('$name, with another global Promise', ({ start }) => {
  const serve = async (options: Partial<ResourceServerOptions> = {}) => {
    const server = createResourceServer({ ...issuer.options, ...options });
    await server.ready();
    const running = await start(server);
    onTestFinished(() => running.close());
    vi.stubGlobal('Promise', OtherPromise);
    const ask = async (token: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`${running.url}/whoami`, { headers })).status;
    };
    return { ask, handled: running.handled };
  };

  it('lets valid tokens in', async () => {
    const { ask, handled } = await serve();
    expect([await ask(good), await ask(good), handled()]).toEqual([200, 200, 2]);
  });

  it('refuses tokens that it has to wait for', async () => {
    const { ask, handled } = await serve();
    expect([await ask(unknownKey), await ask(bound), handled()]).toEqual([401, 401, 0]);
  });

  it('refuses revoked tokens', async () => {
    const { ask, handled } = await serve({ isRevoked });
    expect([await ask(good), await ask(good), handled()]).toEqual([401, 401, 0]);
  });
});

it('takes nothing but a decision', () => {
  const server = createResourceServer(issuer.options);
  vi.spyOn(server, 'authenticate').mockReturnValue({} as Decision); // as a bug might
  const next = vi.fn();
  const reply = { status: vi.fn(), header: vi.fn(), send: vi.fn() };
  const view = { method: 'GET', url: 'https://api.example.com/', header: () => [] };
  new Gate(server).admit({ message: {}, view }, reply, next);
  expect(next.mock.calls).toEqual([[new TypeError('authenticate returned no decision')]]);
});
