import 'reflect-metadata';
import { Controller, Get, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Public,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();

/** Starts an application. Its `request` carries a token if it's given scopes for one. */
async function start(controllers: Type[], imports = [ResourceServerModule.forRoot(issuer.options)]) {
  @Module({ imports, controllers })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const request = async (path: string, scope?: string): Promise<Response> =>
    fetch(`${url}${path}`, {
      headers: scope === undefined ? {} : { ...(await issuer.authorization({ scope })) },
    });
  const status = async (path: string, scope?: string): Promise<number> => (await request(path, scope)).status;
  return { request, status };
}

/** Puts another function in the handler's place and copies nothing, as caches and loggers do. */
const Replaced = (): MethodDecorator => (_target, _key, descriptor: PropertyDescriptor) => {
  const handler: (...args: unknown[]) => unknown = descriptor.value;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    return handler.apply(this, args);
  };
};

describe('a handler that another decorator replaces', () => {
  @Controller('replaced')
  class ReplacedController {
    @Get('above')
    @Replaced()
    @RequireScope('read')
    above() {
      return 'ok';
    }

    @Get('below')
    @RequireScope('read')
    @Replaced()
    below() {
      return 'ok';
    }

    @Get('between')
    @RequireScope('read')
    @Replaced()
    @RequireScope('write')
    between() {
      return 'ok';
    }

    @Get('open')
    @Replaced()
    @Public()
    open() {
      return 'ok';
    }

    @Get('contradictory')
    @Public()
    @Replaced()
    @RequireScope('read')
    contradictory() {
      return 'ok';
    }

    @Get('plain')
    plain() {
      return 'ok';
    }
  }

  it.each([
    ['above', 'write', 403],
    ['above', 'read', 200],
    ['below', 'write', 403],
    ['below', 'read', 200],
    ['between', 'read', 403],
    ['between', 'write', 403],
    ['between', 'read write', 200],
    ['open', undefined, 200],
    ['contradictory', undefined, 401],
    ['contradictory', 'write', 403],
    ['plain', 'other', 200],
  ])(
    'keeps what is written on it: /replaced/%s with scope %s is answered %i',
    async (path, scope, expected) => {
      const { status } = await start([ReplacedController]);
      expect(await status(`/replaced/${path}`, scope)).toBe(expected);
    },
  );

  it('keeps the application without the module from starting', async () => {
    @Controller()
    class OneController {
      @Get()
      @Replaced()
      @RequireScope('read')
      find() {
        return 'ok';
      }
    }
    await expect(start([OneController], [])).rejects.toThrow(/ResourceServerModule\.forRoot\(\)/);
  });

  it('keeps the requirements of its class', async () => {
    @Controller('classy')
    @RequireScope('class')
    class ClassyController {
      @Get()
      @Replaced()
      @RequireScope('read')
      find() {
        return 'ok';
      }
    }
    const { request } = await start([ClassyController]);
    const response = await request('/classy', 'other');
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="class read"');
  });

  it('does not become public with another one that shares the function', async () => {
    const shared = (): string => 'shared';
    const Shared: MethodDecorator = (_target, _key, descriptor: PropertyDescriptor) => {
      descriptor.value = shared;
    };
    @Controller('one')
    class OneController {
      @Public()
      @Shared
      find() {}

      @Get()
      @Shared
      list() {}
    }
    @Controller('two')
    class TwoController {
      @Get()
      @Shared
      find() {}
    }
    const { status } = await start([OneController, TwoController]);
    expect(await status('/one')).toBe(401);
    expect(await status('/two')).toBe(401);
    expect(await status('/two', 'read')).toBe(200);
  });

  it('is known by its name when the constructor binds it, for each request too', async () => {
    @Controller('bound')
    class BoundController {
      constructor() {
        this.find = this.find.bind(this);
      }

      @Get()
      @RequireScope('read')
      find() {
        return 'ok';
      }

      @Get('other')
      @RequireScope('other')
      other() {
        return 'ok';
      }
    }
    @Controller({ path: 'scoped', scope: Scope.REQUEST })
    class ScopedController extends BoundController {}

    const { status } = await start([BoundController, ScopedController]);
    expect(await status('/bound', 'write')).toBe(403);
    expect(await status('/bound', 'read')).toBe(200);
    expect(await status('/scoped', 'write')).toBe(403);
    expect(await status('/scoped', 'read other')).toBe(200); // it could be any handler of the class
  });

  it('is the same handler when a test spies on it later', async () => {
    @Controller('spied')
    class SpiedController {
      @Get()
      @RequireScope('read')
      find() {
        return 'ok';
      }

      @Get('plain')
      plain() {
        return 'ok';
      }
    }
    const { status } = await start([SpiedController]);
    for (const name of ['find', 'plain'] as const) vi.spyOn(SpiedController.prototype, name);
    expect(await status('/spied', 'write')).toBe(403);
    expect(await status('/spied/plain', 'write')).toBe(200);
  });
});

