import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestFastifyHarness: Harness = {
  name: 'nestjs on fastify',
  start: (options, tls, trustProxy = false, hasCors = true) =>
    startNest(options, hasCors, (root) => {
      const platform = new FastifyAdapter({
        trustProxy: trustProxy ? 'loopback' : false,
        ...(tls !== undefined && { https: tls }),
      });
      return NestFactory.create(root, platform, { logger: false });
    }),
};
