import { customFetch, introspectionRequest } from 'oauth4webapi';
import { discard, FetchFailure, parseObject, readText, sendRequest } from '../lib/fetch.js';
import type { JsonObject } from '../lib/json.js';
import { readRetryAfter } from '../lib/retry-after.js';
import {
  authenticateClient,
  type ClientCredential,
  clientRequest,
  refusalHint,
} from './client-authentication.js';
import { ClientIdentity } from './client-identity.js';
import { CredentialUnavailable } from './credential-source.js';
import { IntrospectionFailure } from './introspection-failure.js';
import type { IntrospectionContext, IntrospectionEndpoint } from './introspection-settings.js';
import { readSignedAnswer } from './signed-answer.js';

/**
 * How long a credential from a function is used: there's no need to ask a vault for every token. If the
 * server refuses a rotated one, the function is asked again.
 */
const CREDENTIAL_SECONDS = 60;
const PLAIN_MEDIA_TYPE = 'application/json';
const SIGNED_MEDIA_TYPE = 'application/token-introspection+jwt';
/** What servers answer with status 400 if they don't know this API (RFC 6749 §5.2). */
const CLIENT_ERRORS: ReadonlySet<unknown> = new Set(['invalid_client', 'unauthorized_client']);
/**
 * Their body may say that this API is refused. No other body is waited for, because it would decide nothing.
 */
const TELLING_STATUSES: ReadonlySet<number> = new Set([400, 401, 403]);
/** With these, a server says it's busy, whatever the question. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([408, 429]);
/** An OAuth error code that may be logged. */
const ERROR_CODE = /^[a-z_]{1,40}$/;

/**
 * Answers about a token as an introspection endpoint does. Members aren't checked yet. Rejects if there's no
 * answer.
 */
export type AnswerSource = (token: string, signal: AbortSignal) => Promise<JsonObject>;

/**
 * Asks an introspection endpoint (RFC 7662 §2): a form by POST, with the client's authentication and nothing
 * else of ours. Doesn't follow redirects, and reads at most 1 MiB.
 *
 * The library makes the request. We read the answer here: its size must be limited, its signature verified
 * with the issuer's keys, and nothing of it may get into an error.
 */
export function endpointSource(
  endpoint: IntrospectionEndpoint,
  context: IntrospectionContext,
  timeoutSeconds: number,
): AnswerSource {
  const { clientId, signedResponse } = endpoint;
  const { rules, metadata, runtime } = context;
  const { clock } = runtime;
  const rememberSeconds = CREDENTIAL_SECONDS;
  const identity = new ClientIdentity(endpoint, { rememberSeconds, timeoutSeconds, clock }, runtime.fetch);
  return async (token, signal) => {
    const located = await identity.locate(endpoint.url, 'introspection_endpoint', metadata, signal);
    const server = { issuer: rules.issuer, introspection_endpoint: located.url };
    const { client, options } = clientRequest(clientId, runtime, signal);
    const ask = async (credential: ClientCredential, fetch: typeof globalThis.fetch): Promise<JsonObject> => {
      const request = () =>
        introspectionRequest(server, client, authenticateClient(credential, located, signal), token, {
          ...options,
          additionalParameters: { token_type_hint: 'access_token' },
          requestJwtResponse: signedResponse,
          [customFetch]: (url, init) => fetch(url, { ...init, credentials: 'omit' }),
        });
      const askedAt = clock() / 1000;
      const response = await sendRequest(request, signal, { repeat: true, secret: true }).catch((error) => {
        const hint = identity.explain(error);
        throw hint === undefined ? error : new FetchFailure(error.kind, error.message, { hint });
      });
      if (response.status === 200 && !response.redirected)
        return readAnswer(response, endpoint, askedAt, context, signal);
      throw await readFailure(response, clock(), refusalHint(clientId, credential, located), signal);
    };
    try {
      return await identity.use(ask, isRefusal, signal);
    } catch (error) {
      // The endpoint may have moved, unless it wasn't asked or doesn't understand the question.
      const status = error instanceof IntrospectionFailure ? error.status : undefined;
      const isAsked = !(error instanceof CredentialUnavailable);
      if (endpoint.url === undefined && isAsked && status !== 400) metadata.doubt();
      throw error;
    }
  };
}

/** Whether the server itself says that it doesn't accept this API's credentials. */
function isRefusal(error: unknown): boolean {
  const isOurs = error instanceof IntrospectionFailure && error.reason === 'introspection_auth_failed';
  return isOurs && error.scope === 'server';
}

async function readAnswer(
  response: Response,
  { signedResponse, clientId }: IntrospectionEndpoint,
  askedAt: number,
  context: IntrospectionContext,
  signal: AbortSignal,
): Promise<JsonObject> {
  const mediaType = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (signedResponse && mediaType === SIGNED_MEDIA_TYPE)
    return readSignedAnswer(await readText(response, signal), clientId, askedAt, context);
  if (!signedResponse && mediaType === PLAIN_MEDIA_TYPE) return parseObject(await readText(response, signal));
  discard(response);
  // If a signed answer is required, a plain one could be from anyone.
  const reason = signedResponse ? 'introspection_invalid' : 'introspection_unavailable';
  throw new IntrospectionFailure(reason, 'another media type', 'unclear');
}

/**
 * Why an answer other than 200 says nothing about the token. It's never the client's fault. 401 and 403
 * refuse this API, not the client (RFC 7662 §2.3), for certain only if the server itself says so, with a
 * challenge or an OAuth error. A firewall in front may refuse a token that looks like an attack.
 */
async function readFailure(
  response: Response,
  now: number,
  hint: string | undefined,
  signal: AbortSignal,
): Promise<IntrospectionFailure> {
  const { status, headers, redirected } = response;
  const code = await readOAuthError(response, signal);
  const detail = redirected ? 'redirected' : `status ${status}${code === undefined ? '' : `, ${code}`}`;
  const isRefusal =
    (status === 401 || status === 403) && (code !== undefined || headers.has('www-authenticate'));
  if (isRefusal || (status === 400 && CLIENT_ERRORS.has(code)))
    return new IntrospectionFailure('introspection_auth_failed', detail, 'server', { status, hint });
  // Some servers refuse a client so; but without a challenge, it may be a firewall's opinion of the token.
  if (status === 401 && !redirected)
    return new IntrospectionFailure('introspection_auth_failed', detail, 'unclear', { status, hint });
  const isBusy = BUSY_STATUSES.has(status);
  const isOutage = isBusy || status >= 500;
  const retryAfterSeconds = isOutage ? readRetryAfter(headers.get('retry-after'), now) : undefined;
  const scope = isBusy ? 'server' : 'unclear';
  return new IntrospectionFailure('introspection_unavailable', detail, scope, { status, retryAfterSeconds });
}

async function readOAuthError(response: Response, signal: AbortSignal): Promise<string | undefined> {
  if (!TELLING_STATUSES.has(response.status)) {
    discard(response);
    return undefined;
  }
  try {
    const { error } = parseObject(await readText(response, signal, { maxKib: 64 }));
    return typeof error === 'string' && ERROR_CODE.test(error) ? error : undefined;
  } catch {
    return undefined; // the status says enough
  }
}
