import type { JSONWebKeySet } from 'jose';

/** Where an issuer's documents are. */
export type DocumentPath =
  | '/.well-known/oauth-authorization-server'
  | '/.well-known/openid-configuration'
  | '/jwks';

/** What a listening issuer serves. */
export type IssuerPath = DocumentPath | '/introspect';

export const documentPaths: readonly DocumentPath[] = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/jwks',
];

/** What the documents of an issuer say. */
export interface IssuerFacts {
  /** The issuer identifier, which is also where the documents are. */
  readonly url: string;
  readonly algorithm: string;
  /** Public keys only. */
  readonly published: JSONWebKeySet;
  /** More members of the metadata, for an issuer that can do more than publish keys. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface IssuerDocument {
  readonly mediaType: string;
  readonly body: object;
}

/** Metadata (RFC 8414 §3, OpenID Connect Discovery §4) or keys (RFC 7517 §5), by path. */
export function issuerDocument(path: DocumentPath, facts: IssuerFacts): IssuerDocument {
  if (path === '/jwks') return { mediaType: 'application/jwk-set+json', body: facts.published };
  return { mediaType: 'application/json', body: { ...requiredMetadata(facts), ...facts.metadata } };
}

/** The members that RFC 8414 §2 and OpenID Connect Discovery §3 require and a resource server may read. */
function requiredMetadata({ url, algorithm }: IssuerFacts): object {
  return {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  };
}
