import {
  allowInsecureRequests,
  type Client,
  clockSkew,
  customFetch,
  introspectionRequest,
} from 'oauth4webapi';
import { discard, parseObject, readText, request, USER_AGENT } from '../lib/fetch.js';
import { readRetryAfter } from '../lib/retry-after.js';
import { authenticateClient, type ClientCredential } from './client-authentication.js';
import type { LocationSource } from './endpoint-location.js';
import { IntrospectionFailure } from './introspection-failure.js';
import { readSignedAnswer, type SignedAnswerOptions } from './signed-answer.js';

const PLAIN_MEDIA_TYPE = 'application/json';
const SIGNED_MEDIA_TYPE = 'application/token-introspection+jwt';
/** What servers say with status 400 when it is this API that they do not know (RFC 6749 §5.2). */
const CLIENT_ERRORS: ReadonlySet<unknown> = new Set(['invalid_client', 'unauthorized_client']);

/** By these a server that is well says that it cannot make sense of this one token. */
const TOKEN_STATUSES: ReadonlySet<number> = new Set([400, 413, 414, 422, 431]);

/** Says about a token what an introspection endpoint does; the members are not looked at. Rejects where there is no answer. */
export type AnswerSource = (token: string, signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>;

export interface EndpointSourceOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly credential: ClientCredential;
  readonly location: LocationSource;
  /** Undefined where plain answers will do. */
  readonly signed: SignedAnswerOptions | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: () => number;
}

/**
 * Asks an introspection endpoint (RFC 7662 §2): a form by POST, with the client's authentication and nothing else of ours. Redirects are not followed; at most 1 MiB is read.
 *
 * The library sends the request. The answer is read here: its size has to be limited, its signature verified with the keys that the issuer's tokens are
 * verified with, and nothing of it may get into an error.
 */
export function endpointSource(options: EndpointSourceOptions): AnswerSource {
  return async (token, signal) => {
    try {
      const response = await send(token, signal, options);
      if (response.status !== 200 || response.redirected)
        throw await failureOf(response, signal, options.clock());
      return await readAnswer(response, signal, options.signed);
    } catch (error) {
      // The endpoint may have moved.
      if (!(error instanceof IntrospectionFailure && error.isAboutToken)) options.location.doubt();
      throw error;
    }
  };
}

async function send(token: string, signal: AbortSignal, options: EndpointSourceOptions): Promise<Response> {
  const { issuer, clientId, credential, fetch, clock, signed } = options;
  const { url, authenticationMethods } = await options.location.get();
  // Assertions go by the resource server's clock.
  const client: Client = { client_id: clientId, [clockSkew]: Math.round((clock() - Date.now()) / 1000) };
  const authentication = authenticateClient(credential, authenticationMethods);
  return introspectionRequest({ issuer, introspection_endpoint: url }, client, authentication, token, {
    additionalParameters: { token_type_hint: 'access_token' },
    requestJwtResponse: signed !== undefined,
    headers: { 'user-agent': USER_AGENT },
    signal,
    [allowInsecureRequests]: true, // the URL was checked by our rules
    [customFetch]: (endpoint, init) =>
      request(() => fetch(endpoint, { ...init, credentials: 'omit' }), signal),
  });
}

async function readAnswer(
  response: Response,
  signal: AbortSignal,
  signed: SignedAnswerOptions | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const mediaType = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (signed !== undefined && mediaType === SIGNED_MEDIA_TYPE)
    return readSignedAnswer(await readText(response, signal), signed);
  if (signed === undefined && mediaType === PLAIN_MEDIA_TYPE)
    return parseObject(await readText(response, signal));
  await discard(response);
  // A plain answer where a signed one is required could be anybody's.
  const reason = signed === undefined ? 'introspection_unavailable' : 'introspection_invalid';
  throw new IntrospectionFailure(reason, 'another media type');
}

/** Why an answer other than 200 says nothing about the token. It is never the client's fault: 401 and 403 refuse this API, not the client (RFC 7662 §2.3). */
async function failureOf(
  response: Response,
  signal: AbortSignal,
  now: number,
): Promise<IntrospectionFailure> {
  const { status } = response;
  const detail = response.redirected ? 'redirected' : `status ${status}`;
  if (status === 400 && CLIENT_ERRORS.has(await errorCodeOf(response, signal)))
    return new IntrospectionFailure('introspection_auth_failed', detail);
  await discard(response);
  if (status === 401 || status === 403) return new IntrospectionFailure('introspection_auth_failed', detail);
  const isOutage = status >= 500 || status === 429 || status === 408;
  return new IntrospectionFailure('introspection_unavailable', detail, {
    retryAfterSeconds: isOutage ? readRetryAfter(response.headers.get('retry-after'), now) : undefined,
    isAboutToken: TOKEN_STATUSES.has(status),
  });
}

async function errorCodeOf(response: Response, signal: AbortSignal): Promise<unknown> {
  try {
    return parseObject(await readText(response, signal)).error;
  } catch {
    return undefined; // whatever the body is: the status says enough
  }
}
