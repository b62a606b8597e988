import { fetchApplication } from './fetch-application.js';
import type { Harness } from './harness.js';
import { serve } from './serve-fetch.js';

/** A Hono application on Node, behind gates of the entry `fetch`. */
export const fetchHarness: Harness = {
  name: 'fetch (hono)',
  start: (options, settings = {}) => serve(fetchApplication(options, settings), settings.tls),
};
