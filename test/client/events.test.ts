import { expect, it } from 'vitest';
import { type ClientMessage, clientChannel } from '../../src/client/index.js';
import { listenTo } from '../support/listen-to.js';
import { hang, reset, status } from '../support/misbehaving-issuer.js';
import { refuseToken, startApi } from './support/api.js';
import { failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint } from './support/token-endpoint.js';

const nothing = {
  expiresAt: undefined,
  reason: undefined,
  error: undefined,
  status: undefined,
  detail: undefined,
  hint: undefined,
};

it('tells of each attempt, and how it ended', { tags: ['OPS-18'] }, async () => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(reset, status(503), grants({ scope: 'a' }));
  const messages = listenTo<ClientMessage>(clientChannel);
  const client = makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' });
  const { expiresAt } = await client.getToken();
  await client.getToken();

  const common = { issuer: endpoint.url, clientId: 'order-service', scope: ['a', 'b'] };
  const requested = { event: 'requested', ...common, ...nothing };
  const failed = { ...requested, event: 'failed' };
  expect(messages).toEqual([
    requested,
    { ...failed, reason: 'unreachable', detail: 'ECONNRESET' },
    requested,
    { ...failed, reason: 'server_error', status: 503 },
    requested,
    { ...requested, event: 'renewed', scope: ['a'], expiresAt },
  ]);
});

it('tells of a refusal with its code', { tags: ['OPS-18'] }, async () => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(status(401, { error: 'invalid_client', error_description: 'text' }));
  const messages = listenTo<ClientMessage>(clientChannel);
  const client = makeClient({ issuer: endpoint.issuer, tokenEndpoint: endpoint.url });
  await failureOf(client.getToken());
  expect(messages.at(-1)).toEqual({
    ...nothing,
    event: 'failed',
    issuer: endpoint.issuer,
    clientId: 'order-service',
    scope: [],
    reason: 'refused',
    error: 'invalid_client',
    status: 401,
    hint: expect.stringContaining('client_secret_post sends them as they are'),
  });
});

it('tells of a time-out once', { tags: ['OPS-18'] }, async () => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(hang);
  const messages = listenTo<ClientMessage>(clientChannel);
  await failureOf(makeClient({ tokenEndpoint: endpoint.url, timeoutSeconds: 0.05 }).getToken());
  expect(messages.map(({ event, reason }) => [event, reason])).toEqual([
    ['requested', undefined],
    ['failed', 'timeout'],
  ]);
});

it('tells of a time-out also when fetch does not heed its signal', { tags: ['OPS-18'] }, async () => {
  const messages = listenTo<ClientMessage>(clientChannel);
  const client = makeClient({
    tokenEndpoint: 'https://auth.example.com/token',
    timeoutSeconds: 0.05,
    fetch: () => new Promise(() => undefined),
  });
  await failureOf(client.getToken());
  expect(messages.map(({ event, reason }) => [event, reason])).toEqual([
    ['requested', undefined],
    ['failed', 'timeout'],
  ]);
});

it('tells that a token was dropped', { tags: ['OPS-18'] }, async () => {
  const endpoint = await startTokenEndpoint();
  const api = await startApi(refuseToken);
  const messages = listenTo<ClientMessage>(clientChannel);
  await makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] }).fetch(api.origin);
  expect(messages.map(({ event }) => event)).toEqual([
    'requested',
    'renewed',
    'dropped',
    'requested',
    'renewed',
  ]);
});

it('tells nothing of a request that closing ends', async () => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(hang);
  const messages = listenTo<ClientMessage>(clientChannel);
  const client = makeClient({ tokenEndpoint: endpoint.url });
  const waiting = failureOf(client.getToken());
  await endpoint.reached(1);
  client.close();
  expect(await waiting).toMatchObject({ reason: 'closed' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(messages.map(({ event }) => event)).toEqual(['requested']);
});
