import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientCredentials } from '../../src/client/index.js';
import { startApi } from './support/api.js';
import { makeClient } from './support/make-client.js';
import { startTokenEndpoint } from './support/token-endpoint.js';

/** The warnings of the process from now on, such as `MaxListenersExceededWarning`. */
function listenToWarnings(): readonly string[] {
  const names: string[] = [];
  const listener = ({ name }: Error): unknown => names.push(name);
  process.on('warning', listener);
  onTestFinished(() => {
    process.off('warning', listener);
  });
  return names;
}

const hundred = <T>(call: () => Promise<T>): Promise<T>[] => Array.from({ length: 100 }, call);

describe('a hundred calls that share one signal', { tags: ['CLI-14'] }, () => {
  it.each<[string, (client: ClientCredentials, signal: AbortSignal) => Promise<unknown>]>([
    ['getToken', (client, signal) => client.getToken({ signal })],
    ['fetch', (client, signal) => client.fetch(`${client.origins[0]}/stock`, { signal })],
    [
      'fetch with a Request',
      (client, signal) => client.fetch(new Request(`${client.origins[0]}/stock`, { signal })),
    ],
  ])('cause no warning: %s', async (_what, call) => {
    const endpoint = await startTokenEndpoint();
    const api = await startApi();
    const warnings = listenToWarnings();
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] });
    const { signal } = new AbortController();
    await Promise.all(hundred(() => call(client, signal)));
    await new Promise(setImmediate); // warnings come a turn later
    expect(warnings).toEqual([]);
    expect(endpoint.requests).toHaveLength(1);
  });

  it('all end with its reason', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(() => undefined);
    const warnings = listenToWarnings();
    const client = makeClient({ tokenEndpoint: endpoint.url });
    const controller = new AbortController();
    const calls = hundred(() => client.getToken({ signal: controller.signal }));
    await endpoint.reached(1);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(new Set((await Promise.allSettled(calls)).map((one) => Reflect.get(one, 'reason')))).toEqual(
      new Set([reason]),
    );
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
