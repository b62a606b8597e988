import type { TrustedIssuer } from './options.js';

/** What a preset leaves to the application. */
export type PresetOverrides = Partial<Omit<TrustedIssuer, 'issuer'>>;

/**
 * Auth0: names the client in `azp`. For RBAC permissions in place of scopes set `scopeClaim: 'permissions'`.
 *
 * @param domain the tenant's domain, `example.eu.auth0.com`
 * @see https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export function auth0(domain: string, overrides: PresetOverrides = {}): TrustedIssuer {
  return { issuer: `https://${domain}/`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Okta custom authorization servers: the client is in `cid`, the scopes are an array in `scp`.
 *
 * @param domain the organisation's domain, `example.okta.com`
 * @param authorizationServer its id, default `default`
 */
export function okta(
  domain: string,
  authorizationServer = 'default',
  overrides: PresetOverrides = {},
): TrustedIssuer {
  return {
    issuer: `https://${domain}/oauth2/${authorizationServer}`,
    clientIdClaim: 'cid',
    scopeClaim: 'scp',
    ...overrides,
  };
}

/**
 * Microsoft Entra ID, version 2.0 tokens of one tenant. Give one preset per tenant; there is no wildcard.
 *
 * Tokens of client credentials carry application permissions in `roles`, which is read as scopes; for delegated permissions set `scopeClaim: 'scp'`.
 *
 * @param tenantId the directory's id, not its domain name and not `common`
 */
export function entraId(tenantId: string, overrides: PresetOverrides = {}): TrustedIssuer {
  return {
    issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    clientIdClaim: 'azp',
    scopeClaim: 'roles',
    ...overrides,
  };
}

/**
 * Keycloak: the client is in `azp`. For realm roles in place of scopes set `scopeClaim: 'realm_access.roles'`.
 *
 * @param baseUrl where Keycloak is, `https://sso.example.com`
 * @param realm the realm's name
 */
export function keycloak(baseUrl: string, realm: string, overrides: PresetOverrides = {}): TrustedIssuer {
  return { issuer: `${baseUrl.replace(/\/$/, '')}/realms/${realm}`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Amazon Cognito: its access tokens have no `"aud"`, so the accepted clients are listed instead.
 *
 * @param userPoolId `eu-central-1_AbCdEfGhI`; the region is its first part
 * @param clientIds the app clients whose tokens are accepted, at least one
 */
export function cognito(
  userPoolId: string,
  clientIds: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  const [region = ''] = userPoolId.split('_');
  return { issuer: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`, clientIds, ...overrides };
}
