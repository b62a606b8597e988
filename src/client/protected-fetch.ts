import { unlessAborted } from '../lib/deadline.js';
import { discard } from '../lib/fetch.js';
import { copyRequest, isReplayable, isRequest, readInit, readRequest } from '../lib/given-request.js';
import { checkIntegrity } from '../lib/integrity.js';
import { readVerdict, type Verdict } from './challenge.js';
import { readNonce } from './dpop.js';
import type { GrantedToken } from './granted-token.js';
import { followingHop, type Hop, isRedirect } from './redirect.js';
import type { OwnTokens } from './token-cache.js';
import type { TokenEndpoint } from './token-endpoint.js';
import type { TokenPresenter } from './token-presenter.js';

/** What `redirect` can be. The client follows redirects itself, so `fetch` doesn't see the word. */
const REDIRECTS: ReadonlySet<string> = new Set(['follow', 'error', 'manual']);
/** As many as `fetch` follows. */
const MAX_REDIRECTS = 20;

type Fetch = typeof globalThis.fetch;
type Input = Parameters<Fetch>[0];
type Init = NonNullable<Parameters<Fetch>[1]>;

export interface ProtectedFetchOptions {
  readonly tokens: OwnTokens;
  readonly presenter: TokenPresenter;
  readonly origins: readonly string[];
  /** Where the tokens are from. */
  readonly endpoint: Pick<TokenEndpoint, 'fetchWith'>;
}

/** The caller's request, read once. */
interface Call {
  /** Undefined for a plain address. Its clones are sent: it keeps its body for another one. */
  readonly request: Request | undefined;
  /** The same for each request. */
  readonly init: Init;
  readonly signal: AbortSignal | undefined;
  readonly redirect: NonNullable<Init['redirect']>;
  readonly integrity: string;
  /** Whether the body can be sent a second time. */
  readonly replayable: boolean;
  /** What an abort cancels before anything is sent. Of a `Request` also the caller's: the call has a copy. */
  readonly bodies: readonly Init['body'][];
  readonly first: Hop;
}

/** An answer, and what it says about the token. */
interface Answer {
  readonly response: Response;
  readonly verdict: Verdict;
}

// Messages of TypeErrors here are without the word "fetch": axios and others take a TypeError with it for
// a broken network, and say "Network Error" instead of what's wrong.

/** `fetch` with an access token: sends it only to the given origins, and replaces it once if it's refused. */
export function createProtectedFetch({ tokens, presenter, origins, endpoint }: ProtectedFetchOptions): Fetch {
  const sendOnce = async (call: Call, hop: Hop, token: GrantedToken | undefined, nonce?: string) => {
    const headers = new Headers(hop.headers);
    if (token !== undefined) {
      const { Authorization, DPoP } = await presenter.present(token, hop, nonce);
      headers.set('Authorization', Authorization);
      if (DPoP !== undefined) headers.set('DPoP', DPoP);
    }
    return endpoint.fetchWith(token)(...(await fetchArguments(call, hop, headers)));
  };
  const send = async (call: Call, hop: Hop, token: GrantedToken | undefined): Promise<Answer> => {
    let response = await sendOnce(call, hop, token);
    if (token === undefined) return { response, verdict: 'unrelated' };
    let verdict = judge(response, token);
    if (token.tokenType === 'DPoP') {
      let nonce = readNonce(response.headers.get('dpop-nonce'));
      // RFC 9449 §9: once more, with the nonce of this answer. No other call gets it meanwhile, because it
      // may be good for one only.
      if (nonce !== undefined && verdict === 'nonce wanted' && (call.replayable || !hop.hasBody)) {
        discard(response);
        response = await sendOnce(call, hop, token, nonce);
        verdict = judge(response, token);
        nonce = readNonce(response.headers.get('dpop-nonce')) ?? nonce;
      }
      presenter.nonces.keep(hop.url, nonce);
    }
    // The caller gets this answer, because another token may not help, but the next call gets one.
    if (verdict === 'unexplained') tokens.drop(token.accessToken, false);
    else if (verdict === 'accepted') tokens.accept(token.accessToken);
    return { response, verdict };
  };

  const getToken = async ({ signal, bodies }: Call): Promise<GrantedToken> => {
    try {
      return await tokens.get(signal);
    } catch (error) {
      // As `fetch` does.
      if (signal?.aborted) for (const body of bodies) if (body instanceof ReadableStream) discard({ body });
      throw error;
    }
  };

  return async (input, init) => {
    const call = await readCall(input, readInit(init ?? {}), origins, presenter.fields);
    let hop = call.first;
    let mayReplace = true;
    for (let redirects = 0; ; redirects += 1) {
      const token = hop.authorized ? await getToken(call) : undefined;
      let { response, verdict } = await send(call, hop, token);
      if (token !== undefined && verdict === 'refused') {
        const replaceable = tokens.drop(token.accessToken);
        if (replaceable && mayReplace && (call.replayable || !hop.hasBody)) {
          mayReplace = false;
          discard(response);
          ({ response } = await send(call, hop, await getToken(call)));
        }
      }
      if (!isRedirect(response) || call.redirect === 'manual') {
        await checkIntegrity(response, call.integrity);
        // It's about redirects that `fetch` itself followed, and here it follows none.
        if (redirects > 0) Object.defineProperty(response, 'redirected', { value: true, configurable: true });
        return response;
      }
      discard(response);
      if (call.redirect === 'error') throw new TypeError('the API redirects, and redirect is "error"');
      if (redirects === MAX_REDIRECTS) throw new TypeError(`too many redirects: more than ${MAX_REDIRECTS}`);
      hop = followingHop(hop, response, call.replayable);
    }
  };
}

