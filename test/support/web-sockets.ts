import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { WebSocketOptions } from '../../adapters/websocket/index.js';
import { WebSocketGate } from '../../adapters/websocket/index.js';
import type { Requirement, ResourceServer, ResourceServerOptions } from '../../src/index.js';

/** How a connection ended: `"3000 expired"`. */
export async function closing(socket: WebSocket): Promise<string> {
  const [code, reason] = await once(socket, 'close');
  return `${code} ${reason}`;
}

/** Listens on the loopback interface to the end of the test. */
export async function listen(http: Server): Promise<string> {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.close();
    http.closeAllConnections();
  });
  return `127.0.0.1:${(http.address() as AddressInfo).port}`; // of a TCP server
}

/** A client that closes at the end of the test. `opened` is refused with an Error if the server refuses. */
export function openSocket(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  protocols: readonly string[] = [],
): WebSocket {
  const socket = new WebSocket(url, [...protocols], { headers: { ...headers } });
  socket.on('error', () => undefined);
  onTestFinished(() => socket.terminate());
  return socket;
}

/** The answer to an upgrade request, as it came over the wire. */
export async function rawUpgrade(
  host: string,
  headers: Readonly<Record<string, string>>,
  path = '/',
): Promise<string> {
  const [hostname = '', port] = host.split(':');
  const socket = connect({ host: hostname, port: Number(port) });
  const lines = Object.entries({
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  let received = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    received += chunk;
    if (received.startsWith('HTTP/1.1 101')) break;
  }
  return received;
}

interface Setup {
  readonly options: ResourceServerOptions | ResourceServer;
  readonly webSocketOptions?: WebSocketOptions;
  readonly requirements?: readonly Requirement[];
  readonly serverOptions?: ServerOptions;
  readonly onConnection?: (socket: WebSocket, request: IncomingMessage, gate: WebSocketGate) => void;
  readonly beforeUpgrade?: (request: IncomingMessage) => void;
}

/**
 * A server of WebSockets behind a gate. It echoes what it gets, unless `onConnection` does something else.
 */
export async function serve({
  options,
  webSocketOptions,
  requirements = [],
  serverOptions,
  onConnection = (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)),
  beforeUpgrade,
}: Setup) {
  const gate = new WebSocketGate(options, webSocketOptions);
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true, ...serverOptions });
  if (beforeUpgrade !== undefined) http.on('upgrade', beforeUpgrade);
  http.on('upgrade', gate.upgrade(sockets, ...requirements));
  sockets.on('connection', (socket, request) => onConnection(socket, request, gate));
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  const host = await listen(http);
  return { gate, http, sockets, host, url: `ws://${host}` };
}
