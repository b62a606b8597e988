import 'reflect-metadata';
import { All, Controller, Delete, type DynamicModule, Get, Inject, Module, Post, Put } from '@nestjs/common';
import {
  Public,
  RequireAnyScope,
  RequireAuthentication,
  RequireClaims,
  RequireScope,
  ResourceServerModule,
  type ResourceServerModuleOptions,
} from 'oauth-resource-server/nestjs';

/** What every handler calls. */
const HANDLE = Symbol('handle');

class Handlers {
  constructor(@Inject(HANDLE) protected readonly handle: () => object) {}
}

@Controller()
class OpenController extends Handlers {
  @Get('health')
  @Public()
  health() {
    return this.handle();
  }

  @Get('about/:topic')
  @Public()
  about() {
    return this.handle();
  }

  @Get('me')
  me() {
    return this.handle();
  }
}

@Controller('stock')
class StockController extends Handlers {
  @Get(':sku')
  @RequireScope('read:inventory')
  find() {
    return this.handle();
  }

  @Put(':sku')
  @RequireScope('read:inventory', 'write:inventory')
  change() {
    return this.handle();
  }
}

@Controller('shops/:shop/orders')
class OrdersController extends Handlers {
  @Get()
  @RequireAnyScope('read:orders', 'admin')
  list() {
    return this.handle();
  }

  @Post()
  @RequireScope('write:orders')
  order() {
    return this.handle();
  }

  @Delete(':id')
  @RequireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] })
  cancel() {
    return this.handle();
  }
}

@Controller('admin')
@RequireScope('admin')
class AdminController extends Handlers {
  @All(['audit', 'log'])
  audit() {
    return this.handle();
  }

  @Get('tenants')
  @RequireClaims((claims) => claims.tenant === 'acme')
  tenants() {
    return this.handle();
  }

  @Post('tenants')
  @RequireScope('write:tenants')
  @RequireClaims((claims) => claims.tenant === 'acme')
  addTenant() {
    return this.handle();
  }
}

@Module({})
class AppModule {}

export function createModule(options: ResourceServerModuleOptions, handle: () => object): DynamicModule {
  return {
    module: AppModule,
    imports: [ResourceServerModule.forRoot(options)],
    controllers: [OpenController, StockController, OrdersController, AdminController],
    providers: [{ provide: HANDLE, useValue: handle }],
  };
}
