import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { adapterContract, type ContractServer, proveAdapter } from '../../../src/testing/index.js';

/** A server that answers every request with one status, and calls that handled. */
async function answering(status: number): Promise<ContractServer> {
  let handled = 0;
  const server = createServer((_request, response) => {
    handled += 1;
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${port}`, handled: () => handled, close };
}

describe('the contract of adapters', () => {
  it('says of a row what was expected and what came', async () => {
    const { tests, close } = await adapterContract(() => answering(200));
    const row = tests.find(({ title }) => title === 'refuses an expired token');
    await expect(row?.run()).rejects.toThrow('the status: expected 401, got 200');
    await close();
  });

  it('lets no server pass that answers everything alike', async () => {
    for (const status of [200, 401, 503]) {
      const proof = proveAdapter(() => answering(status));
      await expect(proof).rejects.toMatchObject({ code: 'ERR_ASSERTION', operator: 'proveAdapter' });
    }
  });

  it('fails in every row if the server does not start', async () => {
    const proof = proveAdapter(() => Promise.reject(new Error('no port')));
    await expect(proof).rejects.toThrow(/^Of (\d+) rows, \1 failed:\n.*: no port\n/);
  });

  it('counts what was declared not to apply, by title and by configuration', async () => {
    const why = 'there is no such thing here';
    const leaveOut = { 'trusting proxies': why, 'leaves a preflight request to the CORS layer': why };
    const whole = await adapterContract(() => answering(200));
    const { tests, leftOut } = await adapterContract(() => answering(200), { leaveOut });
    expect(leftOut).toEqual([
      { title: 'leaves a preflight request to the CORS layer', why },
      { title: 'believes a trusted proxy about the scheme and host that were called', why },
      { title: 'refuses a proof for the URL behind a trusted proxy', why },
    ]);
    expect(tests.length).toBe(whole.tests.length - leftOut.length);
  });

  it('refuses to leave out what it does not have, and without a reason', async () => {
    const contract = (leaveOut: Record<string, string>) =>
      adapterContract(() => answering(200), { leaveOut });
    await expect(contract({ proxies: 'none' })).rejects.toThrow(
      new TypeError('the contract has no row and no configuration "proxies" to leave out'),
    );
    await expect(contract({ 'trusting proxies': '' })).rejects.toThrow(TypeError);
    await expect(adapterContract(undefined as never)).rejects.toThrow(TypeError);
  });
});
