import type { Harness } from './harness.js';
import { honoApplication } from './hono-application.js';
import { serve } from './serve-fetch.js';

/** An application of Hono on Node. */
export const honoHarness: Harness = {
  name: 'hono',
  start: (options, settings = {}) => serve(honoApplication(options, settings), settings.tls),
};
