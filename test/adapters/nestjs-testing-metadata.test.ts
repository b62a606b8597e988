import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { expect, it, onTestFinished } from 'vitest';
import { ResourceServerModule } from '../../adapters/nestjs/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';

const issuer = await createTestIssuer();

it.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
])(
  'a testing module on %s serves the metadata, though it gets its platform late',
  { tags: ['PRM-02'] },
  async (_name, platform) => {
    const options = { ...issuer.options, resource: 'https://api.example.com/v2' };
    const testing = await Test.createTestingModule({
      imports: [ResourceServerModule.forRoot(options)],
    }).compile();
    const app = testing.createNestApplication<INestApplication>(platform());
    onTestFinished(() => app.close());
    await app.listen(0, '127.0.0.1');
    const { status } = await send(await app.getUrl(), { path: '/.well-known/oauth-protected-resource/v2' });
    expect(status).toBe(200);
  },
);
