import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import express from 'express';
import { WebSocket as BrowserWebSocket } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { authenticate, requireScope as expressRequireScope } from '../../adapters/express/index.js';
import {
  getAuth,
  requireScope,
  tokenFromSubprotocol,
  WebSocketGate,
  type WebSocketOptions,
} from '../../adapters/websocket/index.js';
import { createResourceServer } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { closing, listen, openSocket, rawUpgrade, serve } from '../support/web-sockets.js';

const issuer = await createTestIssuer();
const claims = { scope: 'read:inventory' };
const reader = await issuer.authorization(claims);
const scope = requireScope('read:inventory');

/** What a client hears first. */
const firstMessage = async (socket: WebSocket): Promise<string> => String((await once(socket, 'message'))[0]);

/** Status line, fields without those of the connection, and body. */
function comparable(answer: string): { status: string; fields: string[]; body: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const ofTheConnection = /^(?:date|connection|keep-alive|content-length|x-powered-by|transfer-encoding):/i;
  return { status, fields: lines.filter((line) => !ofTheConnection.test(line)).sort(), body };
}

describe('the upgrade of ws', () => {
  it('lets a good token in, and says who calls', async () => {
    const { url } = await serve({
      options: issuer.options,
      requirements: [scope],
      onConnection: (socket, request, gate) =>
        socket.send(`${getAuth(request).clientId} ${gate.connection(socket).auth === getAuth(request)}`),
    });
    expect(await firstMessage(openSocket(url, reader))).toBe('test-client true');
  });

  it('refuses every forgery with the bytes that Express sends', { tags: ['OPS-09'] }, async () => {
    const server = createResourceServer({ ...issuer.options, resource: 'https://api.example.com' });
    const { host, url, sockets } = await serve({ options: server, requirements: [scope] });
    const app = express().disable('x-powered-by');
    app.get('/', authenticate(server), expressRequireScope('read:inventory'));
    const expressHost = await listen(createServer(app));
    const forgeries = [
      ...(await issuer.forgeries(claims)),
      ...(await issuer.dpopForgeries({ method: 'GET', url: `http://${host}/` }, claims)),
    ];
    expect(forgeries.length).toBeGreaterThan(160);
    for (const { name, headers, status } of forgeries) {
      const answer = await rawUpgrade(host, headers);
      expect(answer, name).toContain(`HTTP/1.1 ${status} `);
      expect(answer, name).toMatch(/^Connection: close\r$/m);
      expect(answer, name).toMatch(/^Cache-Control: no-store\r$/m);
    }
    for (const { name, headers } of await issuer.forgeries(claims)) {
      const plain = await rawUpgrade(expressHost, { ...headers, Connection: 'close', Upgrade: '' });
      expect(comparable(await rawUpgrade(host, headers)), name).toEqual(comparable(plain));
    }
    expect(sockets.clients.size).toBe(0);
    expect((await once(openSocket(url, reader), 'open')).length).toBe(0);
  });
});

it('takes a proof with the upgrade, once, and hands the next nonce on', { tags: ['DPP-19'] }, async () => {
  let now = Date.now();
  const timed = await createTestIssuer({ clock: () => now });
  const nonce = { secret: 's'.repeat(32), lifetimeSeconds: 60 };
  const { host, url } = await serve({ options: { ...timed.options, dpop: { nonce } } });
  const key = await createDpopKey({ clock: () => now });
  const token = await timed.token({ cnf: { jkt: key.thumbprint } });
  const ask = async (nonce?: string) =>
    key.headers({ url: `http://${host}/`, token, ...(nonce !== undefined && { nonce }) });
  const nonceIn = (answer: string) => /^DPoP-Nonce: (.+)\r$/im.exec(answer)?.[1];
  const refused = await rawUpgrade(host, await ask());
  expect(refused).toContain('error="use_dpop_nonce"');
  const proof = await ask(nonceIn(refused));
  await once(openSocket(url, proof), 'open');
  expect(await rawUpgrade(host, proof)).toMatch(/^HTTP\/1\.1 401 /);
  now += 45_000;
  const accepted = await rawUpgrade(host, await ask(nonceIn(refused)));
  expect(accepted).toContain('HTTP/1.1 101 ');
  expect(nonceIn(accepted)).not.toBe(nonceIn(refused));
});

it('checks where pages come from, if that is an option', async () => {
  const webSocketOptions = { origins: ['https://app.example.com'], firstMessage: {} };
  const { host } = await serve({ options: issuer.options, webSocketOptions });
  const upgrade = async (origin: Record<string, string>, headers: Record<string, string> = reader) =>
    (await rawUpgrade(host, { ...headers, ...origin })).slice(9, 12);
  expect(await upgrade({ Origin: 'https://app.example.com' })).toBe('101');
  expect(await upgrade({})).toBe('101');
  for (const origin of ['https://app.example.com.attacker.example', 'http://app.example.com', 'null', '']) {
    expect(await upgrade({ Origin: origin }), origin).toBe('403');
    expect(await upgrade({ Origin: origin }, {}), origin).toBe('403');
  }
  expect(await upgrade({ Origin: 'https://app.example.com', origin: 'https://attacker.example' })).toBe(
    '403',
  );
});

