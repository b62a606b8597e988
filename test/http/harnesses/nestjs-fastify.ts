import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestFastifyHarness: Harness = {
  name: 'nestjs on fastify',
  start: (options) =>
    startNest(options, (root) => NestFactory.create(root, new FastifyAdapter(), { logger: false })),
};
