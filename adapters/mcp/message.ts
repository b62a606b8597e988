import type { McpKind } from './scope-map.js';

/** What's wrong with a message, for the client: a JSON-RPC error with a fixed text. */
export interface Fault {
  readonly reason: 'malformed_message' | 'header_mismatch';
  readonly code: number;
  readonly text: string;
}

/** Something that a message wants to use. */
interface Target {
  readonly kind: McpKind;
  readonly name: string;
}

/** A client's JSON-RPC message. */
export interface McpMessage {
  /** Undefined for a response. */
  readonly method: string | undefined;
  /** Undefined for a notification. It's only sent back. */
  readonly id: unknown;
  readonly params: Members;
  readonly targets: readonly Target[];
  /** Whether the method is part of the protocol, so the map needn't have it. */
  readonly isKnown: boolean;
  /** The protocol version in `_meta`, from revision 2026-07-28 on. Undefined if there's none. */
  readonly version: unknown;
}

export type Members = Readonly<Record<string, unknown>>;

export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
const PARSE_ERROR = -32700;

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** The most messages in a batch, and the most resources to listen to: each is looked up. */
const MAX_AT_ONCE = 1000;

/** The targets of a method that isn't part of the protocol. */
const UNKNOWN: readonly Target[] = [];

/** Where methods name their target. `Mcp-Name` repeats it. */
const NAMED: ReadonlyMap<string, { readonly kind: McpKind; readonly member: string }> = new Map([
  ['tools/call', { kind: 'tools', member: 'name' }],
  ['prompts/get', { kind: 'prompts', member: 'name' }],
  ['resources/read', { kind: 'resources', member: 'uri' }],
  ['resources/subscribe', { kind: 'resources', member: 'uri' }],
  ['resources/unsubscribe', { kind: 'resources', member: 'uri' }],
]);

/** Methods that neither reveal nor change anything but names, in any revision. */
const OPEN: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'logging/setLevel',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

/** Methods that were removed from the protocol when messages got its version. */
const REMOVED: ReadonlySet<string> = new Set(['resources/subscribe', 'resources/unsubscribe']);

/** The member of `params` that `Mcp-Name` repeats; undefined if that isn't known for the method. */
export function namingMember(method: string): string | undefined {
  return NAMED.get(method)?.member;
}

/**
 * Reads the parsed body of a request. A JSON-RPC batch is several messages.
 *
 * Only own members count, and anything unclear is refused: the server behind must see exactly what was
 * checked here.
 */
export function readMessages(body: unknown): readonly McpMessage[] | Fault {
  if (body === undefined || body === null) return malformed(PARSE_ERROR, 'the body is not JSON');
  const elements: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (elements.length === 0 || elements.length > MAX_AT_ONCE)
    return malformed(INVALID_REQUEST, `a batch has 1 to ${MAX_AT_ONCE} messages`);
  const messages: McpMessage[] = [];
  for (const element of elements) {
    const message = readMessage(element);
    if (isFault(message)) return message;
    messages.push(message);
  }
  return messages;
}

function readMessage(value: unknown): McpMessage | Fault {
  if (!isMembers(value)) return malformed(INVALID_REQUEST, 'a message is an object');
  const method = own(value, 'method');
  const id = own(value, 'id');
  if (method === undefined) {
    const isResponse = Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error');
    if (!isResponse) return malformed(INVALID_REQUEST, 'a message has a method');
    return { method, id, params: {}, targets: [], isKnown: true, version: undefined };
  }
  if (typeof method !== 'string') return malformed(INVALID_REQUEST, 'a method is a string');
  const params = own(value, 'params') ?? {};
  if (!isMembers(params)) return malformed(INVALID_PARAMS, 'params is an object');
  const meta = own(params, '_meta') ?? {};
  if (!isMembers(meta)) return malformed(INVALID_PARAMS, '_meta is an object');
  const version = own(meta, VERSION_KEY);
  const isRemoved = version !== undefined && REMOVED.has(method);
  const targets = isRemoved ? UNKNOWN : readTargets(method, params);
  if (targets === undefined) return malformed(INVALID_PARAMS, 'params does not say what the method is for');
  return { method, id, params, targets, isKnown: targets !== UNKNOWN, version };
}

/** The targets of a method; undefined if it doesn't name them. */
function readTargets(method: string, params: Members): readonly Target[] | undefined {
  const named = NAMED.get(method);
  if (named !== undefined) return target(named.kind, own(params, named.member));
  if (method === 'completion/complete') return completed(own(params, 'ref'));
  if (method === 'subscriptions/listen') return listenedTo(own(params, 'notifications'));
  return OPEN.has(method) ? [] : UNKNOWN;
}

function target(kind: McpKind, name: unknown): readonly Target[] | undefined {
  return typeof name === 'string' ? [{ kind, name }] : undefined;
}

function completed(ref: unknown): readonly Target[] | undefined {
  if (!isMembers(ref)) return undefined;
  switch (own(ref, 'type')) {
    case 'ref/prompt':
      return target('prompts', own(ref, 'name'));
    case 'ref/resource':
      return target('resources', own(ref, 'uri'));
    default:
      return undefined;
  }
}

function listenedTo(notifications: unknown = {}): readonly Target[] | undefined {
  if (!isMembers(notifications)) return undefined;
  const uris = own(notifications, 'resourceSubscriptions') ?? [];
  if (!Array.isArray(uris) || uris.length > MAX_AT_ONCE) return undefined;
  const targets = uris.map((uri) => target('resources', uri));
  return targets.includes(undefined) ? undefined : targets.flatMap((one) => one ?? []);
}

export function malformed(code: number, text: string): Fault {
  return { reason: 'malformed_message', code, text: `Bad Request: ${text}` };
}

export function isFault(value: object): value is Fault {
  return 'code' in value;
}

/** A member of the object itself. */
export function own(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Whether it's a JSON object that can't pass for another one when it's copied. */
export function isMembers(value: unknown): value is Members {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && !Object.hasOwn(value, '__proto__');
}
