import type { Answer, AnswerHeaders } from '../decision.js';
import { reportWarning } from '../diagnostics.js';
import { inBackground } from '../lib/background.js';
import { GRACE_SECONDS, withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';
import { deepFreeze } from '../lib/json.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';
import { isPromise } from '../lib/promise.js';
import type { Runtime } from '../lib/runtime.js';
import { SharedWork } from '../lib/shared-work.js';
import { type RequestLike, viewRequest } from '../request/view-request.js';
import type { BearerMethod, Scheme } from '../terms.js';
import { readSegment, splitCompactJws } from '../token/compact-jws.js';
import { withoutOfflineAccess } from '../token/scope.js';

/**
 * The metadata of a protected resource as it's published, with the names of RFC 9728 §2. Members without a
 * value are left out.
 */
export interface ResourceMetadataDocument {
  /** The resource identifier. */
  readonly resource: string;
  /** Issuer identifiers of the authorization servers whose access tokens are accepted. */
  readonly authorization_servers?: readonly string[];
  readonly scopes_supported?: readonly string[];
  /** Where a bearer token may be. An empty list says that none are accepted. */
  readonly bearer_methods_supported: readonly string[];
  readonly dpop_signing_alg_values_supported?: readonly string[];
  /** Only `true` is published. */
  readonly dpop_bound_access_tokens_required?: boolean;
  /** Only `true` is published. */
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  readonly authorization_details_types_supported?: readonly string[];
  readonly jwks_uri?: string;
  readonly resource_signing_alg_values_supported?: readonly string[];
  readonly resource_name?: string;
  readonly resource_documentation?: string;
  readonly resource_policy_uri?: string;
  readonly resource_tos_uri?: string;
  /** The metadata again, as a signed JWT. */
  readonly signed_metadata?: string;
}

/** Makes a signed JWT of the metadata. If it fails, the answer is 503. */
export type MetadataSigner = (metadata: ResourceMetadataDocument) => string | Promise<string>;

/** What is published: the option `resource` as plain data. */
export interface ResourceSettings {
  /** Exactly as it's published. */
  readonly identifier: string;
  /** The absolute URL of the metadata. */
  readonly metadataUrl: string;
  /** The same without scheme and host: path, and query if there is one. */
  readonly path: string;
  readonly scopes: readonly string[];
  readonly authorizationServers: readonly string[];
  /** Members that are published as they are. */
  readonly members: Readonly<Partial<ResourceMetadataDocument>>;
  readonly signedMetadata: string | MetadataSigner | undefined;
  readonly maxAgeSeconds: number;
}

/** The resource server's behavior that its metadata describes. */
export interface PublishedSettings {
  readonly bearerMethods: ReadonlySet<BearerMethod>;
  /** The accepted schemes. */
  readonly schemes: readonly Scheme[];
  /** Accepted algorithms of DPoP proofs; empty if DPoP is off. */
  readonly proofAlgorithms: readonly string[];
  /** Whether certificate-bound access tokens are accepted. */
  readonly acceptsCertificates: boolean;
}

/**
 * The metadata that this API publishes (RFC 9728) with the option `resource`. Adapters serve it. Without an
 * adapter, call {@link answer} before anything else looks at a request.
 */
export interface ResourceMetadata {
  /** The absolute URL of the document, which challenges name as `resource_metadata` (RFC 9728 §5.1). */
  readonly url: string;
  /** The same without scheme and host: `/.well-known/oauth-protected-resource/mcp`. */
  readonly path: string;
  /** The document, without `signed_metadata`. */
  readonly document: ResourceMetadataDocument;
  /**
   * The answer to a request for the document, from anyone: its content for `GET` and `HEAD`, readable by
   * scripts of any origin; 405 for other methods. The URL must be exactly the one above (RFC 9728 §3.1). For
   * the other places where clients look, see {@link answerMetadata}.
   *
   * @returns undefined if the request is for something else; a promise if the metadata must be signed first
   */
  answer(request: RequestLike): Answer | Promise<Answer> | undefined;
}

/** RFC 9728 §3. The path of the resource comes after it. */
export const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** Metadata is public, so any website may read it. Cookies couldn't add anything. */
const OPEN: AnswerHeaders = Object.freeze({ 'Access-Control-Allow-Origin': '*' });
const METHODS = 'GET, HEAD, OPTIONS';
/** How long a failing signer isn't called again, and clients are told to wait. */
const RETRY_SECONDS = 30;
/** How long a signer may take. */
const SIGNING_SECONDS = 10;

export class PublishedMetadata implements ResourceMetadata {
  readonly url: string;
  readonly path: string;
  readonly document: ResourceMetadataDocument;
  readonly #resource: ResourceSettings;
  readonly #clock: () => number;
  readonly #signing: SharedWork<string | undefined>;
  /** Of the document; undefined until it's made, and while it can't be signed. */
  #text: string | undefined;
  /** How long that counts, if there's a signer; undefined until it has been called. */
  #signed: Span | undefined;

  constructor(resource: ResourceSettings, published: PublishedSettings, { clock }: Pick<Runtime, 'clock'>) {
    this.url = resource.metadataUrl;
    this.path = resource.path;
    this.#resource = resource;
    this.#clock = clock;
    this.#signing = new SharedWork(clock, SIGNING_SECONDS + GRACE_SECONDS);
    this.document = deepFreeze(createDocument(resource, published));
  }

  answer(request: RequestLike): Answer | Promise<Answer> | undefined {
    const { url, method } = viewRequest(request);
    if (splitUrl(url).target !== this.path) return undefined;
    if (method === 'OPTIONS') return PREFLIGHT;
    if (method !== 'GET' && method !== 'HEAD') return NOT_ALLOWED;
    const text = this.#content();
    return isPromise(text) ? text.then((signed) => this.#answerWith(signed)) : this.#answerWith(text);
  }

  /** A signature has its own lifetime, so it's renewed on demand, once for everyone who asks meanwhile. */
  #content(): string | undefined | Promise<string | undefined> {
    const { signedMetadata } = this.#resource;
    if (typeof signedMetadata !== 'function') {
      this.#text ??= JSON.stringify({ ...this.document, signed_metadata: signedMetadata });
      return this.#text;
    }
    if (isWithin(this.#signed, this.#clock())) return this.#text;
    return this.#signing.run(() => inBackground(() => this.#sign(signedMetadata)));
  }

  /** @returns undefined if the signer fails */
  async #sign(signer: MetadataSigner): Promise<string | undefined> {
    const now = this.#clock();
    try {
      this.#text = await withTimeLimit(SIGNING_SECONDS, () => signedBy(signer, this.document));
      this.#signed = spanFrom(now, this.#resource.maxAgeSeconds);
    } catch (error) {
      this.#text = undefined;
      this.#signed = spanFrom(this.#clock(), RETRY_SECONDS);
      reportWarning({ source: 'signedMetadata', detail: describeError(error) });
    }
    return this.#text;
  }

  #answerWith(body: string | undefined): Answer {
    if (body === undefined) return UNAVAILABLE;
    return {
      status: 200,
      headers: {
        ...OPEN,
        'Content-Type': 'application/json',
        'Cache-Control': `public, max-age=${this.#resource.maxAgeSeconds}`,
        'Content-Length': String(Buffer.byteLength(body)),
      },
      body,
    };
  }
}

/** What's published (RFC 9728 §2): what the other options make the resource server do, and nothing else. */
function createDocument(
  { identifier, authorizationServers, members, scopes }: ResourceSettings,
  { bearerMethods, schemes, proofAlgorithms, acceptsCertificates }: PublishedSettings,
): ResourceMetadataDocument {
  const takesBearer = schemes.includes('Bearer');
  return {
    resource: identifier,
    bearer_methods_supported: takesBearer ? [...bearerMethods] : [],
    ...withoutAbsent({
      authorization_servers: [...authorizationServers],
      scopes_supported: withoutOfflineAccess(scopes),
      dpop_signing_alg_values_supported: [...proofAlgorithms],
      dpop_bound_access_tokens_required: takesBearer ? undefined : true,
      tls_client_certificate_bound_access_tokens: acceptsCertificates ? true : undefined,
    }),
    ...members,
  };
}

async function signedBy(sign: MetadataSigner, document: ResourceMetadataDocument): Promise<string> {
  const signed: unknown = await sign(document);
  if (!isSignedMetadata(signed)) throw new TypeError('signedMetadata takes a signed JWT');
  return JSON.stringify({ ...document, signed_metadata: signed });
}

/** Without undefined members, and without empty lists, which the metadata must not have (RFC 9728 §3.2). */
export function withoutAbsent<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const present = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  // `as`: the same members, fewer of them.
  return Object.fromEntries(present) as { [K in keyof T]?: NonNullable<T[K]> };
}

