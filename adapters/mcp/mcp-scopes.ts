import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Answer,
  type Auth,
  InsufficientScopeError,
  InvalidRequestError,
  type Requirement,
  type ResourceServer,
  readJson,
} from '../../src/index.js';
import { ANYONE, refuseOrContinue } from '../kit/check-requirements.js';
import {
  checkRequirements,
  denyRequest,
  type Next,
  type Refusal,
  replyOf,
  toResponse,
} from '../kit/index.js';
import { requirePassage } from '../kit/passage.js';
import { findMismatch } from './headers.js';
import {
  type Fault,
  INVALID_PARAMS,
  isFault,
  isMembers,
  type McpMessage,
  METHOD_NOT_FOUND,
  own,
  readMessages,
} from './message.js';
import { type McpKind, type McpScopeMap, ScopeTable } from './scope-map.js';

/**
 * Checks what the messages of an MCP client require before the transport sees them. Goes after `authenticate`
 * or the gate.
 */
export interface McpScopes {
  /**
   * For Express, and anything else that calls `(req, res, next)`. Goes after `express.json()` and before the
   * transport. Give the transport `req.body`: that's what was checked.
   */
  readonly middleware: (request: IncomingMessage, response: ServerResponse, next: Next) => void;
  /**
   * For the Fetch standard: reads the message of a request that a gate let in.
   *
   * @returns the parsed message, for the transport's `parsedBody`; or the `Response` that refuses. Undefined
   *   if the request isn't a `POST`, so has no message
   */
  read(request: Request): Promise<unknown>;
  /**
   * For other frameworks: checks a message that's already parsed.
   *
   * @param request the one that a gate let in
   * @param message the parsed body, which the transport must get too; undefined if the request isn't a `POST`
   * @returns the refusal, which is logged; undefined if the message may pass
   */
  check(request: object, message: unknown): Refusal | undefined;
  /**
   * Whether a caller may use a tool, a resource or a prompt. Use it to leave out of a list what they may not.
   *
   * @param name of the tool or prompt; URI of the resource or template
   * @param auth the caller, `getAuth(authInfo.extra)` in a handler of the SDK; undefined for an anonymous one
   */
  allows(kind: McpKind, name: string, auth: Auth | undefined): boolean;
}

const MISTAKE = { name: 'mcpScopes', advice: '; put authenticate() or the gate before it' };

/**
 * Scopes for each tool, resource and prompt of an MCP server. A message is refused with 403 if the access
 * token lacks one. The challenge names all that are needed, so that the client can get the right token in one
 * round.
 *
 * Anything that isn't in the map is refused without a challenge, because no token opens it. So is a message
 * whose header fields contradict its body (400, `HeaderMismatch`).
 *
 * @param server the one that authenticates the requests
 * @throws {TypeError} at once: `server` isn't a resource server, the map has an unknown member, or something
 *   isn't a scope
 * @see MCP 2026-07-28, Authorization, Scope Challenge Handling; Streamable HTTP, Server Validation
 * @example
 * ```ts
 * import express from 'express';
 * import { createResourceServer } from 'oauth-resource-server';
 * import { authenticate } from 'oauth-resource-server/express';
 * import { mcpScopes } from 'oauth-resource-server/mcp';
 *
 * const server = createResourceServer(options);
 * const scopes = mcpScopes(server, {
 *   every: 'read:inventory',
 *   tools: { count_stock: [], order_stock: 'write:orders' },
 * });
 * app.use('/mcp', authenticate(server), express.json(), scopes.middleware);
 * ```
 */
export function mcpScopes(server: ResourceServer, map: McpScopeMap): McpScopes {
  if (typeof Reflect.get(Object(server), 'meets') !== 'function')
    throw new TypeError('mcpScopes takes a resource server: createResourceServer(options)');
  const table = new ScopeTable(server, map);

  const check = (request: object, body: unknown): Refusal | undefined => {
    const { decision, arrival } = requirePassage(request, MISTAKE);
    const { view } = arrival;
    // Nothing after this expects a preflight, which nothing has authenticated.
    const every = decision === undefined ? [...table.every, ANYONE] : table.every;
    if (body === undefined && !hasMessage(view)) return checkRequirements(request, every, MISTAKE);
    const messages = readMessages(body);
    if (isFault(messages)) return refuseFault(request, body, messages);
    const mismatch = findMismatch(view, messages, Array.isArray(body));
    if (mismatch !== undefined) return refuseFault(request, body, mismatch);
    const requirements = new Set(every);
    for (const message of messages) {
      const found = findRequirements(table, message);
      if (found === undefined) return refuseUnknown(request, message);
      for (const requirement of found) requirements.add(requirement);
    }
    return checkRequirements(request, [...requirements], MISTAKE);
  };

  return {
    check,
    middleware: (request: IncomingMessage & { readonly body?: unknown }, response, next) => {
      const body = hasMessage(request) ? (request.body ?? null) : undefined;
      refuseOrContinue(() => check(request, body), replyOf(response), next);
    },
    read: async (request) => {
      const message = hasMessage(request) ? ((await readJson(request)) ?? null) : undefined;
      const refusal = check(request, message);
      return refusal === undefined ? message : refusal.toResponse();
    },
    allows: (kind, name, auth) => {
      const found = table.find(kind, name);
      return found !== undefined && server.meets(auth, [...table.every, ...found]);
    },
  };
}

function hasMessage({ method }: { readonly method?: string | undefined }): boolean {
  return method?.toUpperCase() === 'POST';
}

/** Undefined if something isn't in the map. */
function findRequirements(
  table: ScopeTable,
  { method, isKnown, targets }: McpMessage,
): readonly Requirement[] | undefined {
  const ofMethod = method === undefined ? [] : table.findMethod(method, isKnown);
  const found = [ofMethod, ...targets.map(({ kind, name }) => table.find(kind, name))];
  return found.includes(undefined) ? undefined : found.flatMap((one) => one ?? []);
}

function refuseFault(request: object, body: unknown, { reason, code, text }: Fault): Refusal {
  const refusal = denyRequest(request, new InvalidRequestError(reason), MISTAKE);
  const id = isMembers(body) ? own(body, 'id') : undefined;
  return answerWith(refusal, errorAnswer(400, code, text, id));
}

/** Without a challenge: no token opens what isn't there. */
function refuseUnknown(request: object, { id, isKnown }: McpMessage): Refusal {
  const refusal = denyRequest(request, new InsufficientScopeError('unknown_operation'), MISTAKE);
  const answer = isKnown
    ? errorAnswer(403, INVALID_PARAMS, 'Forbidden: nothing of that name', id)
    : errorAnswer(404, METHOD_NOT_FOUND, 'Method not found', id);
  return answerWith(refusal, answer);
}

/** Replaces the answer of a refusal, whichever way it's then sent. */
function answerWith(refusal: Refusal, answer: Answer): Refusal {
  return { ...refusal, errors: 'respond', answer, toResponse: () => toResponse(answer) };
}

/** A JSON-RPC error. */
function errorAnswer(status: number, code: number, message: string, id: unknown): Answer {
  const isId = typeof id === 'string' || typeof id === 'number';
  const body = JSON.stringify({ jsonrpc: '2.0', ...(isId && { id }), error: { code, message } });
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Content-Length': String(Buffer.byteLength(body)),
    },
    body,
  };
}
