import { Agent, createServer, type RequestListener, request } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fc from 'fast-check';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticate } from '../../adapters/express/index.js';
import { resourceServer as fastifyResourceServer } from '../../adapters/fastify/index.js';
import { resourceServer } from '../../adapters/fetch/index.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { repeats } from '../support/size.js';

/** Targets per run of the tests, shared between the applications. fast-check prints the seed of a failure. */
const TARGETS = repeats(24_000);
const BASE_URL = 'https://api.example.com/v1';

/** Everything that an application serves. */
const ROUTES = ['/', '/a', '/b', '/a/b', '/orders/:id', '/files/*', '/mounted/a', '/mounted/b'] as const;
/** What proofs are for, and what they may open: the name of the route, and what stands for `:id`. */
const OWN = {
  '/': '/',
  '/a': '/a',
  '/b': '/b',
  '/a/b': '/a/b',
  '/orders/7': '/orders/:id 7',
  '/orders/8': '/orders/:id 8',
  '/files/x': '/files/*',
  '/mounted/a': '/mounted/a',
};

type Start = (options: ResourceServerOptions) => RequestListener | Promise<RequestListener>;

const onExpress =
  (framework: typeof express, wildcard: string): Start =>
  (options) => {
    const app = framework();
    app.use(authenticate(options));
    const mounted = framework.Router();
    for (const path of ROUTES) {
      const [router, inner] = path.startsWith('/mounted') ? [mounted, path.slice(8)] : [app, path];
      router.get(
        inner.replace('*', wildcard),
        (incoming, response) => void response.send(answer(path, incoming.params.id)),
      );
    }
    return app.use('/mounted', mounted);
  };
const onFastify: Start = async (options) => {
  const app = fastify();
  await app.register(fastifyResourceServer, options);
  for (const path of ROUTES)
    app.get<{ Params: { id?: string } }>(path, async ({ params }) => answer(path, params.id));
  await app.ready();
  return app.routing;
};
const onFetch: Start = (options) => {
  const gate = resourceServer(options);
  const app = new Hono();
  for (const path of ROUTES)
    app.get(path, async (context) => {
      const auth = await gate(context.req.raw);
      return auth instanceof Response ? auth : context.text(answer(path, context.req.param('id')));
    });
  return getRequestListener(app.fetch, { overrideGlobalObjects: false });
};
const frameworks: readonly (readonly [string, Start])[] = [
  ['express 5', onExpress(express, '*rest')],
  // Installed under another name, without types; what is used of it is the same.
  ['express 4', onExpress(createRequire(import.meta.url)('express4') as typeof express, '*')],
  ['fastify 5', onFastify],
  ['fetch (hono)', onFetch],
];

function answer(path: string, id: unknown): string {
  return id === undefined ? path : `${path} ${id}`;
}

const path = fc.constantFrom(...Object.keys(OWN));
const glue = fc.oneof(
  fc.constantFrom(
    '',
    '/',
    '//',
    '/./',
    '/../',
    '/..',
    '/../..',
    '/%2e%2e/%2E.',
    '/..;/',
    '?',
    '#',
    ';',
    '?/',
    '#/',
    '?/../',
    '#/../',
    '\\',
  ),
  fc.constantFrom('/%2e%2e/', '/%2E./', '/.%2e', '%2f', '%2F..%2F', '%5c..%5c', '\\..\\', '/%252e%252e/'),
  fc.constantFrom(
    '%',
    '%00',
    '%0',
    '%3f',
    '%23',
    '%3b',
    '%09',
    '\t',
    ' ',
    '\u00a0',
    '\u00e9',
    '%c3%a9',
    '%ff',
  ),
  fc.constantFrom('*', ':', '@', '@/', ':80/', '://', '/x/../', '|', '^', '"', '{', '%%37', '%2', '%u002f'),
);
const before = fc.constantFrom(
  ...['', '', '', '', '/', '//', '/x/..', '\\', '.', '/.', '*', '?', '#', 'x', '/%2e', '//HOST', '//u@HOST'],
  ...['http://HOST', 'http://HOST', 'HTTP://HOST', 'https://HOST', 'ws://HOST'],
  ...[
    'http://other',
    'http://HOST@other',
    'http://other@HOST',
    'http://HOST\\',
    'http://HOST?',
    'http://HOST#',
  ],
  ...['http://', 'http:/', 'http:', 'http:///', 'http://HOST%2f', 'http://HOST;', 'x:HOST', 'http://HOST//'],
);
/** A path, another spelling of it, or several with something between. */
const spelling = fc
  .tuple(path, fc.array(fc.nat(20), { maxLength: 3 }), fc.constantFrom(...'lue'))
  .map(([text, places, how]) =>
    [...text]
      .map((character, index) => {
        if (!places.includes(index) || character === '/') return character;
        if (how === 'u') return character.toUpperCase();
        const code = character.charCodeAt(0).toString(16);
        return how === 'e' ? `%${code.toUpperCase()}` : `%${code}`;
      })
      .join(''),
  );
