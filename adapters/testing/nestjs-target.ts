import type { INestApplication } from '@nestjs/common';
import { expressTarget } from './express-target.js';
import { fastifyTarget } from './fastify-target.js';
import type { Target } from './target.js';

// Imported by names that bundlers don't follow: applications of other frameworks don't have NestJS.
const CORE: string = '@nestjs/core';
const GUARD: string = '../nestjs/guard.js';
const loadCore = (): Promise<typeof import('@nestjs/core')> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ CORE);
const loadGuard = (): Promise<typeof import('../nestjs/guard.js')> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ GUARD);

/** A NestJS application, on Express or Fastify; it's initialized. */
export async function nestTarget(
  application: INestApplication,
  mounted: Readonly<Record<string, object>>,
): Promise<Target> {
  await application.init(); // does nothing the second time
  const { ResourceServerGuard } = await loadGuard();
  const { ApplicationConfig } = await loadCore();
  const adapter = application.getHttpAdapter();
  const platform = adapter.getInstance();
  const isFastify = adapter.getType() === 'fastify';
  const prefix = application.get(ApplicationConfig).getGlobalPrefix();
  // Without one, Nest's answer to unknown routes isn't a route.
  const notFound = prefix === '' ? undefined : `/${prefix.replace(/^\/|\/$/g, '')}*path`;
  const target = isFastify ? await fastifyTarget(platform) : expressTarget(platform, mounted, notFound);
  return {
    ...target,
    guard(probes) {
      // The platform's handlers are NestJS itself, with the guard in it.
      const endNotes = target.guard({
        note: (message, handler) => probes.note(message, handler),
        stop: () => false,
      });
      const { canActivate } = ResourceServerGuard.prototype;
      ResourceServerGuard.prototype.canActivate = async function (context) {
        const isLetIn = await canActivate.call(this, context);
        // Undefined in a GraphQL resolver.
        const request: { readonly raw?: object } = context.switchToHttp().getRequest() ?? {};
        // The answer is sent: nothing may follow this guard.
        return isLetIn && probes.stop(request.raw ?? request) ? new Promise(() => undefined) : isLetIn;
      };
      return () => {
        ResourceServerGuard.prototype.canActivate = canActivate;
        endNotes();
      };
    },
  };
}
