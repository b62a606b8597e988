import { expect, it } from 'vitest';
import { checkClientOptions } from '../../../src/client/options.js';
import { createOutageGuard } from '../../../src/client/outage-guard.js';

const settings = checkClientOptions(
  { tokenEndpoint: 'https://auth.example.com/token', clientId: 'order-service', clientSecret: 'secret' },
  {},
);

it('makes no request for a caller who gave up while waiting, and takes none for an outage', {
  tags: ['CLI-16'],
}, async () => {
  const guard = createOutageGuard(settings);
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { signal } = new AbortController();
  const running = Array.from({ length: 100 }, () => guard(signal, () => finished));
  const impatient = new AbortController();
  let requests = 0;
  const ask = async (): Promise<string> => {
    requests += 1;
    return 'token';
  };
  const waiting = Array.from({ length: 10 }, () => guard(impatient.signal, ask));
  impatient.abort();
  finish();
  await Promise.all(running);
  for (const outcome of await Promise.allSettled(waiting))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'timeout' } });
  expect(requests).toBe(0);
  expect(await guard(signal, ask)).toBe('token');
});
