// A module of its own: not every runtime has `node:http`, and bundles without upgrades leave it out.

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Answer } from '../../src/index.js';
import { replyOf, sendAnswer } from './answers.js';

/**
 * Answers an upgrade request as Node would answer any other, and ends the connection. Errors of the
 * connection are ignored.
 *
 * @param socket from the event `upgrade` of an HTTP server
 */
export function answerUpgrade(answer: Answer, message: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket); // an HTTP server has no others
  response.on('finish', () => socket.end(() => socket.destroy()));
  socket.on('error', () => socket.destroy()); // without a listener the process would end
  sendAnswer(answer, replyOf(response));
}
