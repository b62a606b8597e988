import type { McpKind } from './scope-map.js';

/** What's wrong with a message, as the client is told: an error of JSON-RPC with a fixed text. */
export interface Fault {
  readonly reason: 'malformed_message' | 'header_mismatch';
  readonly code: number;
  readonly text: string;
}

/** What a message wants to use. */
interface Target {
  readonly kind: McpKind;
  readonly name: string;
}

/** One JSON-RPC message of a client. */
export interface McpMessage {
  /** Undefined for a response. */
  readonly method: string | undefined;
  /** Undefined for a notification; only to be sent back. */
  readonly id: unknown;
  readonly params: Members;
  readonly targets: readonly Target[];
  /** Whether the protocol has the method, so that the map needn't. */
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

/** How many messages a batch may have, and how many resources one may listen to: each is looked up. */
const MAX_AT_ONCE = 1000;

/** What a method is for that the protocol doesn't have. */
const UNKNOWN: readonly Target[] = [];

/** Where methods name what they're for. `Mcp-Name` repeats it. */
const NAMED: ReadonlyMap<string, { readonly kind: McpKind; readonly member: string }> = new Map([
  ['tools/call', { kind: 'tools', member: 'name' }],
  ['prompts/get', { kind: 'prompts', member: 'name' }],
  ['resources/read', { kind: 'resources', member: 'uri' }],
  ['resources/subscribe', { kind: 'resources', member: 'uri' }],
  ['resources/unsubscribe', { kind: 'resources', member: 'uri' }],
]);

/** Methods that reveal and change nothing but names, in any revision. */
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

/** Methods that the protocol no longer has since messages carry its version. */
const REMOVED: ReadonlySet<string> = new Set(['resources/subscribe', 'resources/unsubscribe']);

/** The member of `params` that `Mcp-Name` repeats; undefined if that isn't known of the method. */
export function namingMember(method: string): string | undefined {
  return NAMED.get(method)?.member;
}

/**
 * Reads the parsed body of a request. A batch of JSON-RPC is several messages.
 *
 * Only own members count, and what isn't clear is refused: whatever the server behind makes of a message, it
 * makes of what was looked at here.
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

/** What a method is for; undefined if it doesn't say so. */
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

/** Whether it's an object of JSON, and none that could pass for another one when it's copied. */
export function isMembers(value: unknown): value is Members {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && !Object.hasOwn(value, '__proto__');
}
