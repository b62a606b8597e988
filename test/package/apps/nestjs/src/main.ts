import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ResourceServerModule } from 'oauth-resource-server/nestjs';
import { createTestIssuer } from 'oauth-resource-server/testing';
import { StockModule } from './stock.module';

async function main() {
  const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });

  @Module({ imports: [ResourceServerModule.forRoot(issuer.options), StockModule] })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();

  const anonymous = await fetch(`${url}/stock/42`);
  const open = await fetch(`${url}/stock/health`);
  const allowed = await fetch(`${url}/stock/42`, {
    headers: await issuer.authorization({ scope: 'read:inventory' }),
  });
  const tenant = await fetch(`${url}/stock/42/tenant`, {
    headers: await issuer.authorization({ tenant: 'acme' }),
  });
  console.log(
    JSON.stringify({
      anonymous: [anonymous.status, anonymous.headers.get('WWW-Authenticate')],
      open: open.status,
      allowed: [allowed.status, await allowed.json()],
      tenant: await tenant.json(),
    }),
  );
  await app.close();
}

void main();
