import { express4Harness, express5Harness } from './express.js';
import { fastifyHarness } from './fastify.js';
import type { Harness } from './harness.js';
import { nestExpressHarness } from './nestjs-express.js';
import { nestFastifyHarness } from './nestjs-fastify.js';

/** Every framework that runs the contract. */
export const harnesses: readonly Harness[] = [
  express5Harness,
  express4Harness,
  fastifyHarness,
  nestExpressHarness,
  nestFastifyHarness,
];