/**
 * RFC 9728 §2.2: a JWT with an issuer, with what looks like a real signature, and without signed metadata
 * inside.
 *
 * The signature isn't checked here: that's for the clients, who know which keys they trust.
 */
export function isSignedMetadata(value: unknown): value is string {
  const segments = typeof value === 'string' ? splitCompactJws(value) : undefined;
  if (segments === undefined) return false;
  const [header, claims] = segments.map(readSegment);
  if (header === undefined || claims === undefined || segments[2] === '') return false;
  const isSigned = typeof header.alg === 'string' && header.alg !== 'none';
  return isSigned && typeof claims.iss === 'string' && !Object.hasOwn(claims, 'signed_metadata');
}

/**
 * The answer of an application that publishes this metadata. Each document has its place, see
 * {@link ResourceMetadata.answer}. Clients also look in other places, which work if only one document can be
 * meant:
 *
 * - the place with a slash at the end, or with a query;
 * - `/.well-known/oauth-protected-resource` without the path of the resource, where MCP clients look last.
 *
 * Not if the resource identifier has a query: then every query is another resource.
 *
 * @param published everything that the application publishes; if some have the request's host, only those
 *   count
 * @returns undefined if the request is for something else; 404 if it could be meant for several
 */
export function answerMetadata(
  published: readonly ResourceMetadata[],
  request: RequestLike,
): Answer | Promise<Answer> | undefined {
  const { url, method } = viewRequest(request);
  const { authority, target } = splitUrl(url);
  if (!target.startsWith(WELL_KNOWN)) return undefined;
  const different = [...new Map(published.map((one) => [one.url, one])).values()];
  const ofHost = different.filter((one) => splitUrl(one.url).authority === authority);
  const known = ofHost.length > 0 ? ofHost : different;

  const place = toPlace(target);
  const exact = known.filter(({ path }) => path === target);
  const near = known.filter(({ path }) => toPlace(path) === place);
  const meant = [exact, near, place === WELL_KNOWN ? known : []].find(({ length }) => length > 0);
  if (meant === undefined) return undefined;
  const [only, another] = meant;
  if (only === undefined || another !== undefined || (meant !== exact && only.path.includes('?')))
    return NOT_FOUND;
  return only.answer({ method, url: only.url, header: () => [] });
}

