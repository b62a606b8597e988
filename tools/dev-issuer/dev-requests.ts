import type { IncomingMessage } from 'node:http';
import { isJsonObject } from '../../src/token/compact-jws.js';
import { checkMediaType, type Handler, readText, refusal } from './http.js';

/** The members of a request body, none of which has been looked at. */
export type Members = Readonly<Record<string, unknown>>;

/**
 * Keeps pages of other sites from using what only our own page, or a program on this machine, should use: browsers say where a
 * request comes from (Fetch §3.1, Fetch Metadata), and programs say nothing.
 */
export function fromThisMachineOnly(handler: Handler): Handler {
  return (request) => {
    const { origin, host, 'sec-fetch-site': site } = request.headers;
    const isOurs = origin === undefined || origin === `http://${host}`; // the router has checked that the host is ours
    const isHere = site === undefined || site === 'same-origin' || site === 'none';
    if (isOurs && isHere) return handler(request);
    throw refusal(403, 'invalid_request', 'requests from pages of other sites are not served');
  };
}

/**
 * The members of a JSON body. Its media type alone keeps other sites out: their pages cannot send it without asking first (CORS).
 *
 * @throws {Refusal} 400, 413 or 415; an unknown member is refused
 */
export async function readMembers(request: IncomingMessage, known: readonly string[]): Promise<Members> {
  checkMediaType(request, 'application/json');
  const members = parse(await readText(request));
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

/** @throws {Refusal} 400: not there, or not a string */
export function requiredText(members: Members, name: string): string {
  const value = optionalText(members, name);
  if (value === undefined) throw refusal(400, 'invalid_request', `${name} is missing`);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(400, 'invalid_request', 'the body is not JSON');
  }
}
