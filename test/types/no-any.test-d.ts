import type { ServerInterceptor, StatusObject } from '@grpc/grpc-js';
import type {
  Abstract,
  ArgumentsHost,
  DynamicModule,
  ExecutionContext,
  FactoryProvider,
  ModuleMetadata,
  Type,
} from '@nestjs/common';
import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context, MiddlewareHandler } from 'hono';
import type * as express from '../../adapters/express/index.js';
import type * as fastify from '../../adapters/fastify/index.js';
import type * as fetchApi from '../../adapters/fetch/index.js';
import type * as grpc from '../../adapters/grpc/index.js';
import type * as hono from '../../adapters/hono/index.js';
import type * as mcp from '../../adapters/mcp/index.js';
import type * as nestjs from '../../adapters/nestjs/index.js';
import type * as testing from '../../adapters/testing/index.js';
import type * as client from '../../src/client/index.js';
import type * as core from '../../src/index.js';
import type { AnyIn, IsAny } from './type-assertions.js';

/** Nest's own types hold any: what a dynamic module imports, the parameters of any class. */
type OfNest = [
  ArgumentsHost,
  DynamicModule,
  ExecutionContext,
  HttpAdapterHost,
  ModulesContainer,
  NonNullable<ModuleMetadata['imports']>,
  Type<nestjs.ResourceServerGuard>,
  Type<nestjs.ResourceServerOptionsFactory>,
  Abstract<nestjs.ResourceServerOptionsFactory>,
  NonNullable<FactoryProvider['inject']>,
  FactoryProvider<nestjs.ResourceServerModuleOptions>['useFactory'],
];

/** Hono's own types hold any: the environment of a middleware that wants none, what a context is made of. */
type OfHono = [
  MiddlewareHandler,
  MiddlewareHandler<hono.AuthEnv>,
  MiddlewareHandler<hono.AuthEnv<hono.Auth | undefined>>,
];

// Nothing public is any: the values, with all types that they take and give.
export const ofCore: AnyIn<typeof core, [Headers, Response]> = {};
export const ofExpress: AnyIn<typeof express> = {};
export const ofFastify: AnyIn<typeof fastify, [FastifyInstance, FastifyRequest, FastifyReply]> = {};
export const ofFetch: AnyIn<typeof fetchApi, [Request, Response]> = {};
export const ofHono: AnyIn<typeof hono, [Request, Response, Context, ...OfHono]> = {};
export const ofMcp: AnyIn<typeof mcp> = {};
export const ofGrpc: AnyIn<typeof grpc, [ServerInterceptor, StatusObject]> = {};
export const ofNestjs: AnyIn<typeof nestjs, OfNest> = {};
export const ofTesting: AnyIn<typeof testing> = {};
export const ofClient: AnyIn<typeof client, [AbortSignal]> = {};
export const ofClientMessages: AnyIn<client.ClientMessage> = {};

// The types that no value mentions.
export const ofDecisionMessage: AnyIn<core.DecisionMessage> = {};
export const ofKeysMessage: AnyIn<core.KeysMessage> = {};
export const ofIntrospectionMessage: AnyIn<core.IntrospectionMessage> = {};
export const ofWarningMessage: AnyIn<core.WarningMessage> = {};

// The check itself can fail.
export const unknownIsNotAny: IsAny<unknown> = false;
declare class Made {
  constructor(options: { readonly inside: unknown });
  // biome-ignore lint/suspicious/noExplicitAny: this is what is to be found
  readonly found: any;
}
// @ts-expect-error in an instance
export const instance: AnyIn<typeof Made> = {};
// @ts-expect-error in a result
export const result: AnyIn<() => Promise<Made>> = {};
// @ts-expect-error in a parameter
export const parameter: AnyIn<(all: readonly Made[]) => void> = {};
// @ts-expect-error in one member of a union
export const member: AnyIn<{ readonly optional?: string | Made }> = {};
// @ts-expect-error behind an index signature
export const indexed: AnyIn<{ readonly [name: string]: Made }> = {};
