import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ResourceServerModule } from 'oauth-resource-server/nestjs';
import {
  assertRefusesForgeries,
  createTestIssuer,
  fakeAuth,
  type TestIssuer,
} from 'oauth-resource-server/testing';
import request from 'supertest';
import { StockController } from './stock.controller';
import { StockModule } from './stock.module';

describe('GET /stock/:sku', () => {
  let issuer: TestIssuer;
  let app: INestApplication;

  beforeAll(async () => {
    issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
    const module = await Test.createTestingModule({
      imports: [ResourceServerModule.forRoot(issuer.options), StockModule],
    }).compile();
    app = module.createNestApplication();
    await app.init();
  });

  afterAll(() => app.close());

  it('answers a caller with the scope', async () => {
    await request(app.getHttpServer())
      .get('/stock/42')
      .set(await issuer.authorization({ scope: 'read:inventory' }))
      .expect(200, { sku: '42', caller: 'test-client' });
  });

  it('refuses every forgery', async () => {
    await assertRefusesForgeries(
      (forgery) => request(app.getHttpServer()).get('/stock/42').set(forgery.headers),
      await issuer.forgeries({ scope: 'read:inventory' }),
    );
  });

  it('is a method that takes who calls', () => {
    const answer = new StockController().find('42', fakeAuth({ clientId: 'order-service' }));
    expect(answer).toEqual({ sku: '42', caller: 'order-service' });
  });
});
