import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { Probes } from '../../adapters/testing/probes.js';

it('passes requests on that are no probes, and leaves them as they are', () => {
  const probes = new Probes();
  const message = Object.assign(new IncomingMessage(new Socket()), { rawHeaders: ['Host', 'localhost'] });
  const response = new ServerResponse(message);
  const listener = vi.fn();
  probes.watch(listener)(message, response);
  expect(listener).toHaveBeenCalledWith(message, response);
  expect(message.rawHeaders).toEqual(['Host', 'localhost']);
  expect(probes.stop(message)).toBe(false);
  probes.close();
});