const anything = fc
  .tuple(before, fc.array(fc.tuple(spelling, glue), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(
    ([start, parts, keepsLast]) =>
      `${start}${parts
        .flat()
        .slice(0, keepsLast ? undefined : -1)
        .join('')}`,
  );
/** From one path to another, by way of the root. */
const detour = fc
  .tuple(
    spelling,
    fc.array(fc.constantFrom('..', '..', '%2e%2E', '.%2e', '.', ''), { maxLength: 4 }),
    spelling,
  )
  .map(([from, ups, to]) => `${from}/${ups.join('/')}${to}`);
/** `HOST` stands for where the application is. */
const target = fc.oneof({ weight: 3, arbitrary: anything }, { weight: 1, arbitrary: detour });

describe.each(frameworks)('%s', (_name, start) => {
  describe.each([undefined, BASE_URL])('with baseUrl %s', (baseUrl) => {
    const agent = new Agent({ keepAlive: true });
    let url: string;
    let close: () => Promise<void>;
    let send: (rawTarget: string, path?: string) => Promise<string | undefined>;

    beforeAll(async () => {
      const issuer = await createTestIssuer({ lifetimeSeconds: 86_400 });
      const key = await createDpopKey();
      const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
      const options = { ...issuer.options, optional: true, ...(baseUrl !== undefined && { baseUrl }) };
      const server = createServer(await start(options));
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server has no other address
      close = () =>
        new Promise((resolve) => {
          agent.destroy();
          server.closeAllConnections();
          server.close(() => resolve());
        });
      send = async (rawTarget, path) => {
        const headers =
          path === undefined ? {} : { ...(await key.headers({ url: `${baseUrl ?? url}${path}`, token })) };
        return new Promise((resolve, reject) => {
          const outgoing = request(url, { agent, headers }, (response) => {
            let body = '';
            response.setEncoding('latin1').on('data', (chunk: string) => {
              body += chunk;
            });
            response.on('end', () => resolve(response.statusCode === 200 ? body : undefined));
            response.on('error', reject);
          });
          // As an option, spaces and tabs would be refused; newer Nodes refuse them in an assignment, too.
          Object.defineProperty(outgoing, 'path', { value: rawTarget });
          outgoing.on('error', reject);
          outgoing.end();
        });
      };
    });
    afterAll(() => close());

    it('opens with a proof the route that the proof is for, and no other', {
      tags: ['DPP-11', 'DPP-12', 'DPP-13'],
      timeout: 600_000,
    }, async () => {
      const runs = TARGETS / 2 / frameworks.length;
      const seen = { reached: 0, opened: 0 };
      await fc.assert(
        fc.asyncProperty(target, async (template) => {
          const rawTarget = template.replace('HOST', new URL(url).host);
          if ((await send(rawTarget)) === undefined) return;
          seen.reached += 1;
          for (const [signed, own] of Object.entries(OWN)) {
            const body = await send(rawTarget, signed);
            if (body === undefined) continue;
            seen.opened += 1;
            expect(body).toBe(own);
          }
        }),
        { numRuns: runs },
      );
      expect(Math.min(seen.reached, seen.opened)).toBeGreaterThan(runs / 1000);
    });
  });
});