/** An absolute URL without its scheme: `inventory.example.com`, `/stock/42?limit=1`. */
function splitUrl(url: string): { readonly authority: string; readonly target: string } {
  const start = url.indexOf('://') + 3;
  const end = url.indexOf('/', start);
  return { authority: url.slice(start, end).toLowerCase(), target: end === -1 ? '' : url.slice(end) };
}

/** A request target without its query and without a slash at the end. */
function toPlace(target: string): string {
  return (target.split('?', 1)[0] ?? '').replace(/\/$/, '');
}

function emptyAnswer(status: number, headers: AnswerHeaders): Answer {
  return Object.freeze({ status, headers: Object.freeze({ ...OPEN, ...headers }), body: undefined });
}

const PREFLIGHT: Answer = emptyAnswer(204, {
  Allow: METHODS,
  'Access-Control-Allow-Methods': METHODS,
  'Access-Control-Allow-Headers': '*',
  'Access-Control-Max-Age': '86400',
});
const NOT_FOUND: Answer = emptyAnswer(404, { 'Content-Length': '0' });
const NOT_ALLOWED: Answer = emptyAnswer(405, { Allow: METHODS, 'Content-Length': '0' });
const UNAVAILABLE: Answer = emptyAnswer(503, {
  'Retry-After': String(RETRY_SECONDS),
  'Cache-Control': 'no-store',
  'Content-Length': '0',
});
