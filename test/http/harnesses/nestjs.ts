import 'reflect-metadata';
import {
  Controller,
  type DynamicModule,
  Get,
  HttpCode,
  type INestApplication,
  Inject,
  Module,
  Options,
  Param,
  Post,
} from '@nestjs/common';
import {
  Auth,
  Public,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequireClaims,
  RequireScope,
  ResourceServerModule,
  type ResourceServerModuleOptions,
} from '../../../adapters/nestjs/index.js';
import { InsufficientScopeError } from '../../../src/index.js';
import type { Running } from './harness.js';

class Counter {
  handled = 0;
}

class StockHandlers {
  constructor(@Inject(Counter) protected readonly counter: Counter) {}

  @Get(':sku')
  @RequireScope('read:inventory')
  find(@Param('sku') sku: string, @Auth() auth: Auth): object {
    this.counter.handled++;
    return { sku, caller: auth.clientId ?? null, scopes: auth.scopes };
  }
}

@Controller('stock')
class StockController extends StockHandlers {}

@Controller('mounted/stock')
class MountedStockController extends StockHandlers {}

@Controller()
class OtherController {
  constructor(@Inject(Counter) private readonly counter: Counter) {}

  @Post('orders')
  @RequireScope('read:inventory', 'write:orders')
  order(): object {
    this.counter.handled++;
    return { ok: true };
  }

  @Get('any')
  @RequireAnyScope('read:inventory', 'admin')
  any(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('claims')
  @RequireClaims((claims) => claims.tenant === 'acme')
  claims(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('secure')
  @RequireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 })
  secure(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('recent')
  @RequireScope('write:orders')
  @RequireAuthentication({ maxAgeSeconds: 300 })
  recent(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('payments')
  @RequireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment'))
  payments(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('own')
  @RequireScope('read:inventory')
  own(@Auth() auth: Auth): object {
    if (auth.claims.tenant !== 'acme') throw new InsufficientScopeError('claims_not_met');
    return this.whoami(auth);
  }

  @Post('refunds')
  @HttpCode(200)
  @RequireScope('read:inventory')
  @RequireScope('write:orders')
  refund(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('stocktake')
  @RequireScope('read:inventory')
  @RequireAnyScope('write:orders', 'admin')
  count(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Get('vault')
  @RequireScope('admin')
  @RequireAuthentication({ maxAgeSeconds: 300 })
  vault(@Auth() auth: Auth): object {
    return this.whoami(auth);
  }

  @Options('whoami')
  whoamiOptions(@Auth() auth: Auth | undefined): object {
    return this.whoami(auth);
  }

  @Get('whoami')
  whoami(@Auth() auth: Auth | undefined): object {
    this.counter.handled++;
    return { subject: auth?.subject, caller: auth?.clientId, anonymous: auth === undefined };
  }

  @Post('whoami')
  @HttpCode(200)
  postWhoami(@Auth() auth: Auth | undefined): object {
    return this.whoami(auth);
  }

  @Get('public')
  @Public()
  health(): object {
    return { ok: true };
  }
}

@Module({})
class InventoryModule {}

/** The inventory service on whichever HTTP platform `create` chooses. */
export async function startNest(
  options: ResourceServerModuleOptions,
  hasCors: boolean,
  create: (root: DynamicModule) => Promise<INestApplication>,
): Promise<Running> {
  const counter = new Counter();
  const app = await create({
    module: InventoryModule,
    imports: [ResourceServerModule.forRoot(options)],
    controllers: [StockController, MountedStockController, OtherController],
    providers: [{ provide: Counter, useValue: counter }],
  });
  if (hasCors) app.enableCors();
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close(), handled: () => counter.handled };
}
