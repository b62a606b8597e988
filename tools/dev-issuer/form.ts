import type { IncomingMessage } from 'node:http';
import { checkMediaType, readText, refusal } from './http.js';

/** The parameters of a form body that have a value, by name. Only `resource` may have several (RFC 8707 §2). */
export type Form = ReadonlyMap<string, readonly string[]>;

const REPEATABLE = 'resource';
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
  checkMediaType(request, 'application/x-www-form-urlencoded');
  return parseForm(await readText(request));
}

/** The one value of a parameter; undefined when it was not sent or is empty (RFC 6749 §3.2). */
export function parameterOf(form: Form, name: string): string | undefined {
  return form.get(name)?.[0];
}

/** Decodes `application/x-www-form-urlencoded` (RFC 6749 Appendix B). Undefined when the text is not encoded so. */
export function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined; // a stray percent sign, or bytes that are not UTF-8
  }
}

function parseForm(body: string): Form {
  const form = new Map<string, readonly string[]>();
  for (const [name, value] of body.split('&').filter(Boolean).map(parsePair)) {
    const before = form.get(name);
    if (before !== undefined && name !== REPEATABLE) throw repeated(name);
    form.set(name, [...(before ?? []), value]);
  }
  return new Map([...form].map(([name, values]) => [name, values.filter(Boolean)]));
}

function parsePair(pair: string): readonly [name: string, value: string] {
  const end = pair.includes('=') ? pair.indexOf('=') : pair.length;
  const name = formDecode(pair.slice(0, end));
  const value = formDecode(pair.slice(end + 1));
  if (name === undefined || value === undefined)
    throw refusal(400, 'invalid_request', 'a parameter is not form-urlencoded');
  return [name, value];
}

function repeated(name: string): Error {
  const which = PLAIN_NAME.test(name) ? `the parameter ${name}` : 'a parameter';
  return refusal(400, 'invalid_request', `${which} was sent more than once`);
}
