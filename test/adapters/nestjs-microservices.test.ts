import 'reflect-metadata';
import type { AddressInfo, Server } from 'node:net';
import {
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  type TcpContext,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Auth,
  getAuth,
  Public,
  type RequestResponse,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();

/** TCP has no header fields, so the token is in the payload. */
interface Message {
  readonly authorization?: unknown;
  readonly sku?: string;
}

@Injectable()
class MessageGuard extends ResourceServerGuard {
  protected override getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
    if (context.getType() !== 'rpc') return super.getRequestResponse(context);
    const { authorization } = context.switchToRpc().getData<Message | undefined>() ?? {};
    return { req: { headers: { authorization } }, res: undefined };
  }
}

const ran = vi.fn();

@Controller()
class StockController {
  @MessagePattern('stock')
  stock(@Payload() { sku }: Message, @Auth() auth: Auth, @Ctx() context: TcpContext) {
    return [sku, auth.clientId, getAuth(context).clientId];
  }

  @MessagePattern('orders')
  @RequireScope('write:orders')
  orders() {
    return 'orders';
  }

  @MessagePattern('version')
  @Public()
  version(@Auth() auth: Auth | undefined) {
    return auth?.clientId ?? 'anybody';
  }

  @EventPattern('noted')
  noted(@Auth() auth: Auth) {
    ran(auth.clientId);
  }
}

const LOOPBACK: TcpOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };

function clientOf(server: Server) {
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
  });
  onTestFinished(() => client.close());
  return {
    emit: (pattern: string, data: object) =>
      firstValueFrom(client.emit(pattern, data), { defaultValue: undefined }),
    ask: (pattern: string, data: object = {}): Promise<unknown> =>
      firstValueFrom(client.send(pattern, data)).catch((error) => ({ refused: error })),
  };
}

const withGuard = () => ResourceServerModule.forRoot(issuer.options, { guard: MessageGuard });

async function start(module: DynamicModule = withGuard(), controllers: Type[] = [StockController]) {
  @Module({ imports: [module], controllers })
  class AppModule {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
    ...LOOPBACK,
    logger: false,
    abortOnError: false,
  });
  onTestFinished(() => app.close());
  await app.listen();
  return clientOf(app.unwrap());
}

const refusal = (reason: string, error?: string) => ({
  refused: {
    status: 'error',
    message: expect.any(String),
    reason,
    ...(error === undefined ? {} : { error }),
  },
});

describe('messages of a microservice', () => {
  it('are authenticated where a guard finds their token', async () => {
    const { ask } = await start();
    const { Authorization: authorization } = await issuer.authorization({ scope: 'read:inventory' });
    expect(await ask('stock', { authorization, sku: '42' })).toEqual(['42', 'test-client', 'test-client']);
    expect(await ask('orders', { authorization })).toEqual(
      refusal('insufficient_scope', 'insufficient_scope'),
    );
    expect(await ask('stock')).toEqual(refusal('missing_credentials'));
    expect(await ask('version', { authorization })).toBe('anybody');
    expect(await ask('version')).toBe('anybody');
  });

  it('are refused with every forgery', { tags: ['OPS-09'] }, async () => {
    const { ask } = await start();
    const claims = { scope: 'write:orders' };
    const { Authorization: genuine } = await issuer.authorization(claims);
    expect(await ask('orders', { authorization: genuine })).toBe('orders');
    for (const { headers, name, reason } of await issuer.forgeries(claims)) {
      const { authorization = Reflect.get(headers, 'Authorization') } = headers as Message;
      expect(await ask('orders', { authorization }), name).toMatchObject(refusal(reason));
    }
  });

  it.each<unknown>([42, null, true, {}, { toString: 1 }, [42], [{}], ['a', 'b'], [[]], ''])(
    'are refused if their token is no text: %j',
    { tags: ['OPS-09'] },
    async (authorization) => {
      const { ask } = await start();
      const { refused } = (await ask('stock', { authorization })) as { refused: { reason: string } };
      expect(['malformed_credentials', 'multiple_methods', 'missing_credentials']).toContain(refused.reason);
    },
  );

  it('are refused without such a guard, and events are not handled', { tags: ['OPS-09'] }, async () => {
    const { ask, emit } = await start(ResourceServerModule.forRoot(issuer.options));
    const { Authorization: authorization } = await issuer.authorization({ scope: 'write:orders' });
    for (const pattern of ['stock', 'orders'])
      expect(await ask(pattern, { authorization })).toEqual({
        refused: { status: 'error', message: 'Forbidden resource' },
      });
    await emit('noted', { authorization });
    expect(await ask('version')).toBe('anybody');
    expect(ran).not.toHaveBeenCalled();
  });

  it('may be events', async () => {
    const { ask, emit } = await start();
    const { Authorization: authorization } = await issuer.authorization();
    await emit('noted', {});
    await emit('noted', { authorization });
    await vi.waitFor(() => expect(ran).toHaveBeenCalled());
    expect(ran.mock.calls).toEqual([['test-client']]);
    expect(await ask('version')).toBe('anybody');
  });
});

describe('an application that listens to HTTP as well', () => {
  async function startBoth(controllers: Type[], inheritAppConfig: boolean) {
    @Module({ imports: [withGuard()], controllers })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    onTestFinished(() => app.close());
    const microservice = app.connectMicroservice<MicroserviceOptions>(LOOPBACK, { inheritAppConfig });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return clientOf(microservice.unwrap());
  }

  @Controller()
  class OpenController {
    @MessagePattern('message')
    message() {}

    @EventPattern('event')
    event(@Payload() data: unknown) {
      return data;
    }

    @MessagePattern('scoped')
    @RequireScope('read')
    scoped(): string {
      return 'scoped';
    }

    @Get('http')
    http() {}
  }

  it.each([true, false])(
    'does not start if nothing guards a message, %j',
    { tags: ['OPS-09'] },
    async (inherits) => {
      await expect(startBoth([OpenController], inherits)).rejects.toThrow(
        /callers of OpenController\.message, OpenController\.event: .*@UseGuards\(ResourceServerGuard\)/,
      );
    },
  );

  it('is not even created then, because it can take messages before it starts', {
    tags: ['OPS-09'],
  }, async () => {
    @Module({ imports: [withGuard()], controllers: [OpenController] })
    class AppModule {}
    const creating = NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await expect(creating).rejects.toThrow(/callers of OpenController\.message, OpenController\.event: /);
  });

  it.each([true, false])('authenticates messages by the guard of their class, %j', async (inherits) => {
    @Controller()
    @UseGuards(MessageGuard)
    class GuardedController extends StockController {}
    const { ask } = await startBoth([GuardedController], inherits);
    const { Authorization: authorization } = await issuer.authorization();
    expect(await ask('stock', { authorization, sku: '42' })).toEqual(['42', 'test-client', 'test-client']);
    expect(await ask('stock')).toEqual(refusal('missing_credentials'));
  });

  it('asks the guard of the module for a message with a requirement', async () => {
    @Controller()
    class ScopedController {
      @MessagePattern('orders')
      @RequireScope('write:orders')
      orders(@Auth() auth: Auth) {
        return auth.clientId;
      }
    }
    const { ask } = await startBoth([ScopedController], false);
    const { Authorization: authorization } = await issuer.authorization({ scope: 'write:orders' });
    expect(await ask('orders', { authorization })).toBe('test-client');
    expect(await ask('orders')).toEqual(refusal('missing_credentials'));
  });
});
