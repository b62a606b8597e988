import type { FastifyRequest } from 'fastify';
import type { AnswerHeaders, Auth, Decision, Denied, ResourceServer } from '../../src/index.js';

/** What one resource server decided about one request. */
export interface Authentication {
  readonly server: ResourceServer;
  readonly auth: Auth | undefined;
  /** A CORS preflight was let through, unauthenticated, to the application's CORS layer. */
  readonly isPreflight: boolean;
  /** The decision of a plugin registered further out. */
  readonly outer: Authentication | undefined;
}

/** The parts of Fastify's request that hooks use, so that they fit every server, logger and type provider. */
export type HookRequest = Pick<FastifyRequest, 'log' | 'auth'>;

/** The parts of Fastify's reply that hooks use. */
export interface HookReply {
  code(status: number): unknown;
  header(name: string, value: unknown): unknown;
  send(body?: string): unknown;
}

/** Continues with the next hook, or with Fastify's error path. */
export type HookDone = (error?: Error) => void;

/** Under this private key every request keeps its own decision: no header, body or other plugin can put one there. */
export const authentication: unique symbol = Symbol('oauth-resource-server.authentication');

interface DecoratedRequest {
  [authentication]?: Authentication | undefined;
}

/** The decision on this request, the innermost plugin's where there are several; undefined when none was made. */
export function authenticationOf(request: object): Authentication | undefined {
  return (request as DecoratedRequest)[authentication]; // only this module writes under its symbol
}

/** The decision that `server` made about this request. */
export function authenticationBy(server: ResourceServer, request: object): Authentication | undefined {
  let found = authenticationOf(request);
  while (found !== undefined && found.server !== server) found = found.outer;
  return found;
}

/** Keeps a decision, and shows the application its `auth`. */
export function attach(
  request: HookRequest,
  server: ResourceServer,
  auth: Auth | undefined,
  isPreflight: boolean,
): void {
  const outer = authenticationOf(request);
  (request as DecoratedRequest)[authentication] = { server, auth, isPreflight, outer };
  request.auth = auth;
}

/** Continues when allowed; otherwise answers, or hands the typed error to Fastify's error path (`errors: 'next'`). */
export function settle(
  server: ResourceServer,
  decision: Decision,
  request: HookRequest,
  reply: HookReply,
  done: HookDone,
): void {
  if (decision.kind === 'denied') {
    refuse(server, decision, request, reply, done);
    return;
  }
  if (decision.headers !== undefined) setHeaders(reply, decision.headers);
  done();
}

function refuse(
  server: ResourceServer,
  { error, answer }: Denied,
  request: HookRequest,
  reply: HookReply,
  done: HookDone,
): void {
  request.log[answer.status === 503 ? 'warn' : 'debug']({ reason: error.reason }, 'request refused');
  reply.code(answer.status);
  setHeaders(reply, answer.headers);
  // Fastify's error path drops the content fields, which are not about the content it writes.
  if (server.errors === 'next') done(error);
  else reply.send(answer.body);
}

/** Sets header fields, several lines where the value is an array. */
export function setHeaders(reply: HookReply, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
}
