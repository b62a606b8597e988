import { SafeError } from './errors.js';
import { isRequest, readRequest } from './given-request.js';

type Fetch = typeof globalThis.fetch;
type Undici = typeof import('undici');

/** What a client shows in the TLS handshake, and which servers it trusts. All in PEM. */
export interface TlsIdentity {
  /** The certificate, followed by those of any authorities between it and a root. */
  readonly cert: string;
  /** Its private key, not encrypted. */
  readonly key: string;
  /** Authorities to trust instead of those that Node knows; undefined for Node's own. */
  readonly ca: readonly string[] | undefined;
}

/**
 * A name that bundlers don't follow: it doesn't belong in a bundle for a browser or Workers, and may not be
 * installed.
 */
const UNDICI: string = 'undici';

/**
 * Unused connections are closed after 4 seconds, or later if the server says so, but after this time at the
 * latest. So connections with a replaced certificate end by themselves.
 */
const MAX_IDLE_MILLISECONDS = 60_000;

/** Characters that a status text can't have, such as the one for bytes that aren't UTF-8. */
const NOT_LATIN_1 = /[^\t\x20-\xff]/g;

/**
 * A `fetch` whose connections show a certificate. Node's own can't: it only takes agents of the undici inside
 * Node. Neither an idle connection nor the agent keeps the process alive.
 *
 * @throws {SafeError} the package undici isn't installed
 */
export async function createTlsFetch({ cert, key, ca }: TlsIdentity): Promise<Fetch> {
  const undici = await loadUndici();
  const connect = { cert, key, ...(ca === undefined ? {} : { ca: [...ca] }) };
  // undici 8 prefers HTTP/2, whose unused connections its first versions never close.
  const options = { connect, keepAliveMaxTimeout: MAX_IDLE_MILLISECONDS, allowH2: false };
  const dispatcher = new undici.Agent(options);
  return async (input, init = {}) => {
    const request =
      isRequest(input) && !(input instanceof undici.Request) ? await readRequest(input, init) : undefined;
    const body = readBody(init.body ?? request?.body, undici);
    const url = request === undefined ? input : request.url;
    // `as`: the names and values are Node's, whose declarations are from another version of undici.
    const given = { ...request, ...init, body, dispatcher } as Parameters<Undici['fetch']>[1];
    return toResponse(await undici.fetch(url as Parameters<Undici['fetch']>[0], given));
  };
}

async function loadUndici(): Promise<Undici> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ UNDICI);
  } catch {
    throw new SafeError('it needs the package undici, which cannot be loaded: npm install undici@7');
  }
}

function readBody(body: RequestInit['body'], undici: Undici): unknown {
  if (!(body instanceof FormData)) return body; // of all other kinds there's one class for both copies
  const form = new undici.FormData();
  for (const [name, value] of body)
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, value.name);
  return form;
}

/** An answer like that of Node's own `fetch`: `instanceof Response`. */
function toResponse(given: Awaited<ReturnType<Undici['fetch']>>): Response {
  const { status, redirected, headers } = given;
  // `as`: the same streams, declared in several places.
  const body = given.body as ReadableStream<Uint8Array> | null;
  if (status > 599) return given as Response; // has the same members, and no other can be made
  const statusText = given.statusText.replace(NOT_LATIN_1, '?');
  const response = new Response(body, { status, statusText, headers: [...headers] });
  return Object.defineProperties(response, {
    // A function, because it keeps the other response alive: undici cancels the body of one that was
    // collected.
    url: { get: () => given.url, configurable: true },
    redirected: { value: redirected, configurable: true },
  });
}