it('refuses those without a token also if requests may be anonymous', async () => {
  const { host } = await serve({ options: { ...issuer.options, optional: true } });
  expect(await rawUpgrade(host, {})).toMatch(/^HTTP\/1\.1 401 /);
});

it('survives clients that leave while they are authenticated', async () => {
  let answer = (_isRevoked: boolean): void => undefined;
  const isRevoked = () =>
    new Promise<boolean>((resolve) => {
      answer = resolve;
    });
  const { host, http, sockets } = await serve({ options: { ...issuer.options, isRevoked } });
  for (const isRevoked of [true, false]) {
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    const upgrade = once(http, 'upgrade');
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        `Authorization: ${reader.Authorization}\r\n\r\n`,
    );
    const [, stream] = await upgrade;
    socket.resetAndDestroy();
    await vi.waitUntil(() => stream.errored !== null || stream.destroyed || !stream.readable);
    answer(isRevoked);
    await new Promise(setImmediate);
    expect(sockets.clients.size).toBe(0);
  }
});

describe('the upgrade of a server with two listeners for it', () => {
  const serveTwice = async (other: (sockets: WebSocketServer) => Parameters<Server['on']>[1]) => {
    const { host, http, url } = await serve({ options: issuer.options });
    const others = new WebSocketServer({ noServer: true });
    http.prependListener('upgrade', other(others));
    return { host, url };
  };
  const otherGate = new WebSocketGate({ ...issuer.options, realm: 'other' });

  it('answers once', async () => {
    const { host, url } = await serveTwice((sockets) => otherGate.upgrade(sockets));
    const answer = await rawUpgrade(host, {});
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
    expect(answer).toContain('realm="other"');
    await once(openSocket(url, reader), 'open');
  });

  it('leaves a WebSocket alone that the other one opened', async () => {
    const { url } = await serveTwice(
      (sockets) => (request: IncomingMessage, stream: Duplex, head: Buffer) => {
        sockets.handleUpgrade(request, stream, head, (socket) => {
          socket.on('message', (data) => socket.send(`other ${data}`));
        });
      },
    );
    for (const headers of [{}, reader]) {
      const socket = openSocket(url, headers);
      await once(socket, 'open');
      socket.send('hello');
      expect(await firstMessage(socket)).toBe('other hello');
    }
  });
});

it('answers on connections that something else listens to', async () => {
  const { host, http } = await serve({ options: issuer.options });
  http.on('connection', (socket) => socket.on('data', () => undefined)); // counts bytes
  expect(await rawUpgrade(host, {})).toMatch(/^HTTP\/1\.1 401 /);
  expect(await rawUpgrade(host, reader)).toMatch(/^HTTP\/1\.1 101 /);
});

