import 'reflect-metadata';
import { Controller, Get, type INestApplication, Injectable, Module, Post, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Public,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequireClaims,
  RequireScope,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';

const issuer = await createTestIssuer();
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const options = { ...issuer.options, resource: 'https://api.example.com/v2' };

@Controller('stock')
@RequireScope('class')
class StockController {
  @Get()
  @RequireScope('read')
  @RequireAuthentication({ maxAgeSeconds: 300, scopes: ['pay'] })
  find(): object {
    return {};
  }

  @Post()
  @RequireAnyScope('write', 'admin')
  @RequireClaims(() => true)
  @RequireAuthorizationDetails(() => true)
  add(): object {
    return {};
  }

  @Get('open')
  @Public()
  open(): object {
    return {};
  }
}

@Controller()
class CatchAllController {
  @Get('*')
  @Public()
  all(): object {
    return { everything: true };
  }
}

/** Like a resolver: no controller, and yet with requirements. */
@Injectable()
class StockResolver {
  @RequireScope('resolve')
  stock(): object {
    return {};
  }

  get notAMethod(): never {
    throw new Error('nobody asked');
  }
}

@Module({
  imports: [ResourceServerModule.forRoot(options)],
  controllers: [StockController, CatchAllController],
  providers: [StockResolver, { provide: 'value', useValue: 1 }, { provide: 'made', useFactory: () => ({}) }],
})
class AppModule {}

async function listen(app: INestApplication): Promise<string> {
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

const start = async (root: Type, adapter: ExpressAdapter | FastifyAdapter): Promise<INestApplication> =>
  NestFactory.create(root, adapter, { logger: false, abortOnError: false });

describe.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
])('ResourceServerModule on %s', (_name, platform) => {
  it('serves the metadata at the root, whatever the global prefix, and before routes that take everything', {
    tags: ['PRM-01'],
  }, async () => {
    const app = await start(AppModule, platform());
    app.setGlobalPrefix('api');
    app.enableCors({ origin: 'https://app.example.com' });
    const response = await send(await listen(app), {
      path: `${WELL_KNOWN}/v2`,
      headers: [['Origin', 'https://other.example.com']],
    });
    expect(response.status).toBe(200);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(JSON.parse(response.body).resource).toBe('https://api.example.com/v2');
  });

  it('serves them where else clients look, without a token', { tags: ['PRM-02', 'MCP-02'] }, async () => {
    const app = await start(AppModule, platform());
    app.setGlobalPrefix('api');
    const url = await listen(app);
    for (const path of ['/v2', '/v2/', '/v2?x=1', '', '/', '?x=1']) {
      const { status, body } = await send(url, { path: `${WELL_KNOWN}${path}` });
      expect(status, path).toBe(200);
      expect(JSON.parse(body).resource).toMatch(/\/v2$/);
    }
  });

  it('names the scopes of class and handler', { tags: ['MCP-05', 'STP-05'] }, async () => {
    const url = await listen(await start(AppModule, platform()));
    const missing = await send(url, { path: '/stock' });
    expect(missing.lines('www-authenticate')[0]).toContain('scope="class read pay"');
    const { Authorization = '' } = await issuer.authorization();
    const refused = await send(url, { path: '/stock', headers: [['Authorization', Authorization]] });
    expect(refused.status).toBe(401);
    expect(refused.lines('www-authenticate')[0]).toContain('scope="class read pay", max_age="300"');
    expect((await send(url, { path: '/stock/open' })).status).toBe(200);
  });
});

it('ResourceServerModule adds up demands on the authentication of class and handler', async () => {
  @Controller('both')
  @RequireAuthentication({ acrValues: ['gold'] })
  class BothController {
    @Get()
    @RequireAuthentication({ maxAgeSeconds: 300 })
    find(): object {
      return {};
    }
  }
  @Module({ imports: [ResourceServerModule.forRoot(issuer.options)], controllers: [BothController] })
  class BothModule {}
  const url = await listen(await start(BothModule, new ExpressAdapter()));
  const now = Math.floor(Date.now() / 1000);
  const statusFor = async (claims: Record<string, unknown>): Promise<number> => {
    const { Authorization = '' } = await issuer.authorization(claims);
    return (await send(url, { path: '/both', headers: [['Authorization', Authorization]] })).status;
  };
  expect(await statusFor({ acr: 'gold', auth_time: now })).toBe(200);
  expect(await statusFor({ acr: 'gold' })).toBe(401);
  expect(await statusFor({ auth_time: now })).toBe(401);
});

it('ResourceServerModule starts without an HTTP server', async () => {
  const context = await NestFactory.createApplicationContext(AppModule, {
    logger: false,
    abortOnError: false,
  });
  await context.close();
});
