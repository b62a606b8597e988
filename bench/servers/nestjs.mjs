import 'reflect-metadata';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RequestAuth } from '../contestants/by-hand.mjs';

const OPEN = { parameter: RequestAuth(), caller: () => 'order-service' };

/** The route on NestJS 12, on Express, behind what a contestant puts before it. Plain JavaScript has no decorators: they are called. */
export async function serve({ imports = [], providers = [], decorators = [], parameter, caller } = OPEN) {
  class StockController {
    find(sku, auth) {
      return { sku, caller: caller(auth) };
    }
  }
  const { prototype } = StockController;
  const method = Object.getOwnPropertyDescriptor(prototype, 'find');
  for (const decorate of [Get(':sku'), ...decorators]) decorate(prototype, 'find', method);
  Param('sku')(prototype, 'find', 0);
  parameter(prototype, 'find', 1);
  Controller('stock')(StockController);

  class AppModule {}
  Module({ imports, providers, controllers: [StockController] })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  return app.getHttpServer().address().port;
}
