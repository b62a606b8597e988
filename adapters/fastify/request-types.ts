import type { Auth } from '../../src/index.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The caller, set by the `resourceServer` plugin. Undefined on public routes, and for anonymous requests
     * with `optional: true`.
     */
    auth?: Auth | undefined;
  }

  interface FastifyContextConfig {
    /**
     * `true` lets every request to this route in, unauthenticated: `{ config: { public: true } }`. Default
     * false.
     */
    public?: boolean;
  }
}
