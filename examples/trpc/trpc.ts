import type { IncomingMessage } from 'node:http';
import { initTRPC, TRPCError } from '@trpc/server';
import type { CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import { type Answer, type Denied, NodeRequestView } from 'oauth-resource-server';
import {
  challengeHeaders,
  checkRequirements,
  type Gate,
  getAuth,
  replyOf,
  requirementFamily,
  setHeaders,
  toHeaders,
} from 'oauth-resource-server/adapter';

export interface Context {
  readonly req: IncomingMessage;
}

/**
 * Authenticates the HTTP request, once for all procedures of a batch. A bad token fails all of them. Without
 * a token, those that require nothing run.
 */
export async function authenticate(gate: Gate, { req, res }: CreateHTTPContextOptions): Promise<Context> {
  const decision = await gate.authenticate({ message: req, view: new NodeRequestView(req) }, [], 'refuse');
  if (decision.kind === 'denied') throw new RefusedError(decision);
  setHeaders(replyOf(res), decision.headers);
  return { req };
}

const t = initTRPC.context<Context>().create();

export const { router, procedure } = t;

/** What a procedure can require: `procedure.use(requireScope('read:inventory'))`. Adds `ctx.auth`. */
export const { requireScope } = requirementFamily((requirement, name) =>
  t.middleware(({ ctx, next }) => {
    const refusal = checkRequirements(ctx.req, [requirement], {
      name,
      advice: '; authenticate in createContext',
    });
    if (refusal !== undefined) throw new RefusedError(refusal);
    return next({ ctx: { auth: getAuth(ctx.req) } });
  }),
);

const CODES: Readonly<Record<number, TRPCError['code']>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
};

/** A refusal, as an error of tRPC. */
class RefusedError extends TRPCError {
  readonly answer: Answer;

  constructor({ error, answer }: Denied) {
    super({ code: CODES[error.status] ?? 'INTERNAL_SERVER_ERROR', message: error.message, cause: error });
    this.answer = answer;
  }
}

/** Challenge, `Retry-After` and `Cache-Control` of the first refusal. tRPC makes the status of the codes. */
export function responseMeta({ errors }: { readonly errors: readonly TRPCError[] }): { headers?: Headers } {
  const refused = errors.find((error) => error instanceof RefusedError);
  return refused === undefined ? {} : { headers: toHeaders(challengeHeaders(refused.answer)) };
}
