import { withTimeLimit } from '../lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable, type FetchJsonOptions, fetchJson } from '../lib/fetch.js';
import { isAcceptableUrl } from '../lib/url.js';

/** The document is about another issuer than the one it was fetched for: nothing in it is used (RFC 8414 §3.3). */
export class IssuerMismatch extends Error {}

/** Members that must be strings where they are present (RFC 8414 §2). */
const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'introspection_endpoint'] as const;

/** What of an authorization server's metadata a resource server needs (RFC 8414 §2). */
export interface IssuerMetadata {
  readonly jwksUri: string;
}

export interface DiscoveryOptions extends FetchJsonOptions {
  /** In place of the well-known locations. */
  readonly metadataUrl: string | undefined;
  readonly allowInsecureRequests: boolean;
  /** When `signal` will be aborted, as far as the caller knows. */
  readonly timeoutSeconds: number;
}

/**
 * Finds and checks the metadata of an issuer. The locations are tried in the order of {@link metadataUrls} until one has a valid document. For one that does not
 * answer the others do not wait long; a server that is out of reach is not asked again.
 *
 * @throws {DocumentUnavailable | DocumentInvalid | IssuerMismatch} the most telling failure of all attempts
 */
export function discoverMetadata(issuer: string, options: DiscoveryOptions): Promise<IssuerMetadata> {
  return searchMetadata(issuer, options, (json, url) =>
    readMetadata(json, issuer, url, options.allowInsecureRequests),
  );
}

/**
 * The same for other members of the metadata: the first document counts that `read` finds good.
 *
 * @param read throws {@link DocumentInvalid} or {@link IssuerMismatch} where the document will not do
 */
export async function searchMetadata<T>(
  issuer: string,
  options: DiscoveryOptions,
  read: (json: Readonly<Record<string, unknown>>, url: string) => T,
): Promise<T> {
  const urls = options.metadataUrl === undefined ? metadataUrls(issuer) : [options.metadataUrl];
  // An equal share for each location, and one for the keys.
  const patienceSeconds = options.timeoutSeconds / (urls.length + 1);
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const attempts: Promise<T>[] = [];
  try {
    for (const url of urls) {
      const attempt = fetchJson(url, { fetch: options.fetch, signal }).then(({ json }) => read(json, url));
      attempts.push(attempt);
      if (await isSettled(attempt, patienceSeconds)) break;
    }
    return await Promise.any(attempts);
  } catch (error) {
    throw error instanceof AggregateError ? mostTelling(error.errors) : error;
  } finally {
    over.abort();
  }
}

/** Whether it is clear after so long that no other location needs to be tried: this one has the document, or its server is out of reach. */
async function isSettled(attempt: Promise<unknown>, seconds: number): Promise<boolean> {
  try {
    await withTimeLimit(seconds, () => attempt);
    return true;
  } catch (error) {
    return isOutOfReach(error);
  }
}

function isOutOfReach(failure: unknown): boolean {
  return failure instanceof DocumentUnavailable && !failure.reached;
}

function mostTelling(failures: readonly unknown[]): unknown {
  return (
    failures.find((failure) => failure instanceof IssuerMismatch) ??
    failures.find((failure) => failure instanceof DocumentInvalid) ??
    failures.find(isOutOfReach) ??
    failures.at(-1)
  );
}

/**
 * Where an issuer's metadata may be: RFC 8414 §3.1 and §5, then OpenID Connect Discovery §4.
 *
 * `https://h/t1` → `https://h/.well-known/oauth-authorization-server/t1`, `https://h/.well-known/openid-configuration/t1`,
 * `https://h/t1/.well-known/openid-configuration`
 */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ]),
  ];
}

/**
 * Reads the metadata of `issuer` that was found at `url`.
 *
 * @throws {IssuerMismatch} it is another issuer's
 * @throws {DocumentInvalid} a member is not what it must be
 */
export function readMetadata(
  json: Readonly<Record<string, unknown>>,
  issuer: string,
  url: string,
  allowInsecureRequests: boolean,
): IssuerMetadata {
  checkMetadata(json, issuer);
  return { jwksUri: endpointIn(json, 'jwks_uri', url, allowInsecureRequests) };
}

/**
 * Refuses a document that is about another issuer, or malformed.
 *
 * @throws {IssuerMismatch} it is another issuer's
 * @throws {DocumentInvalid} a member is not what it must be
 */
export function checkMetadata(json: Readonly<Record<string, unknown>>, issuer: string): void {
  if (typeof json.issuer !== 'string') throw new DocumentInvalid('issuer is not a string');
  if (json.issuer !== issuer) throw new IssuerMismatch('the metadata names another issuer');
  for (const name of ENDPOINTS) {
    if (Object.hasOwn(json, name) && typeof json[name] !== 'string')
      throw new DocumentInvalid(`${name} is not a string`);
  }
}

/**
 * The URL of an endpoint.
 *
 * @param url where the metadata was found
 * @throws {DocumentInvalid} it is missing, or no URL that may be asked
 */
export function endpointIn(
  json: Readonly<Record<string, unknown>>,
  name: string,
  url: string,
  allowInsecureRequests: boolean,
): string {
  const endpoint = Object.hasOwn(json, name) ? json[name] : undefined;
  // Metadata that came over https must not lead to an unprotected service on this host.
  const allowLoopback = url.startsWith('http:');
  if (!isAcceptableUrl(endpoint, { allowInsecureRequests, allowLoopback }))
    throw new DocumentInvalid(`${name} is not an https URL`);
  return endpoint;
}
