import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { WebSocket } from 'ws';
import {
  type Connection,
  getAuth,
  requireScope,
  type WebSocketOptions,
} from '../../adapters/websocket/index.js';
import { createResourceServer, type ResourceServerOptions, UnavailableError } from '../../src/index.js';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../../src/testing/index.js';
import { closing, openSocket, serve } from '../support/web-sockets.js';

const scope = requireScope('read:inventory');
const claims = { scope: 'read:inventory' };

interface Opened {
  readonly connection: Connection;
  readonly request: IncomingMessage;
  /** The server's end. */
  readonly accepted: WebSocket;
}

/** A gate on a clock that only `pass` moves on, and the timers with it. */
async function timed({
  options = {},
  webSocketOptions = {},
  isAsked = false,
  issuer: given,
}: {
  readonly options?: Partial<ResourceServerOptions>;
  readonly webSocketOptions?: WebSocketOptions;
  readonly isAsked?: boolean;
  readonly issuer?: TestIssuer;
} = {}) {
  const issuer = given ?? (await createTestIssuer({ clock: () => Date.now(), lifetimeSeconds: 300 }));
  const trusted = isAsked ? issuer.introspectionOptions : issuer.options;
  const server = createResourceServer({ ...trusted, ...options });
  let told = (_opened: Opened): void => undefined;
  const { url, sockets } = await serve({
    options: server,
    webSocketOptions,
    requirements: [scope],
    onConnection: (accepted, request, gate) => {
      accepted.on('message', (data) => accepted.send(`echo ${data}`));
      told({ connection: gate.connection(accepted), request, accepted });
    },
  });
  const now = Math.ceil(Date.now() / 1000) * 1000; // tokens know whole seconds
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  await server.verify(await (isAsked ? issuer.opaqueToken() : issuer.token())); // the keys have timers of their own
  const others = vi.getTimerCount();
  return {
    issuer,
    timers: () => vi.getTimerCount() - others,
    server,
    sockets,
    url,
    /** Opens a connection with this token. */
    async open(token: string, headers: Record<string, string> = { Authorization: `Bearer ${token}` }) {
      const opened = new Promise<Opened>((resolve) => {
        told = resolve;
      });
      const socket = openSocket(url, headers);
      await once(socket, 'open');
      return { socket, closed: closing(socket), ...(await opened) };
    },
    async pass(seconds: number) {
      await vi.advanceTimersByTimeAsync(seconds * 1000);
    },
  };
}

/** Waits for what happens without timers. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** Whether the connection is open: it echoes. */
async function echoes(socket: WebSocket): Promise<boolean> {
  const answer = once(socket, 'message');
  socket.send('still there');
  return String((await answer)[0]) === 'echo still there';
}

