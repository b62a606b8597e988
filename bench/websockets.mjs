// How connections end: opens many WebSockets whose tokens live half a minute, and looks at when each one is closed
// and at what stays in memory. `node bench/websockets.mjs [connections]`, after `npm run build`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const LIFETIME_SECONDS = 30;
const ROUNDS = 2;
const AT_ONCE = 200;

if (process.argv[2] === 'server') await serve();
else await measure(Number(process.argv[2] ?? 10_000));

async function serve() {
  const { createTestIssuer } = await import('../dist/adapters/testing/index.js');
  const { WebSocketGate } = await import('../dist/adapters/websocket/index.js');
  const { WebSocketServer } = await import('ws');
  const issuer = await createTestIssuer({ lifetimeSeconds: LIFETIME_SECONDS });
  const gate = new WebSocketGate({ ...issuer.options, clockToleranceSeconds: 0 });
  const http = createServer(async (_request, response) => {
    const tokens = await Promise.all(Array.from({ length: AT_ONCE }, () => issuer.token()));
    response.end(JSON.stringify(tokens));
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', gate.upgrade(sockets));
  http.listen({ port: 0, host: '0.0.0.0', backlog: 4096 });
  await once(http, 'listening');
  process.send({ port: http.address().port });
  process.on('disconnect', () => process.exit());
  process.on('message', async () => {
    for (let count = 0; count < 5; count += 1) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { heapUsed, rss } = process.memoryUsage();
    process.send({ open: sockets.clients.size, heapUsed, rss });
  });
}

async function measure(connections) {
  const server = fork(fileURLToPath(import.meta.url), ['server'], { execArgv: ['--expose-gc'] });
  const [{ port }] = await once(server, 'message');
  const memory = async () => {
    server.send('memory');
    return (await once(server, 'message'))[0];
  };
  const show = ({ open, heapUsed, rss }) =>
    `${open} open, heap ${(heapUsed / 2 ** 20).toFixed(1)} MiB, RSS ${(rss / 2 ** 20).toFixed(0)} MiB`;
  console.log(`before: ${show(await memory())}`);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const ends = [];
    const start = Date.now();
    for (let opened = 0; opened < connections; opened += AT_ONCE) {
      const tokens = await (await fetch(`http://127.0.0.1:${port}/`)).json();
      const batch = tokens.slice(0, connections - opened).map((token, index) => open(token, port, index));
      for (const { closed } of batch) ends.push(closed);
      await Promise.all(batch.map(({ upgraded }) => upgraded));
    }
    console.log(
      `round ${round}: opened ${ends.length} in ${(Date.now() - start) / 1000} s; ${show(await memory())}`,
    );
    const late = (await Promise.all(ends)).sort((a, b) => a - b);
    const at = (share) => late[Math.min(late.length - 1, Math.floor(share * late.length))];
    console.log(
      `round ${round}: closed at most ${late.at(-1)} ms after expiry, at least ${late[0]} ms; ` +
        `median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms; ${show(await memory())}`,
    );
  }
  server.kill();
}

/** Opens a WebSocket without a library. `closed`: how long after its token expired it was closed, in ms. */
function open(token, port, index) {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
  const socket = connect({ host: `127.0.0.${(index % 8) + 1}`, port });
  socket.on('error', () => undefined); // a busy client answers too late, and is cut off
  socket.write(
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const upgraded = once(socket, 'data').then(([answer]) => {
    if (!answer.toString().startsWith('HTTP/1.1 101')) throw new Error(answer.toString());
  });
  const closed = upgraded
    .then(() => once(socket, 'data'))
    .then(([frame]) => {
      const ended = Date.now() - exp * 1000;
      const text = frame.toString('latin1');
      if (frame.readUInt16BE(2) !== 3000 || !text.endsWith('expired')) throw new Error(text);
      socket.end(Buffer.of(0x88, 0x82, 0, 0, 0, 0, 0x0b, 0xb8));
      return ended;
    });
  return { upgraded, closed };
}
