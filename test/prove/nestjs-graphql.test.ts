import { NestFactory } from '@nestjs/core';
import { createTestIssuer, prove } from 'oauth-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { createModule } from './apps/nestjs-graphql.js';
import { withFewForgeries } from './few-forgeries.js';

const issuer = withFewForgeries(await createTestIssuer());

describe('an application of NestJS with GraphQL', () => {
  it('has an endpoint that is listed', async () => {
    const app = await NestFactory.create(createModule(issuer.options), { logger: false });
    try {
      await expect(prove(app, { issuer, lockFile: false })).rejects.toThrow(
        'USE /graphql: lets requests without a token in (400)',
      );
      const { lock } = await prove(app, { issuer, lockFile: false, public: ['POST /graphql'] });
      expect(lock.split('\n').slice(1, -1)).toEqual([
        'USE /graphql  public',
        'GET /stock  scope read:inventory',
      ]);
    } finally {
      await app.close();
    }
  });
});
