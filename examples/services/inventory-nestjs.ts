import { Controller, Get, Module, Param, Post, type Type } from '@nestjs/common';
import {
  Auth,
  Public,
  RequireScope,
  ResourceServerModule,
  type ResourceServerOptions,
} from 'oauth-resource-server/nestjs';

@Controller('stock')
class StockController {
  @Get(':sku')
  @RequireScope('read:inventory')
  find(@Param('sku') sku: string, @Auth() auth: Auth): object {
    return { sku, inStock: 7, caller: auth.clientId };
  }

  @Post(':sku/reservations')
  @RequireScope('write:inventory')
  reserve(@Param('sku') sku: string, @Auth() auth: Auth): object {
    return { sku, reserved: 1, caller: auth.clientId };
  }
}

@Controller('health')
class HealthController {
  @Get()
  @Public()
  check(): object {
    return { status: 'ok' };
  }
}

/** The inventory service on NestJS: `NestFactory.create(createInventory({ issuer, audience }))`. */
export function createInventory(options: ResourceServerOptions): Type {
  @Module({
    imports: [ResourceServerModule.forRoot(options)], // a global guard: every route is protected
    controllers: [StockController, HealthController],
  })
  class InventoryModule {}
  return InventoryModule;
}
