import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestExpressHarness: Harness = {
  name: 'nestjs on express',
  start: (options) =>
    startNest(options, (root) => NestFactory.create(root, new ExpressAdapter(), { logger: false })),
};
