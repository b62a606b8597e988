import 'reflect-metadata'; // before any module of NestJS
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type express from 'express';
import type { ResourceServerOptions } from 'oauth-resource-server';
import * as onExpress from '../services/inventory-express.js';
import * as onFastify from '../services/inventory-fastify.js';
import * as onNestjs from '../services/inventory-nestjs.js';
import { closeServer, listen } from './http-server.js';

/** A running service. */
export interface Service {
  readonly framework: string;
  /** `"http://127.0.0.1:41234"` */
  readonly origin: string;
  stop(): Promise<void>;
}

// Express 4 is installed under another name and without types; what the demo uses is the same in both.
const express4: typeof express = createRequire(import.meta.url)('express4');

/** Starts the inventory service on every framework, each on a free port. */
export async function startInventoryServices(options: ResourceServerOptions): Promise<readonly Service[]> {
  return Promise.all([
    startExpress('Express 5', onExpress.createInventory(options)),
    startExpress('Express 4', onExpress.createInventory(options, express4())),
    startFastify('Fastify 5', options),
    startNest('NestJS on Express', new ExpressAdapter(), options),
    startNest('NestJS on Fastify', new FastifyAdapter(), options),
  ]);
}

/** Starts an application of Express on a free port. */
export async function startExpress(framework: string, app: RequestListener): Promise<Service> {
  const server = createServer(app);
  return { framework, origin: await listen(server), stop: () => closeServer(server) };
}

async function startFastify(framework: string, options: ResourceServerOptions): Promise<Service> {
  const app = await onFastify.createInventory(options);
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { framework, origin, stop: () => app.close() };
}

async function startNest(
  framework: string,
  adapter: ExpressAdapter | FastifyAdapter,
  options: ResourceServerOptions,
): Promise<Service> {
  const app: INestApplication = await NestFactory.create(onNestjs.createInventory(options), adapter, {
    logger: false,
    abortOnError: false, // throw what goes wrong, rather than end the process
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  return { framework, origin: await app.getUrl(), stop: () => app.close() };
}
