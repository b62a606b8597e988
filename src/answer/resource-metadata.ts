import type { Answer, AnswerHeaders } from '../decision.js';
import { reportWarning } from '../diagnostics.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';
import { deepFreeze, readJsonObject } from '../lib/json.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';
import type { Runtime } from '../lib/runtime.js';
import { type RequestLike, viewRequest } from '../request/view.js';
import { type Requirement, requiredScopes } from '../requirement/requirement.js';
import type { BearerMethod, Scheme } from '../terms.js';
import { splitCompactJws } from '../token/compact-jws.js';
import { withoutOfflineAccess } from '../token/scope.js';
import { type ResourceMetadataDocument, withoutAbsent } from './resource-document.js';

/** Makes a signed JWT of the metadata. A failure is answered with 503. */
export type MetadataSigner = (metadata: ResourceMetadataDocument) => string | Promise<string>;

/** What is published: the option `resource` as plain data. */
export interface ResourceSettings {
  /** Exactly as it's published. */
  readonly identifier: string;
  /** Where the metadata is: an absolute URL. */
  readonly metadataUrl: string;
  /** The same without scheme and host: path, and query if there is one. */
  readonly path: string;
  /** Undefined if those of the routes are to be published. */
  readonly scopes: readonly string[] | undefined;
  readonly authorizationServers: readonly string[];
  /** Members that are published as they are. */
  readonly members: Readonly<Partial<ResourceMetadataDocument>>;
  readonly signedMetadata: string | MetadataSigner | undefined;
  readonly maxAgeSeconds: number;
}

/** What the resource server does, as far as its metadata says so. */
export interface PublishedSettings {
  readonly bearerMethods: ReadonlySet<BearerMethod>;
  /** The schemes that are accepted. */
  readonly schemes: readonly Scheme[];
  /** Accepted algorithms of DPoP proofs; empty if DPoP is off. */
  readonly proofAlgorithms: readonly string[];
  /** Whether certificate-bound access tokens are accepted. */
  readonly acceptsCertificates: boolean;
}

/**
 * What this API publishes about itself (RFC 9728), with the option `resource`. Adapters serve it; without
 * one, call {@link answer} before anything else looks at a request.
 */
export interface ResourceMetadata {
  /** The absolute URL of the document, which challenges name as `resource_metadata` (RFC 9728 §5.1). */
  readonly url: string;
  /** The same without scheme and host: `/.well-known/oauth-protected-resource/mcp`. */
  readonly path: string;
  /** The document as of now, without `signed_metadata`. */
  readonly document: ResourceMetadataDocument;
  /**
   * The answer to a request for the document, whoever sends it: its content for `GET` and `HEAD`, to scripts
   * of any origin, 405 for other methods.
   *
   * @returns undefined where the request is for something else; a promise where the metadata have yet to be
   *   signed
   */
  answer(request: RequestLike): Answer | Promise<Answer> | undefined;
  /**
   * Adds the scopes that a route requires to `scopes_supported`, unless the option `resource.scopes` says
   * what it lists.
   */
  addRequirement(requirement: Requirement): void;
}

/** Metadata are public, so any website may read them; there is nothing in them that a cookie could add. */
const OPEN: AnswerHeaders = Object.freeze({ 'Access-Control-Allow-Origin': '*' });
const METHODS = 'GET, HEAD, OPTIONS';
/** How long a signer may take. */
const SIGNING_SECONDS = 10;
const RETRY_AFTER_SECONDS = '30';

export class PublishedMetadata implements ResourceMetadata {
  readonly url: string;
  readonly path: string;
  readonly #resource: ResourceSettings;
  readonly #published: PublishedSettings;
  readonly #clock: () => number;
  readonly #scopes = new Set<string>();
  #document: ResourceMetadataDocument | undefined;
  /** Of {@link #document}. */
  #text: string | Promise<string> | undefined;
  /** For how long it's good, if a signature limits that. */
  #signed: Span | undefined;
  #isSigning = false;

  constructor(resource: ResourceSettings, published: PublishedSettings, { clock }: Pick<Runtime, 'clock'>) {
    this.url = resource.metadataUrl;
    this.path = resource.path;
    this.#resource = resource;
    this.#published = published;
    this.#clock = clock;
  }

  get document(): ResourceMetadataDocument {
    const scopes = this.#resource.scopes ?? [...this.#scopes];
    this.#document ??= deepFreeze(createDocument(this.#resource, this.#published, scopes));
    return this.#document;
  }