describe('inheritance', () => {
  @Controller('base')
  @Public()
  class PublicBase {
    @Get()
    find() {
      return 'ok';
    }
  }

  class OpenHandlers {
    @Get('open')
    @Public()
    open() {
      return 'ok';
    }

    @Get('scoped')
    @RequireScope('read')
    scoped() {
      return 'ok';
    }
  }

  it('@Public of a base class does not open a subclass', async () => {
    @Controller('derived')
    class Derived extends PublicBase {}
    @Controller('reopened')
    @Public()
    class Reopened extends PublicBase {}

    const { status } = await start([PublicBase, Derived, Reopened]);
    expect(await status('/base')).toBe(200);
    expect(await status('/derived')).toBe(401);
    expect(await status('/derived', 'read')).toBe(200);
    expect(await status('/reopened')).toBe(200);
  });

  it('@Public of a handler opens it in subclasses, unless they have requirements', async () => {
    @Controller('plain')
    class Plain extends OpenHandlers {}
    @Controller('strict')
    @RequireScope('strict')
    class Strict extends OpenHandlers {}
    @Controller('stricter')
    class Stricter extends Strict {}
    @RequireScope('base')
    class Base {
      @Get('open')
      @Public()
      open() {
        return 'ok';
      }
    }
    @Controller('mixed')
    @RequireScope('own')
    class Mixed extends Base {}

    const { status } = await start([Plain, Strict, Stricter, Mixed]);
    expect(await status('/plain/open')).toBe(200);
    for (const path of ['/strict/open', '/stricter/open']) {
      expect(await status(path)).toBe(401);
      expect(await status(path, 'read')).toBe(403);
      expect(await status(path, 'strict')).toBe(200);
    }
    expect(await status('/mixed/open')).toBe(401);
    expect(await status('/mixed/open', 'own')).toBe(200);
  });

  it('an overriding handler keeps the requirements of the other, and not its @Public', async () => {
    @Controller('over')
    class Overriding extends OpenHandlers {
      @Get('open')
      override open() {
        return 'ok';
      }

      @Get('scoped')
      @RequireScope('more')
      override scoped() {
        return 'ok';
      }
    }
    @Controller('opened')
    class Opened extends OpenHandlers {
      @Get('scoped')
      @Public()
      override scoped() {
        return 'ok';
      }
    }
    const { request, status } = await start([Overriding, Opened]);
    expect(await status('/over/open')).toBe(401);
    const response = await request('/over/scoped', 'other');
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="more read"');
    expect(await status('/opened/scoped')).toBe(401);
    expect(await status('/opened/scoped', 'read')).toBe(200);
  });

  it('a mixin copies the requirements with the handler, and not its @Public', async () => {
    @Controller('mixin')
    class Mixin {}
    for (const name of ['open', 'scoped'] as const)
      Object.defineProperty(Mixin.prototype, name, {
        value: OpenHandlers.prototype[name],
        configurable: true,
      });
    const { status } = await start([Mixin]);
    expect(await status('/mixin/open')).toBe(401);
    expect(await status('/mixin/scoped', 'other')).toBe(403);
    expect(await status('/mixin/scoped', 'read')).toBe(200);
  });

  it('class decorators that replace the class keep its requirements', async () => {
    const Proxied = <T extends Type>(target: T): T => new Proxy(target, {});
    const Extended = <T extends Type>(target: T): T => class extends target {};
    @Controller('proxied')
    @RequireScope('read')
    @Proxied
    class ProxiedController {
      @Get()
      find() {
        return 'ok';
      }
    }
    @Controller('extended')
    @Extended
    @RequireScope('read')
    class ExtendedController {
      @Get()
      find() {
        return 'ok';
      }
    }
    const { status } = await start([ProxiedController, ExtendedController]);
    for (const path of ['/proxied', '/extended']) {
      expect(await status(path, 'other')).toBe(403);
      expect(await status(path, 'read')).toBe(200);
    }
  });
});

it('a guard may be made for each request', async () => {
  const asked = vi.fn();
  @Injectable({ scope: Scope.REQUEST })
  class ScopedGuard extends ResourceServerGuard {
    override canActivate(...args: Parameters<ResourceServerGuard['canActivate']>) {
      asked(this);
      return super.canActivate(...args);
    }
  }
  @Controller('any')
  class AnyController {
    @Get()
    find() {
      return 'ok';
    }
  }
  const { status } = await start(
    [AnyController],
    [ResourceServerModule.forRoot(issuer.options, { guard: ScopedGuard })],
  );
  expect(await status('/any')).toBe(401);
  expect(await status('/any', 'read')).toBe(200);
  expect(new Set(asked.mock.calls.flat()).size).toBe(2);
});
