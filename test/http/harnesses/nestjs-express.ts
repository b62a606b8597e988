import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestExpressHarness: Harness = {
  name: 'nestjs on express',
  start: (options, { tls, trustsProxies = false, hasCors = true } = {}) =>
    startNest(options, hasCors, (root) => {
      const platform = new ExpressAdapter();
      if (trustsProxies) platform.set('trust proxy', 'loopback');
      platform.use((request: IncomingMessage, _response: unknown, next: () => void) => {
        const { 'x-forwarded-access-token': token } = request.headers;
        if (token !== undefined) request.headers.authorization ??= `Bearer ${token}`;
        next();
      });
      return NestFactory.create(root, platform, {
        logger: false,
        ...(tls !== undefined && { httpsOptions: tls }),
      });
    }),
};
