import type { Context, Middleware } from 'koa';
import {
  type Answer,
  answerMetadata,
  NodeRequestView,
  type ResourceServer,
  type ResourceServerOptions,
} from 'oauth-resource-server';
import { checkRequirements, Gate, requirementFamily } from 'oauth-resource-server/adapter';

/** Lets only requests with a valid access token through. Sets `ctx.state.auth`, and serves the metadata. */
export function authenticate(options: ResourceServerOptions | ResourceServer): Middleware {
  const gate = new Gate(options);
  const { resourceMetadata } = gate.server;
  const published = resourceMetadata === undefined ? [] : [resourceMetadata];
  return async (ctx, next) => {
    const view = readRequest(ctx);
    const metadata = await answerMetadata(published, view);
    if (metadata !== undefined) return answer(ctx, metadata);
    const decision = await gate.authenticate({ message: ctx.req, request: ctx.state, view }, [], 'refuse');
    if (decision.kind === 'denied') return answer(ctx, decision.answer);
    setHeaders(ctx, decision.headers);
    await next();
  };
}

/** What a route can require, behind `authenticate`. */
export const { requireScope, requireClaims } = requirementFamily<Middleware>(
  (requirement, name) => async (ctx, next) => {
    const refusal = checkRequirements(ctx.req, [requirement], { name, advice: '; use authenticate() first' });
    if (refusal !== undefined) return answer(ctx, refusal.answer);
    await next();
  },
);

/** The request as the client sent it: before koa-mount cut its path, and behind a proxy with `app.proxy`. */
function readRequest(ctx: Context): NodeRequestView {
  const { protocol, host, originalUrl: target } = ctx;
  const body = 'body' in ctx.request ? ctx.request.body : undefined; // what a body parser put there
  return new NodeRequestView(ctx.req, { protocol, host, target, body });
}

function answer(ctx: Context, { status, headers, body }: Answer): void {
  ctx.body = body ?? null; // first, since Koa sets a status and a type along with it
  ctx.status = status;
  setHeaders(ctx, headers);
}

function setHeaders(ctx: Context, headers: Answer['headers'] = {}): void {
  for (const [name, value] of Object.entries(headers))
    ctx.set(name, typeof value === 'string' ? value : [...value]);
}
