import { unlessAborted } from './deadline.js';
import { withoutUndefined } from './json.js';

type Input = Parameters<typeof fetch>[0];
type Init = NonNullable<Parameters<typeof fetch>[1]>;

/** The members that the Fetch standard reads, and those that Node, Workers, Next.js, Deno and Bun add. */
const MEMBERS = (
  'method headers body duplex signal redirect integrity credentials mode cache referrer referrerPolicy ' +
  'keepalive priority window dispatcher cf next client tls proxy unix verbose decompress'
).split(' ');

/**
 * The second argument of `fetch`, each member read once, and by name as Web IDL does: it may be a `Request`,
 * or inherit its members.
 */
export function readInit(given: Init): Init {
  const names = new Set([...Object.keys(given), ...MEMBERS]);
  const read = Object.fromEntries(Array.from(names, (name) => [name, Reflect.get(given, name)]));
  // What's undefined counts as absent, and so does no body: it doesn't replace what a Request has.
  return withoutUndefined({ ...read, body: read.body ?? undefined });
}

/** Whether it's a `Request`, even from another copy of undici: `fetch` would take that one for an address. */
export function isRequest(input: Input): input is Request {
  return typeof input === 'object' && 'clone' in input && 'url' in input;
}

/** A request as members for another class. Its body is read first, so that its length is known. */
export async function readRequest(given: Request, init: Init): Promise<Init & Pick<Request, 'url'>> {
  const { url, method, headers, signal, redirect, integrity, keepalive } = given;
  const isSent = given.body !== null && (init.body ?? null) === null;
  const body = isSent ? await unlessAborted(given.arrayBuffer(), init.signal ?? signal) : null;
  return { url, method, headers, signal, redirect, integrity, keepalive, body };
}

/** A copy with the members that `fetch` sends: those of a subclass, or set on the object, may be others. */
export function copyRequest(input: Request, { method, body }: Init): Request {
  if (body === undefined) return new Request(input.clone());
  // Its own body isn't sent, and may have been read already.
  return new Request(input, { ...(method && { method }), body: new Uint8Array() });
}

/** A stream can be sent once; a body in memory can be sent again. Forms may be another copy of undici's. */
export function isReplayable(body: Init['body']): boolean {
  if (typeof body !== 'object' || body === null) return true;
  return 'byteLength' in body || 'getAll' in body || body instanceof Blob;
}
