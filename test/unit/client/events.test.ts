import { expect, it, vi } from 'vitest';
import { type ClientMessage, clientChannel, createReport } from '../../../src/client/events.js';
import { HeldToken } from '../../../src/client/granted-token.js';
import { listenTo } from '../../support/listen-to.js';

it('builds nothing when nobody listens', { tags: ['OPS-18'] }, () => {
  const details = vi.fn(() => ({}));
  createReport('https://auth.example.com', 'order-service', [])('failed', details);
  expect(details).not.toHaveBeenCalled();
});

it('publishes the members that are documented, whatever the details carry', { tags: ['OPS-18'] }, () => {
  const messages = listenTo<ClientMessage>(clientChannel);
  const token = new HeldToken('canary', 1_900_000_000, ['a'], 'Bearer');
  createReport('https://auth.example.com', 'order-service', ['a', 'b'])('renewed', () => token);
  expect(messages).toEqual([
    {
      event: 'renewed',
      issuer: 'https://auth.example.com',
      clientId: 'order-service',
      scope: ['a'],
      expiresAt: 1_900_000_000,
      reason: undefined,
      error: undefined,
      status: undefined,
      detail: undefined,
    },
  ]);
  expect(JSON.stringify(messages)).not.toContain('canary');
});
