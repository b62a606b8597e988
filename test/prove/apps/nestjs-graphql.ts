import { ApolloDriver } from '@nestjs/apollo';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { GraphQLModule, Int, Query, Resolver } from '@nestjs/graphql';
import {
  Public,
  RequireScope,
  ResourceServerModule,
  type ResourceServerOptions,
} from 'oauth-resource-server/nestjs';

@Controller()
class StockController {
  @Get('stock')
  @RequireScope('read:inventory')
  read() {
    return {};
  }
}

@Resolver()
class NewsResolver {
  @Query(() => Int)
  @Public()
  news() {
    return 1;
  }
}

/** A module with a route that's protected, and a resolver that isn't. */
export function createModule(options: ResourceServerOptions): Type {
  @Module({
    imports: [
      ResourceServerModule.forRoot(options),
      GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
    controllers: [StockController],
    providers: [NewsResolver],
  })
  class AppModule {}
  return AppModule;
}
