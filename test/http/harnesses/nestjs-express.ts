import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestExpressHarness: Harness = {
  name: 'nestjs on express',
  start: (options, tls, trustProxy = false, hasCors = true) =>
    startNest(options, hasCors, (root) => {
      const platform = new ExpressAdapter();
      if (trustProxy) platform.set('trust proxy', 'loopback');
      return NestFactory.create(root, platform, {
        logger: false,
        ...(tls !== undefined && { httpsOptions: tls }),
      });
    }),
};
