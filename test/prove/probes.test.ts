import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { Probes } from '../../adapters/testing/probes.js';

it('gives up a request that is never answered, and says which', async () => {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    if (requests === 1) response.end(); // the others come over its connection
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probes = new Probes(0.05);
  const send = (headers: Record<string, string>) =>
    probes.send(origin, { method: 'GET', url: '/stock/42', headers });
  expect(await send({})).toMatchObject({ status: 200 });
  await expect(send({})).rejects.toThrow('GET /stock/42 with no credentials got no answer in 0.05 seconds');
  await expect(send({ Authorization: 'Bearer eyJ' })).rejects.toThrow(
    /^GET \/stock\/42 with Bearer got no answer/,
  );
  expect(requests).toBe(3);
  probes.close();
  server.closeAllConnections();
  server.close();
});

it('passes requests on that are no probes, and leaves them as they are', () => {
  const probes = new Probes();
  const message = Object.assign(new IncomingMessage(new Socket()), { rawHeaders: ['Host', 'localhost'] });
  const response = new ServerResponse(message);
  const listener = vi.fn();
  probes.watch(listener)(message, response);
  expect(listener).toHaveBeenCalledWith(message, response);
  expect(message.rawHeaders).toEqual(['Host', 'localhost']);
  expect(probes.stop(message)).toBe(false);
  probes.close();
});
