import type { RequestView } from '../../src/index.js';
import {
  type Fault,
  INVALID_PARAMS,
  INVALID_REQUEST,
  type McpMessage,
  type Members,
  malformed,
  namingMember,
  own,
} from './message.js';

/** The first revision whose requests repeat parts of the body in header fields. */
const FIRST_REVISION = '2026-07-28';
const HEADER_MISMATCH = -32020;
/** These need `Mcp-Name`. */
const NEED_NAME: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
/** Members that `Mcp-Name` may repeat, in methods of extensions. */
const NAMING = ['name', 'uri', 'taskId'];
const ENCODED = /^=\?base64\?(.*)\?=$/;
/** What the value of a header field may contain: visible ASCII, spaces and tabs (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

/**
 * Compares the header fields of a request with its messages: proxies decide by the fields, the server by the
 * messages (MCP 2026-07-28, Streamable HTTP, Server Validation).
 *
 * Requests of that revision need all the fields. Earlier ones need none, but any that's there must match.
 */
export function findMismatch(
  view: RequestView,
  messages: readonly McpMessage[],
  isBatch: boolean,
): Fault | undefined {
  const version = readField(view, 'mcp-protocol-version');
  const method = readField(view, 'mcp-method');
  const name = readField(view, 'mcp-name');
  if (typeof version === 'object') return version;
  if (typeof method === 'object') return method;
  if (typeof name === 'object') return name;
  const [message] = messages;
  const isCurrent =
    (version !== undefined && version >= FIRST_REVISION) || messages.some((one) => one.version !== undefined);
  if (isBatch || message?.method === undefined) {
    if (method !== undefined || name !== undefined) return mismatch('the body is not a single request');
    return isCurrent ? malformed(INVALID_REQUEST, 'the body is not a single request') : undefined;
  }
  return (
    compareVersion(version, message, isCurrent) ??
    compareMethod(method, message, isCurrent) ??
    compareName(name, message, message.method, isCurrent)
  );
}

function compareVersion(
  version: string | undefined,
  { version: claimed, id }: McpMessage,
  isCurrent: boolean,
): Fault | undefined {
  if (!isCurrent) return undefined;
  if (claimed === undefined)
    // Notifications needn't repeat it.
    return id === undefined ? undefined : malformed(INVALID_PARAMS, '_meta has no protocol version');
  if (typeof claimed !== 'string') return malformed(INVALID_PARAMS, 'the protocol version is a string');
  if (version === undefined) return id === undefined ? undefined : missing('MCP-Protocol-Version');
  return version === claimed ? undefined : mismatch('MCP-Protocol-Version differs from the body');
}

function compareMethod(
  method: string | undefined,
  message: McpMessage,
  isCurrent: boolean,
): Fault | undefined {
  if (method === undefined) return isCurrent && message.id !== undefined ? missing('Mcp-Method') : undefined;
  return method === message.method ? undefined : mismatch('Mcp-Method differs from the body');
}

function compareName(
  name: string | undefined,
  { params, id }: McpMessage,
  method: string,
  isCurrent: boolean,
): Fault | undefined {
  if (name === undefined)
    return isCurrent && id !== undefined && NEED_NAME.has(method) ? missing('Mcp-Name') : undefined;
  const decoded = decode(name);
  if (decoded === undefined) return mismatch('Mcp-Name is not base64 of UTF-8');
  return namesIn(params, method).includes(decoded) ? undefined : mismatch('Mcp-Name differs from the body');
}

function namesIn(params: Members, method: string): readonly unknown[] {
  const member = namingMember(method);
  return (member === undefined ? NAMING : [member]).map((one) => own(params, one));
}

/** The value of a header field that may occur once. */
function readField(view: RequestView, field: string): string | undefined | Fault {
  const [value, another] = [view.header(field) ?? []].flat();
  if (another !== undefined) return mismatch('a header field is repeated');
  if (value !== undefined && !FIELD_VALUE.test(value))
    return mismatch('a header field has characters that are not ASCII');
  return value?.trim(); // nothing but spaces and tabs is left to trim
}

/** The value of `Mcp-Name`, which is base64 if plain text can't express it; undefined if that's malformed. */
function decode(value: string): string | undefined {
  const [, base64] = ENCODED.exec(value) ?? [];
  if (base64 === undefined) return value;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // not UTF-8
  }
}

function missing(field: string): Fault {
  return mismatch(`${field} is missing`);
}

function mismatch(text: string): Fault {
  return { reason: 'header_mismatch', code: HEADER_MISMATCH, text: `Header mismatch: ${text}` };
}