describe('a connection ends', () => {
  it('when its token expires, with the tolerance of a request', async () => {
    const { issuer, open, pass, timers } = await timed();
    const { socket, closed } = await open(await issuer.token(claims));
    await pass(300);
    await pass(4.9);
    expect(await echoes(socket)).toBe(true);
    await pass(0.2);
    expect(await closed).toBe('3000 expired');
    await until(() => timers() <= 0);
  });

  it('not before, if that is further away than a timer knows', async () => {
    const { issuer, server, open, pass } = await timed({ webSocketOptions: { recheckSeconds: 86_400 } });
    const recheck = vi.spyOn(server, 'recheck');
    const { socket } = await open(await issuer.token({ ...claims, exp: Date.now() / 1000 + 4_000_000 }));
    await pass(3600);
    expect(recheck).not.toHaveBeenCalled();
    expect(await echoes(socket)).toBe(true);
  });

  it('when its token was revoked, asked as often as an option says', async () => {
    let isRevoked = false;
    const { issuer, open, pass } = await timed({
      options: { isRevoked: () => isRevoked },
      webSocketOptions: { recheckSeconds: 10 },
    });
    const { socket, closed, connection } = await open(await issuer.token(claims));
    await pass(10);
    isRevoked = true;
    await pass(9.9);
    expect(await echoes(socket)).toBe(true);
    await pass(0.2);
    expect(await closed).toBe('3000 revoked');
    expect(connection.authorize(scope)).toMatchObject({ kind: 'denied', error: { reason: 'revoked' } });
  });

  it('when nobody can check it any more because of a fault of ours', async () => {
    const { issuer, server, open, pass } = await timed();
    const warnings: unknown[] = [];
    vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning));
    onTestFinished(() => void vi.restoreAllMocks());
    const { closed } = await open(await issuer.token(claims));
    const bug = new Error('a bug');
    Object.assign(server, { recheck: () => Promise.reject(bug) });
    await pass(60);
    expect(await closed).toBe('1013 temporarily_unavailable');
    expect(warnings).toEqual([bug]);
  });

  it('when its issuer calls it inactive', async () => {
    const { issuer, open, pass } = await timed({ isAsked: true });
    const token = issuer.opaqueToken(claims);
    const { socket, closed } = await open(token);
    await pass(60);
    expect(await echoes(socket)).toBe(true);
    issuer.revokeToken(token);
    await pass(60);
    expect(await closed).toBe('3000 token_inactive');
  });

  it('when its key is withdrawn', async () => {
    const { issuer, server, open, pass } = await timed();
    const { closed } = await open(await issuer.token(claims));
    await issuer.rotateKeys();
    await server.verify(await issuer.token(claims)); // fetches the keys
    await pass(60);
    expect(await closed).toBe('3000 no_matching_key');
  });

  it('at the latest when it expires, even if nobody says whether it was revoked', async () => {
    let answer: () => Promise<boolean> | boolean = () => false;
    const { issuer, open, pass } = await timed({ options: { isRevoked: () => answer() } });
    const outage = () => {
      throw new Error('down');
    };
    const { socket, closed } = await open(await issuer.token(claims));
    answer = outage;
    await pass(120);
    expect(await echoes(socket)).toBe(true);
    answer = () => new Promise(() => undefined);
    await pass(184.9);
    expect(await echoes(socket)).toBe(true);
    await pass(0.2);
    expect(await closed).toBe('3000 expired');
  });

  it('not by itself, if its issuer names no end', async () => {
    const introspection = { mayBeAbsent: ['exp'] as const };
    const issuer = await createTestIssuer({ clock: () => Date.now() });
    const trusted = issuer.introspectionOptions.issuer;
    const other = await timed({
      issuer,
      options: {
        issuer: { ...trusted, introspection: { ...trusted.introspection, ...introspection } },
        clockToleranceSeconds: 0,
      },
    });
    const token = issuer.opaqueToken({ ...claims, exp: undefined });
    const { socket, closed, connection } = await other.open(token);
    const { expiresAt } = connection.auth;
    await other.pass(600);
    expect(await echoes(socket)).toBe(true);
    expect(connection.auth.expiresAt).toBeGreaterThan(expiresAt);
    issuer.goDown();
    await other.pass(600);
    expect(await echoes(socket)).toBe(true);
    issuer.comeBack();
    issuer.revokeToken(token);
    await other.pass(60);
    expect(await closed).toBe('3000 token_inactive');
  });

  it('also for a client that goes on talking', async () => {
    const { issuer, pass, open } = await timed();
    const { accepted, socket } = await open(await issuer.token(claims));
    Reflect.get(socket, '_receiver').removeAllListeners('conclude'); // it never answers a close frame
    const heard = vi.fn();
    accepted.on('message', heard);
    await pass(305.1);
    socket.send('still here');
    const closed = once(accepted, 'close');
    await new Promise(setImmediate);
    await pass(1);
    await closed;
    expect(heard).not.toHaveBeenCalled();
  });
});

