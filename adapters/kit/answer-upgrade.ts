// A module of its own: not every runtime has `node:http`, and bundles without upgrades leave it out.

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Answer } from '../../src/index.js';
import { replyOf, sendAnswer } from './answers.js';

/** Marks a connection that gets an answer. */
const answered: unique symbol = Symbol('oauth-resource-server.answered');

/** Whether another listener answered an upgrade request, or opened a WebSocket; or the client has left. */
export function isTaken(socket: Duplex & { [answered]?: true }): boolean {
  const { destroyed, writableEnded, readableFlowing, [answered]: isAnswered = false } = socket;
  // Node stops the flow before it emits `upgrade`. A listener from before that reads nothing.
  const isRead = readableFlowing !== null && socket.listenerCount('data') > 0;
  return destroyed || writableEnded || isAnswered || isRead;
}

/**
 * Answers an upgrade request as Node would answer any other, and ends the connection. Errors of the
 * connection are ignored. If another listener was quicker, it does nothing.
 *
 * @param socket from the event `upgrade` of an HTTP server
 */
export function answerUpgrade(answer: Answer, message: IncomingMessage, socket: Duplex): void {
  if (isTaken(socket)) return;
  Object.assign(socket, { [answered]: true });
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  socket.on('error', () => socket.destroy()); // without a listener the process would end
  try {
    response.assignSocket(socket as Socket); // an HTTP server has no others
  } catch {
    // The client didn't wait for the answer to its previous request. Two answers at once would mix.
    socket.destroy();
    return;
  }
  response.on('finish', () => socket.end(() => socket.destroy()));
  sendAnswer(answer, replyOf(response));
}
