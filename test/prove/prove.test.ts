import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import express4 from 'express4';
import { createTestIssuer, prove } from 'oauth-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { createApp as createExpress, type Framework } from './apps/express.js';
import { createApp as createFastify } from './apps/fastify.js';
import { AppModule } from './apps/nestjs.js';

const issuer = await createTestIssuer();
const usual = {
  issuer,
  public: ['GET /health', 'GET /about/:topic'],
  samples: {
    'GET /admin/tenants': { claims: { tenant: 'acme' } },
    'POST /admin/tenants': { claims: { tenant: 'acme' } },
  },
};

describe('x', () => {
  for (const [name, fw] of Object.entries({ express, express4 }))
    it(name, async () => {
      let n = 0;
      const t = performance.now();
      const report = await prove(
        createExpress(fw as unknown as Framework, issuer.options, () => void n++),
        { ...usual, lockFile: false },
      );
      console.log(report.lock, report.requests, n, performance.now() - t);
    });
  it('fastify', async () => {
    let n = 0;
    const t = performance.now();
    const report = await prove(
      await createFastify(issuer.options, () => {
        n++;
        return {};
      }),
      { ...usual, lockFile: false },
    );
    console.log(report.lock, report.requests, n, performance.now() - t);
  });
  it('nest-fastify', async () => {
    let n = 0;
    const t = performance.now();
    const app = await NestFactory.create(
      AppModule.with(issuer.options, () => {
        n++;
        return {};
      }),
      new FastifyAdapter(),
      { logger: false },
    );
    const report = await prove(app, { ...usual, lockFile: false });
    console.log(report.lock, report.requests, n, performance.now() - t);
  });
  it('nest', async () => {
    let n = 0;
    const t = performance.now();
    const app = await NestFactory.create(
      AppModule.with(issuer.options, () => {
        n++;
        return {};
      }),
      { logger: false },
    );
    const report = await prove(app, { ...usual, lockFile: false });
    console.log(report.lock, report.requests, n, performance.now() - t);
  });
});