describe('a fresh token', () => {
  it('keeps the connection open, and is the current one from now on', async () => {
    const { issuer, open, pass, timers } = await timed();
    const { socket, closed, connection, request } = await open(await issuer.token(claims));
    await pass(200);
    const fresh = await issuer.token({ ...claims, scope: 'read:inventory write:orders' });
    expect(connection.authorize(requireScope('write:orders'))).toMatchObject({ kind: 'denied' });
    expect(await connection.renew(fresh)).toBe(true);
    expect(connection.authorize(requireScope('write:orders'))).toMatchObject({ kind: 'allowed' });
    expect(connection.auth.token).toBe(fresh);
    expect(getAuth(request)).toBe(connection.auth);
    await pass(300);
    expect(await echoes(socket)).toBe(true);
    await pass(5.1);
    expect(await closed).toBe('3000 expired');
    expect(await connection.renew(await issuer.token(claims))).toBe(false);
    await until(() => timers() <= 0);
  });

  it.each<[string, object, string]>([
    ['another subject', { sub: 'other-client' }, '3003 caller_mismatch'],
    ['another client', { client_id: 'other-client', sub: 'test-client' }, '3003 caller_mismatch'],
    ['no subject', { sub: undefined }, '3003 caller_mismatch'],
    ['the same subject by an actor', { act: { sub: 'orders' } }, '3003 caller_mismatch'],
    ['another scope', { scope: 'write:orders' }, '3003 insufficient_scope'],
    ['another API', { aud: 'https://other-api.example' }, '3000 aud_mismatch'],
    ['a client with a certificate', { cnf: { 'x5t#S256': 'A'.repeat(43) } }, '3000 unsupported_confirmation'],
    ['a client with a DPoP key', { cnf: { jkt: 'A'.repeat(43) } }, '3000 unsupported_confirmation'],
  ])('for %s ends it', async (_what, changes, expected) => {
    const { issuer, open } = await timed();
    const { closed, connection } = await open(await issuer.token(claims));
    expect(await connection.renew(await issuer.token({ ...claims, ...changes }))).toBe(false);
    expect(await closed).toBe(expected);
  });

  it.each([
    ['another actor', { sub: 'shop' }, '3003 caller_mismatch'],
    ['another actor of an unusual name', { sub: 'orders', email: 'a@b.c' }, '3003 caller_mismatch'],
    ['no actor', undefined, '3003 caller_mismatch'],
    ['an actor without a name', { email: 'a@b.c' }, '3003 caller_mismatch'],
    ['the same actor, by another way', { sub: 'orders', act: { sub: 'shop' } }, 'open'],
  ])('of %s in place of an actor: %s', async (_what, act, expected) => {
    const { issuer, open } = await timed();
    const { closed, connection } = await open(await issuer.token({ ...claims, act: { sub: 'orders' } }));
    const isRenewed = await connection.renew(await issuer.token({ ...claims, act }));
    expect(isRenewed ? 'open' : await closed).toBe(expected);
  });

  it('of another issuer ends it', async () => {
    const second = await createTestIssuer({ issuer: 'https://second.example' });
    const first = await createTestIssuer();
    const issuers = [first.options.issuer, second.options.issuer];
    const { open } = await timed({ issuer: first, options: { issuer: issuers } });
    const { closed, connection } = await open(await first.token(claims));
    expect(await connection.renew(await second.token(claims))).toBe(false);
    expect(await closed).toBe('3003 caller_mismatch');
  });

  it('that is forged ends it', { tags: ['OPS-09'] }, async () => {
    const { issuer, open } = await timed();
    for (const { name, headers, reason } of await issuer.forgeries(claims)) {
      const token = /^Bearer (.+)$/s.exec(headers.Authorization ?? '')?.[1];
      if (token === undefined || reason === 'malformed_credentials' || reason === 'multiple_methods')
        continue;
      const { closed, connection } = await open(await issuer.token(claims));
      expect(await connection.renew(token), name).toBe(false);
      expect(await closed, name).toMatch(/^300[03] /);
    }
  });

  it.each([undefined, null, 42, {}, [], '', 'Bearer'])('that is %j ends it', async (token) => {
    const { issuer, open } = await timed();
    const { closed, connection } = await open(await issuer.token(claims));
    expect(await connection.renew(token)).toBe(false);
    expect(await closed).toBe('3000 malformed_token');
  });

  it('changes nothing during an outage', async () => {
    const { issuer, open, server } = await timed();
    const { socket, connection } = await open(await issuer.token(claims));
    const { auth } = connection;
    const verify = vi.spyOn(server, 'verify');
    verify.mockRejectedValueOnce(new UnavailableError('jwks_unavailable', 1));
    expect(await connection.renew('any')).toBe(false);
    expect(await echoes(socket)).toBe(true);
    expect(connection.auth).toBe(auth);
    verify.mockRejectedValueOnce(new Error('bug'));
    await expect(connection.renew('any')).rejects.toThrow('bug');
  });

  it('is refused on a connection whose token is bound to a key', async () => {
    const { issuer, url, open, pass } = await timed();
    const key = await createDpopKey({ clock: () => Date.now() });
    const token = await issuer.token({ ...claims, cnf: { jkt: key.thumbprint } });
    const headers = await key.headers({ url: url.replace('ws', 'http'), token });
    const { socket, closed, connection } = await open(token, headers);
    await pass(120); // verified anew without another proof
    expect(await echoes(socket)).toBe(true);
    expect(await connection.renew(await issuer.token(claims))).toBe(false);
    expect(await closed).toBe('3000 unsupported_confirmation');
  });
});

