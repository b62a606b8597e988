import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Harness } from './harness.js';
import { startNest } from './nestjs.js';

export const nestFastifyHarness: Harness = {
  name: 'nestjs on fastify',
  start: (options, { tls, trustsProxies = false, hasCors = true } = {}) =>
    startNest(options, hasCors, (root) => {
      const platform = new FastifyAdapter({
        trustProxy: trustsProxies ? 'loopback' : false,
        ...(tls !== undefined && { https: tls }),
      });
      platform.getInstance().addHook('onRequest', async (request) => {
        const { authorization, 'x-forwarded-access-token': token } = request.headers;
        if (authorization === undefined && token !== undefined)
          request.headers = { ...request.headers, authorization: `Bearer ${token}` };
      });
      return NestFactory.create(root, platform, { logger: false });
    }),
};
