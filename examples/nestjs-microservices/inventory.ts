import { Metadata, status } from '@grpc/grpc-js';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExecutionContext,
  Injectable,
  Module,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { BaseRpcExceptionFilter, GrpcMethod, MessagePattern, Payload } from '@nestjs/microservices';
import { InvalidTokenError, ResourceServerError } from 'oauth-resource-server';
import {
  Auth,
  Public,
  type RequestResponse,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
  type ResourceServerOptions,
} from 'oauth-resource-server/nestjs';
import { interval, map, merge, type Observable, startWith, throwError, timer } from 'rxjs';

/** Says where a message has its token: gRPC has metadata, TCP only the payload. */
@Injectable()
class MessageGuard extends ResourceServerGuard {
  protected override getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
    if (context.getType() !== 'rpc') return super.getRequestResponse(context);
    const metadata: unknown = context.switchToRpc().getContext();
    const { authorization } =
      metadata instanceof Metadata
        ? { authorization: metadata.get('authorization') }
        : (context.switchToRpc().getData<{ authorization?: unknown } | undefined>() ?? {});
    return { req: { headers: { authorization } }, res: undefined };
  }
}

const CODES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  503: status.UNAVAILABLE,
};

/** Gives refusals the status that gRPC clients look for. Without it, it's always UNKNOWN. */
@Catch(ResourceServerError)
class GrpcRefusals extends BaseRpcExceptionFilter<ResourceServerError> {
  override catch(error: ResourceServerError, host: ArgumentsHost): Observable<unknown> {
    if (!(host.switchToRpc().getContext() instanceof Metadata)) return super.catch(error, host);
    return throwError(() => ({ code: CODES[error.status], details: error.message }));
  }
}

interface StockRequest {
  readonly sku: string;
}

@Controller()
@UseFilters(GrpcRefusals)
class StockController {
  @MessagePattern('stock')
  @RequireScope('read:inventory')
  find(@Payload() { sku }: StockRequest, @Auth() auth: Auth): object {
    return { sku, count: 7, caller: auth.clientId };
  }

  @GrpcMethod('Inventory', 'GetStock')
  @RequireScope('read:inventory')
  get(@Payload() { sku }: StockRequest, @Auth() auth: Auth): object {
    return this.find({ sku }, auth);
  }

  @GrpcMethod('Inventory', 'WatchStock')
  @RequireScope('read:inventory')
  watch(@Payload() { sku }: StockRequest, @Auth() auth: Auth): Observable<object> {
    const stock = interval(1000).pipe(
      startWith(0),
      map(() => this.find({ sku }, auth)),
    );
    return merge(stock, endOf(auth));
  }

  @GrpcMethod('Inventory', 'GetVersion')
  @Public()
  getVersion(): object {
    return { version: '1.0.0' };
  }
}

/** A guard looks at a stream when it begins. This ends it when its token expires. */
function endOf(auth: Auth): Observable<never> {
  return timer(new Date(auth.expiresAt * 1000)).pipe(
    map(() => {
      throw new InvalidTokenError('expired');
    }),
  );
}

/** The inventory as a microservice, for `NestFactory.createMicroservice`. */
export function createInventory(options: ResourceServerOptions): Type {
  @Module({
    imports: [ResourceServerModule.forRoot(options, { guard: MessageGuard })],
    controllers: [StockController],
  })
  class InventoryModule {}
  return InventoryModule;
}
