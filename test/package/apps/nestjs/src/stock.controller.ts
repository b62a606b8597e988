import { Controller, Get, Param } from '@nestjs/common';
import { Auth, Public, RequireScope } from 'oauth-resource-server/nestjs';

@Controller('stock')
export class StockController {
  @Get('health')
  @Public()
  health() {
    return { status: 'up' };
  }

  @Get(':sku')
  @RequireScope('read:inventory')
  find(@Param('sku') sku: string, @Auth() auth: Auth) {
    return { sku, caller: auth.clientId };
  }

  @Get(':sku/tenant')
  tenant(@Auth() auth: Auth<{ tenant: string }>) {
    return { tenant: auth.claims.tenant.toUpperCase() };
  }
}