it('survives an upgrade that comes before the answer to the previous request', async () => {
  const { host, http } = await serve({ options: issuer.options });
  http.on('request', () => undefined); // never answers
  const lines = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
  const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n`);
  await once(socket, 'close');
  expect(await rawUpgrade(host, {})).toMatch(/^HTTP\/1\.1 401 /);
});

it('answers a fault of our own with 500, and warns', { tags: ['OPS-09'] }, async () => {
  const server = createResourceServer(issuer.options);
  vi.spyOn(server, 'authenticate').mockRejectedValue(new Error('bug'));
  const { host } = await serve({ options: server });
  const warned = once(process, 'warning');
  expect(await rawUpgrade(host, reader)).toMatch(/^HTTP\/1\.1 500 /);
  expect((await warned)[0]).toMatchObject({ message: 'bug' });
});

it('ends a connection whose first message meets a fault of our own, and warns', {
  tags: ['OPS-09'],
}, async () => {
  const server = createResourceServer(issuer.options);
  vi.spyOn(server, 'authenticate').mockRejectedValue(new Error('bug'));
  const { url } = await serve({ options: server, webSocketOptions: { firstMessage: {} } });
  const socket = openSocket(url);
  await once(socket, 'open');
  const warned = once(process, 'warning');
  socket.send('token');
  expect(await closing(socket)).toMatch(/^1006/);
  expect((await warned)[0]).toMatchObject({ message: 'bug' });
});

it('ends connections that wait for their first message with the server', async () => {
  const onConnection = vi.fn();
  const webSocketOptions = { firstMessage: {} };
  const { url, sockets } = await serve({ options: issuer.options, webSocketOptions, onConnection });
  const socket = openSocket(url);
  await once(socket, 'open');
  const closed = closing(socket);
  sockets.close();
  expect(await closed).toMatch(/^1006/);
  expect(onConnection).not.toHaveBeenCalled();
});

describe('wrong options', () => {
  it.each<[unknown, string]>([
    [
      { origin: [] },
      'unknown option "origin" in options; did you mean origins? Known are origins, recheckSeconds, firstMessage',
    ],
    [{ origins: 'https://app.example.com' }, 'option "origins" takes a list'],
    [{ origins: ['https://app.example.com/'] }, 'option "origins" takes a list'],
    [{ origins: ['*'] }, 'option "origins" takes a list'],
    [{ recheckSeconds: 0 }, 'option "recheckSeconds" takes a number from 1 to 86400'],
    [{ recheckSeconds: '60' }, 'option "recheckSeconds" takes a number from 1 to 86400'],
    [{ firstMessage: { timeoutSeconds: Number.NaN } }, 'option "firstMessage.timeoutSeconds" takes a number'],
    [
      { firstMessage: { readToken: 'token' } },
      'option "firstMessage.readToken" takes a function, got string',
    ],
    [{ firstMessage: { timeout: 5 } }, 'unknown option "timeout" in firstMessage; '],
  ])('%j', (given, message) => {
    expect(() => new WebSocketGate(issuer.options, given as WebSocketOptions)).toThrow(TypeError);
    expect(() => new WebSocketGate(issuer.options, given as WebSocketOptions)).toThrow(message);
  });
});

describe('a token among the subprotocols', () => {
  const start = () =>
    serve({ options: issuer.options, requirements: [scope], beforeUpgrade: tokenFromSubprotocol });
  const encoded = (token: string) =>
    `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;

  it('lets a browser in, and never goes back', async () => {
    const { url, host } = await start();
    const token = await issuer.token(claims);
    for (const [offered, selected] of [
      [['bearer', token], 'bearer'],
      [['bearer', token, 'chat'], 'chat'],
      [['chat', 'bearer', token], 'chat'],
      [['chat', encoded(token)], 'chat'],
      [[encoded(token), 'chat'], 'chat'],
    ] as const) {
      const socket = openSocket(url, {}, offered);
      await once(socket, 'open');
      expect(socket.protocol).toBe(selected);
    }
    const answer = await rawUpgrade(host, { 'Sec-WebSocket-Protocol': encoded(token) });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).not.toMatch(/sec-websocket-protocol/i);
  });

  it("lets the API of browsers in, as Node's own", async () => {
    const { url } = await start();
    const token = await issuer.token(claims);
    for (const offered of [
      ['bearer', token],
      ['chat', encoded(token)],
    ]) {
      const socket = new BrowserWebSocket(url, offered); // the global one of later versions of Node
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve);
        socket.addEventListener('error', () => reject(new Error('not opened')));
      });
      expect(socket.protocol).toBe(offered[0]);
      socket.close();
    }
  });

  it('is taken away from what the application sees', async () => {
    const token = await issuer.token(claims);
    const { http, url } = await start();
    const socket = openSocket(url, {}, ['chat', 'bearer', token]);
    const [request] = await once(http, 'upgrade');
    expect(request.headers['sec-websocket-protocol']).toBe('chat, bearer');
    expect(request.rawHeaders.filter((text: string) => text.includes(token))).toEqual([`Bearer ${token}`]);
    await once(socket, 'open');
  });

  it('is refused beside another', async () => {
    const { host } = await start();
    const token = await issuer.token(claims);
    const protocols = { 'Sec-WebSocket-Protocol': `bearer, ${token}` };
    expect(await rawUpgrade(host, { ...reader, ...protocols })).toMatch(/^HTTP\/1\.1 400 /);
    for (const value of [`bearer, ${token}, bearer, ${token}`, `bearer, ${token}, ${encoded(token)}`])
      expect(await rawUpgrade(host, { 'Sec-WebSocket-Protocol': value })).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is refused if it is forged', { tags: ['OPS-09'] }, async () => {
    const { host } = await start();
    for (const { name, headers, status } of await issuer.forgeries(claims)) {
      const token = /^Bearer (.+)$/.exec(headers.Authorization ?? '')?.[1];
      if (token === undefined) continue;
      const answer = await rawUpgrade(host, { 'Sec-WebSocket-Protocol': `chat, ${encoded(token)}` });
      expect(answer, name).toContain(`HTTP/1.1 ${status} `);
      const plain = await rawUpgrade(host, { 'Sec-WebSocket-Protocol': `chat, bearer, ${token}` });
      expect(plain, name).toMatch(/^HTTP\/1\.1 4/);
    }
  });

  it('may be missing', async () => {
    const { host } = await start();
    for (const value of ['chat', 'bearer', 'bearer, ', ', bearer'])
      expect(await rawUpgrade(host, { 'Sec-WebSocket-Protocol': value }), value).toMatch(
        /^HTTP\/1\.1 40[01] /,
      );
  });
});