  addRequirement(requirement: Requirement): void {
    const known = this.#scopes.size;
    for (const scope of requiredScopes([requirement])) this.#scopes.add(scope);
    if (this.#scopes.size === known || this.#resource.scopes !== undefined) return;
    this.#document = undefined;
    this.#text = undefined;
  }

  answer(request: RequestLike): Answer | Promise<Answer> | undefined {
    const { url, method } = viewRequest(request);
    if (!isTarget(url, this.path)) return undefined;
    if (method === 'OPTIONS') return PREFLIGHT;
    if (method !== 'GET' && method !== 'HEAD') return NOT_ALLOWED;
    const text = this.#content();
    return typeof text === 'string' ? this.#found(text) : this.#foundWhenSigned(text);
  }

  #content(): string | Promise<string> {
    if (this.#text === undefined || this.#isOld()) this.#text = this.#make();
    return this.#text;
  }

  /**
   * A signature has a life of its own, so it is made anew as often as clients ask for it, and once for all
   * who ask meanwhile.
   */
  #isOld(): boolean {
    const isFunction = typeof this.#resource.signedMetadata === 'function';
    return isFunction && !this.#isSigning && !isWithin(this.#signed, this.#clock());
  }

  #make(): string | Promise<string> {
    const { document } = this;
    const { signedMetadata, maxAgeSeconds } = this.#resource;
    if (typeof signedMetadata === 'function') {
      this.#isSigning = true;
      this.#signed = spanFrom(this.#clock(), maxAgeSeconds);
      return withTimeLimit(SIGNING_SECONDS, () => signedBy(signedMetadata, document)).finally(() => {
        this.#isSigning = false;
      });
    }
    return JSON.stringify({
      ...document,
      ...(signedMetadata !== undefined && { signed_metadata: signedMetadata }),
    });
  }

  async #foundWhenSigned(text: Promise<string>): Promise<Answer> {
    try {
      return this.#found(await text);
    } catch (error) {
      if (this.#text === text) this.#text = undefined; // to be tried again
      reportWarning({ source: 'signedMetadata', detail: describeError(error) });
      return UNAVAILABLE;
    }
  }

  #found(body: string): Answer {
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

async function signedBy(sign: MetadataSigner, document: ResourceMetadataDocument): Promise<string> {
  const signed: unknown = await sign(document);
  if (!isSignedMetadata(signed)) throw new TypeError('signedMetadata takes a signed JWT');
  return JSON.stringify({ ...document, signed_metadata: signed });
}

/**
 * What is published (RFC 9728 §2): what the other options have the resource server do, and nothing that it
 * doesn't.
 */
function createDocument(
  { identifier, authorizationServers, members }: ResourceSettings,
  { bearerMethods, schemes, proofAlgorithms, acceptsCertificates }: PublishedSettings,
  scopes: readonly string[],
): ResourceMetadataDocument {
  const takesBearer = schemes.includes('Bearer');
  return {
    resource: identifier,
    ...withoutAbsent({
      authorization_servers: [...authorizationServers],
      scopes_supported: withoutOfflineAccess(scopes),
    }),
    bearer_methods_supported: takesBearer ? [...bearerMethods] : [],
    ...withoutAbsent({
      dpop_signing_alg_values_supported: [...proofAlgorithms],
      dpop_bound_access_tokens_required: takesBearer ? undefined : true,
      tls_client_certificate_bound_access_tokens: acceptsCertificates ? true : undefined,
    }),
    ...members,
  };
}

/**
 * RFC 9728 §2.2: a JWT with an issuer, with a real signature as far as can be seen, and without signed
 * metadata inside.
 *
 * Nobody checks the signature here: it's for the clients, who know whose they trust.
 */
export function isSignedMetadata(value: unknown): value is string {
  const segments = typeof value === 'string' ? splitCompactJws(value) : undefined;
  if (segments === undefined) return false;
  const [header, claims] = segments.map((segment) => readJsonObject(Buffer.from(segment, 'base64url')));
  if (header === undefined || claims === undefined || segments[2] === '') return false;
  const isSigned = typeof header.alg === 'string' && header.alg !== 'none';
  return isSigned && typeof claims.iss === 'string' && !Object.hasOwn(claims, 'signed_metadata');
}

/**
 * Whether an absolute URL is that of the target, to the letter: with another query it would be the metadata
 * of another resource (RFC 9728 §3.1).
 */
function isTarget(url: string, target: string): boolean {
  if (!url.endsWith(target)) return false;
  const authority = url.indexOf('://') + 3;
  return url.indexOf('/', authority) === url.length - target.length;
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
const NOT_ALLOWED: Answer = emptyAnswer(405, { Allow: METHODS, 'Content-Length': '0' });
const UNAVAILABLE: Answer = emptyAnswer(503, {
  'Retry-After': RETRY_AFTER_SECONDS,
  'Cache-Control': 'no-store',
  'Content-Length': '0',
});
