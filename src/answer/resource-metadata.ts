import type { Answer, AnswerHeaders } from '../decision.js';
import { reportWarning } from '../diagnostics.js';
import { TimeLimitExceeded, withTimeLimit } from '../lib/deadline.js';
import { deepFreeze } from '../lib/deep-freeze.js';
import { isWithin, type Span, spanFrom } from '../lib/span.js';
import type { ResolvedOptions } from '../options/resolve.js';
import {
  isSignedMetadata,
  type MetadataSigner,
  type ResolvedResource,
  withoutAbsent,
} from '../options/resource.js';
import { type RequestLike, viewRequest } from '../request/view.js';
import { type Requirement, scopesOf } from '../requirement/requirement.js';
import { withoutOfflineAccess } from '../token/scope.js';
import type { ResourceMetadataDocument } from './resource-document.js';

/**
 * What this API publishes about itself (RFC 9728), with the option `resource`. Adapters serve it; without one, call {@link answer} before anything else looks at a
 * request.
 */
export interface ResourceMetadata {
  /** The absolute URL of the document, which challenges name as `resource_metadata` (RFC 9728 §5.1). */
  readonly url: string;
  /** The same without scheme and host: `/.well-known/oauth-protected-resource/mcp`. */
  readonly path: string;
  /** The document as of now, without `signed_metadata`. */
  readonly document: ResourceMetadataDocument;
  /**
   * The answer to a request for the document, whoever sends it: its content for `GET` and `HEAD`, to scripts of any origin, 405 for other methods.
   *
   * @returns undefined where the request is for something else; a promise where the metadata have yet to be signed
   */
  answer(request: RequestLike): Answer | Promise<Answer> | undefined;
  /** Adds the scopes that a route requires to `scopes_supported`, unless the option `resource.scopes` says what it lists. */
  addRequirement(requirement: Requirement): void;
}

/** The metadata that follow from the options; undefined without the option `resource`. */
export function createResourceMetadata(options: ResolvedOptions): ResourceMetadata | undefined {
  return options.resource && new PublishedMetadata(options.resource, options);
}

/** Metadata are public, so any website may read them; there is nothing in them that a cookie could add. */
const OPEN: AnswerHeaders = Object.freeze({ 'Access-Control-Allow-Origin': '*' });
const METHODS = 'GET, HEAD, OPTIONS';
/** How long a signer may take. */
const SIGNING_SECONDS = 10;
const RETRY_AFTER_SECONDS = '30';

class PublishedMetadata implements ResourceMetadata {
  readonly url: string;
  readonly path: string;
  readonly #resource: ResolvedResource;
  readonly #options: ResolvedOptions;
  readonly #scopes = new Set<string>();
  #document: ResourceMetadataDocument | undefined;
  /** Of {@link #document}. */
  #text: string | Promise<string> | undefined;
  /** For how long it is good, where a signature limits that. */
  #signed: Span | undefined;
  #isSigning = false;

  constructor(resource: ResolvedResource, options: ResolvedOptions) {
    this.url = resource.metadataUrl;
    this.path = resource.path;
    this.#resource = resource;
    this.#options = options;
  }

  get document(): ResourceMetadataDocument {
    this.#document ??= deepFreeze(
      documentOf(this.#resource, this.#options, this.#resource.scopes ?? [...this.#scopes]),
    );
    return this.#document;
  }

  addRequirement(requirement: Requirement): void {
    const known = this.#scopes.size;
    for (const scope of scopesOf([requirement])) this.#scopes.add(scope);
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

  /** A signature has a life of its own, so it is made anew as often as clients ask for it, and once for all who ask meanwhile. */
  #isOld(): boolean {
    const isFunction = typeof this.#resource.signedMetadata === 'function';
    return isFunction && !this.#isSigning && !isWithin(this.#signed, this.#options.clock());
  }

  #make(): string | Promise<string> {
    const { document } = this;
    const { signedMetadata, maxAgeSeconds } = this.#resource;
    if (typeof signedMetadata === 'function') {
      this.#isSigning = true;
      this.#signed = spanFrom(this.#options.clock(), maxAgeSeconds);
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
      reportWarning({ source: 'signedMetadata', detail: detailOf(error) });
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

/** Never the text of the signer's error, which may tell of its keys. */
function detailOf(error: unknown): string {
  if (error instanceof TimeLimitExceeded) return error.message;
  return error instanceof Error ? error.name : typeof error;
}

/** What is published (RFC 9728 §2): what the other options have the resource server do, and nothing that it does not. */
function documentOf(
  { identifier, authorizationServers, members }: ResolvedResource,
  { bearerMethods, bindings, challenges }: ResolvedOptions,
  scopes: readonly string[],
): ResourceMetadataDocument {
  const takesBearer = challenges.schemes.includes('Bearer');
  return {
    resource: identifier,
    ...withoutAbsent({
      authorization_servers: [...authorizationServers],
      scopes_supported: withoutOfflineAccess(scopes),
    }),
    bearer_methods_supported: takesBearer ? [...bearerMethods] : [],
    ...withoutAbsent({
      dpop_signing_alg_values_supported: [...challenges.proofAlgorithms],
      dpop_bound_access_tokens_required: takesBearer ? undefined : true,
      tls_client_certificate_bound_access_tokens: bindings.certificate === undefined ? undefined : true,
    }),
    ...members,
  };
}

/** Whether an absolute URL is that of the target, to the letter: with another query it would be the metadata of another resource (RFC 9728 §3.1). */
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
