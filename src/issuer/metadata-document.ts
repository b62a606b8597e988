import { UnavailableError } from '../errors.js';
import { FetchFailure } from '../lib/fetch.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { quoteUrl } from '../lib/public-text.js';
import { type InsecureRequests, isAcceptableUrl } from '../lib/url.js';

/** The endpoints that this package uses, by their names in metadata (RFC 8414 §2). */
export type EndpointName = 'jwks_uri' | 'token_endpoint' | 'introspection_endpoint';

const PLAIN_HTTP =
  'plain http is for issuers on this host, and for those that allowInsecureRequests names: anyone on ' +
  'the path can choose the keys';

const ELSEWHERE = 'is the path of the issuer right? If its metadata is somewhere else, set metadataUrl';

/** A document that was found, and where. */
export type Located = { readonly json: JsonObject; readonly url: string };

/** An authorization server's metadata (RFC 8414 §2), from one document or several. */
export class Metadata {
  /** Why another location gave no answer that may have what's missing here. Undefined if nothing is open. */
  readonly gap: FetchFailure | undefined;
  readonly #documents: readonly Located[];
  readonly #allowInsecure: InsecureRequests;

  /** @param documents of one issuer, in the order of their locations: the first one with a member counts */
  constructor(documents: readonly Located[], allowInsecureRequests: InsecureRequests, gap?: FetchFailure) {
    this.gap = gap;
    this.#documents = documents;
    this.#allowInsecure = allowInsecureRequests;
  }

  /** {@link endpoint}, but undefined instead of an error. */
  find(name: EndpointName, preferMtls = false): string | undefined {
    for (const { json, url } of this.#documents) {
      const endpoint = readMember(json, name, preferMtls);
      // Metadata fetched over https must not lead to an unprotected service on this host.
      const allowLoopback = url.startsWith('http:');
      if (isAcceptableUrl(endpoint, this.#allowInsecure, allowLoopback)) return endpoint;
    }
    return undefined;
  }

  /**
   * The URL of an endpoint.
   *
   * @param preferMtls use the one for clients with a certificate, if there is one (RFC 8705 §5)
   * @throws {UnavailableError} `metadata_invalid`: it's missing, or a URL that mustn't be fetched
   */
  endpoint(name: EndpointName, preferMtls = false): string {
    const url = this.find(name, preferMtls);
    if (url !== undefined) return url;
    throw unavailable('metadata', this.lack(name, preferMtls));
  }

  /** Why {@link find} finds nothing: there's no such member, or its URL mustn't be fetched. */
  lack(name: EndpointName, preferMtls = false): FetchFailure {
    const [url] = this.#documents
      .map(({ json }) => readMember(json, name, preferMtls))
      .filter((member) => member !== undefined);
    if (url === undefined) return new FetchFailure('invalid', `there is no ${name}`);
    const got = quoteUrl(url);
    const detail = `${name} is not an https URL${got === undefined ? '' : `: ${got}`}`;
    const isPlain = typeof url === 'string' && /^http:/i.test(url);
    return new FetchFailure('invalid', detail, isPlain ? { hint: PLAIN_HTTP } : {});
  }

  /** Which of these endpoints are missing. */
  missing(names: readonly EndpointName[]): readonly EndpointName[] {
    return names.filter((name) => this.find(name) === undefined);
  }

  /** A list member, such as `token_endpoint_auth_methods_supported`. Empty if it's absent. */
  list(name: string): readonly unknown[] {
    return this.#documents.map(({ json }) => json[name]).find((value) => Array.isArray(value)) ?? [];
  }
}

/** The member, unchecked. Null counts as absent. */
function readMember(json: JsonObject, name: EndpointName, preferMtls: boolean): unknown {
  const { mtls_endpoint_aliases: aliases } = json;
  const own = (members: JsonObject) =>
    Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined;
  return (preferMtls && isJsonObject(aliases) ? own(aliases) : undefined) ?? own(json);
}

/** Adds which document a failure is about, once: an {@link UnavailableError} stays as it is. */
export function unavailable(document: 'metadata' | 'jwks', error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const isInvalid = error instanceof FetchFailure && error.kind === 'invalid';
  const reason = isInvalid ? (`${document}_invalid` as const) : (`${document}_unavailable` as const);
  return new UnavailableError(reason, 1, error, document === 'metadata' ? suggestOption(error) : undefined);
}

/** Advice if metadata can't be used, or isn't at the expected place. */
function suggestOption(error: unknown): string | undefined {
  if (!(error instanceof FetchFailure)) return undefined;
  return error.hint ?? (error.kind === 'status' && !error.isTransient ? ELSEWHERE : undefined);
}
