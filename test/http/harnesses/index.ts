import { express4Harness, express5Harness } from './express.js';
import { fastifyHarness } from './fastify.js';
import { fetchHarness } from './fetch.js';
import type { Harness } from './harness.js';
import { honoHarness } from './hono.js';
import { nestExpressHarness } from './nestjs-express.js';
import { nestFastifyHarness } from './nestjs-fastify.js';

const every: readonly Harness[] = [
  express5Harness,
  express4Harness,
  fastifyHarness,
  nestExpressHarness,
  nestFastifyHarness,
  fetchHarness,
  honoHarness,
];

/**
 * Every framework that runs the contract. A test project can name one in `HARNESSES`: `nest-11` wants NestJS
 * alone.
 */
export const harnesses: readonly Harness[] = every.filter(({ name }) =>
  name.startsWith(process.env.HARNESSES ?? ''),
);
