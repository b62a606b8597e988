import { AssertionError } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { fastify } from 'fastify';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import { authenticate, requireScope } from '../../../adapters/express/index.js';
import * as onFastify from '../../../adapters/fastify/index.js';
import { assertRefusesForgeries, createTestIssuer, type Forgery } from '../../../src/testing/index.js';

const scope = 'read:inventory';
const issuer = await createTestIssuer();
const forgeries = await issuer.forgeries({ scope });

const app = express();
app.get('/open', (_req, res) => res.send('ok'));
app.use(authenticate(issuer.options));
app.get('/stock', requireScope(scope), (_req, res) => res.send('ok'));
app.get('/forgotten', (_req, res) => res.send('ok'));

type Send = Parameters<typeof assertRefusesForgeries>[0];

/** What the assertion says of a `send` that answers these forgeries differently. */
async function complaint(given: Readonly<Record<string, unknown>>): Promise<string> {
  const send = (async ({ name, status }: Forgery) => {
    const answer = name in given ? given[name] : status;
    return typeof answer === 'function' ? answer() : answer;
  }) as Send; // as a caller without types would
  const error: unknown = await assertRefusesForgeries(send, forgeries).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(AssertionError);
  return error instanceof AssertionError ? error.message : '';
}

describe('assertRefusesForgeries passes', () => {
  it('with supertest', async () => {
    await assertRefusesForgeries(({ headers }) => request(app).get('/stock').set(headers), forgeries);
  });

  it("with Fastify's inject, and forgeries that nobody awaited", async () => {
    const server = fastify();
    await server.register(onFastify.resourceServer, issuer.options);
    server.get('/stock', { onRequest: onFastify.requireScope(scope) }, () => 'ok');
    await assertRefusesForgeries(
      ({ headers }) => server.inject({ url: '/stock', headers }),
      issuer.forgeries({ scope }),
    );
  });

  it('with fetch, and with a status alone', async () => {
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    const ask = ({ headers }: Forgery) => fetch(`http://127.0.0.1:${port}/stock`, { headers });
    try {
      await assertRefusesForgeries(ask, forgeries);
      await assertRefusesForgeries(async (forgery) => (await ask(forgery)).status, forgeries);
    } finally {
      server.close();
    }
  });

  it('after it has sent every forgery, one after the other', async () => {
    let running = 0;
    const send = vi.fn(async ({ status }: Forgery) => {
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running--;
      return { statusCode: status };
    });
    await assertRefusesForgeries(send, forgeries);
    expect(send.mock.calls.map(([forgery]) => forgery)).toEqual(forgeries);
  });
});

describe('assertRefusesForgeries fails', () => {
  it('with the name of each forgery that got through, first', async () => {
    const message = await complaint({
      'no credentials': 500,
      'exp in the past': 200,
      'exp zero': { status: 302 },
    });
    expect(message.split('\n')).toEqual([
      `Of ${forgeries.length} forgeries, 2 got through and 1 got a wrong answer:`,
      '  exp in the past: expected 401, got 200',
      '  exp zero: expected 401, got 302',
      '  no credentials: expected 401, got 500',
    ]);
  });

  it.each([
    ['/open', forgeries],
    ['/forgotten', forgeries.filter(({ status }) => status === 403)],
  ])(
    'with all that a route without a guard, or without its scope, lets through: %s',
    async (path, through) => {
      const unsafe = assertRefusesForgeries(({ headers }) => request(app).get(path).set(headers), forgeries);
      const lines = through.map(({ name, status }) => `  ${name}: expected ${status}, got 200`);
      const summary = `Of ${forgeries.length} forgeries, ${through.length} got through:`;
      await expect(unsafe).rejects.toThrow([summary, ...lines].join('\n'));
    },
  );

  it.each([
    ['another refusal', 403],
    ['an outage', 503],
    ['an answer without a status', undefined],
    ['a null', null],
    ['a text', '401'],
    ['a truth', true],
    ['a status that is a text', { status: '401' }],
    ['a status that HTTP does not have', { status: 0 }],
    ['a fraction', 401.5],
    ['two statuses', { status: 401, statusCode: 200 }],
    ['the same two, swapped', { status: 200, statusCode: 401 }],
    ['a list', [401]],
    ['a response that nobody asked for', { response: { status: 401 } }],
  ])('after %s', async (_what, answer) => {
    expect(await complaint({ 'exp in the past': answer })).toContain(
      '\n  exp in the past: expected 401, got ',
    );
  });

  it('in one line if send returns nothing', async () => {
    await expect(assertRefusesForgeries(() => undefined as never, forgeries)).rejects.toThrow(
      /: expected 40\d, got nothing from send, which has to return the answer$/,
    );
  });

  it('with the name of a forgery for which send throws, after the others are sent', async () => {
    const thrown = new TypeError('connection refused: Bearer eyJhbGciOi.J9.x\nand more');
    const message = await complaint({
      'exp in the past': () => Promise.reject(thrown),
      'exp zero': 200,
    });
    expect(message).toContain('\n  exp zero: expected 401, got 200');
    expect(message).toContain(
      '\n  exp in the past: expected 401, got an exception from send: TypeError: connection refused: Bearer eyJ…',
    );
    expect(message).not.toContain('and more');
  });

  it('if there is nothing to send', async () => {
    await expect(assertRefusesForgeries(() => 401, [])).rejects.toThrow(AssertionError);
    await expect(assertRefusesForgeries(() => 401, [])).rejects.toThrow('no forgeries to send');
  });

  it('with the two lists, of which test runners show the difference, and the first exception as its cause', async () => {
    const boom = new Error('boom');
    const send = ({ name }: Forgery) => {
      if (name === 'exp in the past') throw boom;
      return 200;
    };
    const some = forgeries.filter(({ name }) => name === 'exp in the past' || name === 'exp zero');
    await expect(assertRefusesForgeries(send, some)).rejects.toMatchObject({
      code: 'ERR_ASSERTION',
      expected: ['exp zero: 401', 'exp in the past: 401'],
      actual: ['exp zero: 200', 'exp in the past: an exception from send: Error: boom'],
      cause: boom,
    });
  });
});

it.each([
  ['no function', 401, forgeries],
  ['no forgeries', () => 401, undefined],
  ['an object', () => 401, { forgeries }],
  ['something else among them', () => 401, [...forgeries, { name: 'of my own', headers: {}, status: 200 }]],
  ['nothing among them', () => 401, [null]],
])('assertRefusesForgeries is misused with %s', async (_what, send, list) => {
  const misused = assertRefusesForgeries(send as Send, list as readonly Forgery[]); // as a caller without types would
  await expect(misused).rejects.toThrow(TypeError);
  await expect(misused).rejects.toThrow('assertRefusesForgeries');
});
