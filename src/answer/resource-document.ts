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
  /** Where a bearer token may be; the empty list says that none is accepted. */
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
  /** The metadata once more, as a signed JWT. */
  readonly signed_metadata?: string;
}

/**
 * Without members that are undefined, and without empty lists, which the metadata must not have (RFC 9728
 * §3.2).
 */
export function withoutAbsent<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const present = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  // The same members, fewer of them.
  return Object.fromEntries(present) as { [K in keyof T]?: NonNullable<T[K]> };
}
