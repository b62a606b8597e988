import type { IncomingMessage } from 'node:http';
import { isJsonObject } from '../../lib/json.js';
import { readBody } from '../loopback-server.js';
import { refusal } from './http.js';

/**
 * Larger bodies are refused. A token of the largest kind together with an assertion needs a fifth of that.
 */
const MAX_BODY_BYTES = 65_536;

/**
 * The parameters of a form body that have a value, by name. Only `resource` (RFC 8707 §2) and `audience` (RFC
 * 8693 §2.1) may have several.
 */
export type Form = ReadonlyMap<string, readonly string[]>;

const REPEATABLE: readonly string[] = ['resource', 'audience'];
/** Names that can be quoted in an `error_description`. */
const PLAIN_NAME = /^[a-z_]{1,40}$/;

/**
 * The parameters of a request to an endpoint of RFC 6749 §3.2: in the body, never in the URL, and none twice.
 *
 * @throws {Refusal} 400, 413 or 415
 */
export async function readForm(request: IncomingMessage): Promise<Form> {
  if (request.url?.includes('?'))
    throw refusal(400, 'invalid_request', 'parameters belong in the body, not in the URL');
  const body = await readText(request, 'application/x-www-form-urlencoded');
  const form = new Map<string, readonly string[]>();
  for (const pair of body.split('&').filter(Boolean)) {
    const end = pair.includes('=') ? pair.indexOf('=') : pair.length;
    const name = formDecode(pair.slice(0, end));
    const value = formDecode(pair.slice(end + 1));
    if (name === undefined || value === undefined)
      throw refusal(400, 'invalid_request', 'a parameter is not form-urlencoded');
    const before = form.get(name) ?? [];
    if (form.has(name) && !REPEATABLE.includes(name)) {
      const which = PLAIN_NAME.test(name) ? `the parameter ${name}` : 'a parameter';
      throw refusal(400, 'invalid_request', `${which} was sent more than once`);
    }
    form.set(name, [...before, value]);
  }
  return new Map([...form].map(([name, values]) => [name, values.filter(Boolean)]));
}

/** The one value of a parameter; undefined if it wasn't sent or is empty (RFC 6749 §3.2). */
export function parameter(form: Form, name: string): string | undefined {
  return form.get(name)?.[0];
}

/**
 * Decodes `application/x-www-form-urlencoded` (RFC 6749 Appendix B). Undefined if the text isn't encoded like
 * that.
 */
export function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined; // a stray percent sign, or bytes that aren't UTF-8
  }
}

/** The members of a JSON body. Their values aren't checked. */
export type Members = Readonly<Record<string, unknown>>;

/**
 * The members of a JSON body. Its media type alone keeps other sites out: their pages can't send it without
 * asking first (CORS).
 *
 * @throws {Refusal} 400, 413 or 415; an unknown member is refused
 */
export async function readMembers(request: IncomingMessage, known: readonly string[]): Promise<Members> {
  const text = await readText(request, 'application/json');
  let members: unknown;
  try {
    members = JSON.parse(text);
  } catch {
    throw refusal(400, 'invalid_request', 'the body is not JSON');
  }
  if (!isJsonObject(members)) throw refusal(400, 'invalid_request', 'the body is not a JSON object');
  if (Object.keys(members).some((name) => !known.includes(name)))
    throw refusal(400, 'invalid_request', `the body takes the members ${known.join(', ')}`);
  return members;
}

/** @throws {Refusal} 400: there, and not a string */
export function optionalText(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value === undefined || typeof value === 'string') return value;
  throw refusal(400, 'invalid_request', `${name} is not a string`);
}

/** @throws {Refusal} 400: missing, or not a string */
export function requiredText(members: Members, name: string): string {
  const value = optionalText(members, name);
  if (value === undefined) throw refusal(400, 'invalid_request', `${name} is missing`);
  return value;
}

/**
 * The body as text.
 *
 * @throws {Refusal} 415: of another type, or compressed; 413: larger than 64 KiB; 400: not UTF-8
 */
async function readText(request: IncomingMessage, expected: string): Promise<string> {
  const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const isPlain = (request.headers['content-encoding'] ?? 'identity') === 'identity';
  if (mediaType !== expected || !isPlain)
    throw refusal(415, 'invalid_request', `the body must be ${expected}`, { Accept: expected });
  const body = await readBody(request, MAX_BODY_BYTES);
  if (body === undefined) throw refusal(413, 'invalid_request', 'the body is larger than 64 KiB');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw refusal(400, 'invalid_request', 'the body is not UTF-8'); // the decoder says no more than that
  }
}