function judge({ status, headers }: Response, { tokenType }: GrantedToken): Verdict {
  return readVerdict(status, headers.get('www-authenticate'), tokenType);
}

async function readCall(
  input: Input,
  given: Init,
  origins: readonly string[],
  ownFields: readonly string[],
): Promise<Call> {
  if (!(input instanceof Request) && isRequest(input)) {
    const { url, ...members } = await readRequest(input, given);
    return readCall(url, readInit({ ...members, ...given }), origins, ownFields);
  }
  const request = input instanceof Request ? copyRequest(input, given) : undefined;
  const url = new URL(request?.url ?? String(input));
  checkOrigin(url, origins);
  const all: Init = { ...(request && readInit(request)), ...given };
  const { method = 'GET', signal = null, redirect = 'follow', credentials } = all;
  const integrity = all.integrity ?? '';
  if (!REDIRECTS.has(redirect))
    throw new TypeError(`redirect is "${redirect}": it takes follow, error or manual`);
  const headers = new Headers(all.headers);
  const taken = ownFields.find((name) => headers.has(name));
  if (taken !== undefined) throw new TypeError(`the field ${taken} is set by this client: leave it out`);
  const init: Init = { ...given, redirect: 'manual' };
  // There are no cookies. But with the default, Node 24 fails if a stream is answered with 401.
  if (credentials === undefined || credentials === 'same-origin') init.credentials = 'omit';
  if (integrity !== '') init.integrity = ''; // it's about the last answer
  if (signal !== null) init.signal = signal;
  return {
    request,
    init,
    signal: signal ?? undefined,
    redirect,
    integrity,
    replayable: isReplayable(given.body),
    bodies: [all.body, input instanceof Request && given.body === undefined ? input.body : null],
    first: { url, method: String(method), headers, hasBody: all.body !== undefined, authorized: true },
  };
}

/** @throws {TypeError} the access token isn't for this origin */
export function checkOrigin(url: URL, origins: readonly string[]): void {
  if (origins.includes(url.origin)) return;
  const origin = url.origin === 'null' ? url.protocol : url.origin;
  throw new TypeError(
    origins.length === 0
      ? `the option "origins" is missing, which says where the access token may go: origins: ["${origin}"]`
      : `the access token goes only to ${origins.join(', ')}; add ${origin} to the option "origins"`,
  );
}

/** The first request keeps everything that's in a `Request`. Those after redirects are built anew. */
async function fetchArguments(
  { request, init, signal, first }: Call,
  hop: Hop,
  headers: Headers,
): Promise<Parameters<Fetch>> {
  const common: Init = { ...init, method: hop.method, headers };
  if (hop === first) return [request?.clone() ?? hop.url, common];
  let body = hop.hasBody ? init.body : null;
  // In memory, its length is known.
  if (body === undefined && request) body = await unlessAborted(request.clone().arrayBuffer(), signal);
  return [hop.url, { ...common, body: body ?? null }];
}