it('leaves nothing behind when the client closes', async () => {
  const { issuer, open, timers } = await timed();
  const { socket, accepted } = await open(await issuer.token(claims));
  expect(timers()).toBe(1);
  const closed = once(accepted, 'close');
  socket.close();
  await closed;
  await until(() => timers() <= 0);
});

it('keeps no process alive', async () => {
  const issuer = await createTestIssuer();
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const { url } = await serve({ options: issuer.options, webSocketOptions: { firstMessage: {} } });
  await once(openSocket(url, await issuer.authorization()), 'open');
  await once(openSocket(url), 'open');
  const after = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  expect(after).toBeLessThanOrEqual(before);
});

describe('a first message', () => {
  const start = (webSocketOptions: WebSocketOptions = {}) =>
    timed({ webSocketOptions: { firstMessage: {}, ...webSocketOptions } });

  it('is the token; what comes behind it reaches the application in order', async () => {
    const { issuer, url, sockets } = await start();
    const socket = openSocket(url);
    await once(socket, 'open');
    expect(sockets.clients.size).toBe(0);
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    socket.send(await issuer.token(claims));
    for (const text of ['1', '2', '3']) socket.send(text);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['echo 1', 'echo 2', 'echo 3']);
    expect(sockets.clients.size).toBe(1);
    socket.send('4');
    await until(() => heard.length === 4);
  });

  it('has the lifetime of its token', async () => {
    const { issuer, url, pass, timers } = await start();
    const socket = openSocket(url);
    await once(socket, 'open');
    socket.send(await issuer.token(claims));
    expect(await echoes(socket)).toBe(true);
    const closed = closing(socket);
    await pass(305.1);
    expect(await closed).toBe('3000 expired');
    await until(() => timers() <= 0);
  });

  it('may come late, but not too late', async () => {
    const { url, pass } = await start();
    const socket = openSocket(url);
    await once(socket, 'open');
    const closed = closing(socket);
    await pass(9.9);
    expect(socket.readyState).toBe(1);
    await pass(0.2);
    expect(await closed).toBe('3008 missing_credentials');
  });

  it('is looked at by the application, if it is of another shape', async () => {
    const readToken = (text: string) => JSON.parse(text).token;
    const { issuer, url } = await start({ firstMessage: { readToken } });
    const socket = openSocket(url);
    await once(socket, 'open');
    socket.send(JSON.stringify({ token: await issuer.token(claims) }));
    expect(await echoes(socket)).toBe(true);
    for (const text of ['no JSON', '{}', '{"token":42}', 'null', '{"token":null}']) {
      const refused = openSocket(url);
      await once(refused, 'open');
      refused.send(text);
      expect(await closing(refused), text).toBe('3000 malformed_credentials');
    }
  });

  it('is not needed by who has a token already, and a bad one there is refused at once', async () => {
    const { issuer, url } = await start();
    const socket = openSocket(url, await issuer.authorization(claims));
    await once(socket, 'open');
    expect(await echoes(socket)).toBe(true);
    const refused = openSocket(url, await issuer.authorization({ ...claims, exp: 1 }));
    expect((await once(refused, 'unexpected-response'))[1].statusCode).toBe(401);
  });

  it.each<[string, (socket: WebSocket) => void, string]>([
    ['binary', (socket) => socket.send(Buffer.from('token')), '3000 malformed_credentials'],
    ['empty', (socket) => socket.send(''), '3000 malformed_credentials'],
    ['too large', (socket) => socket.send('x'.repeat(100_000)), '3000 token_too_large'],
    ['endless', (socket) => socket.send('x'.repeat(30_000), { fin: false }), '3000 token_too_large'],
    ['no token', (socket) => socket.send('hello'), '3000 malformed_token'],
  ])('is refused if it is %s', async (_what, send, expected) => {
    const { url, sockets, pass, timers } = await start();
    const socket = openSocket(url);
    await once(socket, 'open');
    const closed = closing(socket);
    send(socket);
    await until(() => timers() <= 0 || socket.readyState > 1);
    await pass(1); // those that aren't read to the end can't answer that they're closed
    expect(await closed).toBe(expected);
    expect(sockets.clients.size).toBe(0);
  });

  it.each([
    ['comes in one piece', false, 25_000],
    ['is compressed', true, 1_000_000],
  ])('is too large for the application, too, if it %s', async (_how, perMessageDeflate, length) => {
    const issuer = await createTestIssuer();
    const readToken = vi.fn(String);
    const { url } = await serve({
      options: issuer.options,
      webSocketOptions: { firstMessage: { readToken } },
      serverOptions: { perMessageDeflate },
    });
    const socket = openSocket(url);
    await once(socket, 'open');
    socket.send('x'.repeat(length));
    expect(await closing(socket)).toBe('3000 token_too_large');
    expect(readToken).not.toHaveBeenCalled();
  });

  it('is refused if it is forged, and nothing reaches the application', { tags: ['OPS-09'] }, async () => {
    const issuer = await createTestIssuer();
    const onConnection = vi.fn();
    const { url } = await serve({
      options: issuer.options,
      webSocketOptions: { firstMessage: {} },
      requirements: [scope],
      onConnection,
    });
    const forgeries = await issuer.forgeries(claims);
    const outcomes = forgeries.map(async ({ name, headers, reason, status }) => {
      const token = /^Bearer (.+)$/s.exec(headers.Authorization ?? '')?.[1];
      if (token === undefined) return;
      const socket = openSocket(url);
      await once(socket, 'open');
      socket.send(token);
      socket.send('and more');
      const expected = reason === 'multiple_methods' ? 'm' : `${status === 403 ? 3003 : 3000} ${reason}`;
      expect(await closing(socket), name).toContain(expected);
    });
    await Promise.all(outcomes);
    expect(onConnection).not.toHaveBeenCalled();
  });

  it('says that an outage is ours', async () => {
    const issuer = await createTestIssuer();
    issuer.goDown();
    const { url } = await serve({ options: issuer.options, webSocketOptions: { firstMessage: {} } });
    const socket = openSocket(url);
    await once(socket, 'open');
    socket.send(await issuer.token());
    expect(await closing(socket)).toBe('1013 temporarily_unavailable');
  });

  it('that breaks the protocol, or never comes, ends nothing but its connection', async () => {
    const { url, issuer, sockets } = await start();
    const [, , port] = url.split(':');
    const socket = connect(Number(port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(socket, 'data');
    socket.write(Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff));
    await once(socket, 'data');
    const left = openSocket(url);
    await once(left, 'open');
    left.terminate();
    const good = openSocket(url);
    await once(good, 'open');
    good.send(await issuer.token(claims));
    expect(await echoes(good)).toBe(true);
    expect(sockets.clients.size).toBe(1);
  });
});
