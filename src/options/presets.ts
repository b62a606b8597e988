import { typeName } from '../lib/check.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** What a preset leaves to the application. */
export type PresetOverrides = Partial<Omit<TrustedIssuer, 'issuer'>>;

const HOST_NAME = /^[\w.-]+$/;
const BASE_URL = /^https?:\/\/[^/]/i;
const PATH_SEGMENT = /^[^/?#]+$/;
/** `common` and its like stand for every tenant there is. */
const TENANT_ID = /^(?!(?:common|organizations|consumers)$)[\w.-]+$/i;
const USER_POOL_ID = /^[a-z0-9-]+_\w+$/;

/**
 * Auth0: names the client in `azp`. For RBAC permissions in place of scopes set `scopeClaim: 'permissions'`.
 *
 * @param domain the tenant's domain, `example.eu.auth0.com`
 * @throws {TypeError} `domain` is no host name
 * @see https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export function auth0(domain: string, overrides: PresetOverrides = {}): TrustedIssuer {
  check(domain, HOST_NAME, 'auth0 takes a host name such as example.eu.auth0.com');
  return { issuer: `https://${domain}/`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Okta custom authorization servers: the client is in `cid`, the scopes are an array in `scp`.
 *
 * @param domain the organisation's domain, `example.okta.com`
 * @param authorizationServer its id, default `default`
 * @throws {TypeError} `domain` is no host name, `authorizationServer` no id
 */
export function okta(
  domain: string,
  authorizationServer = 'default',
  overrides: PresetOverrides = {},
): TrustedIssuer {
  check(domain, HOST_NAME, 'okta takes a host name such as example.okta.com');
  check(authorizationServer, PATH_SEGMENT, 'okta takes the id of an authorization server such as default');
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
 * Tokens of client credentials carry application permissions in `roles`, which is read as scopes; for
 * delegated permissions set `scopeClaim: 'scp'`.
 *
 * @param tenantId the directory's id, not its domain name and not `common`
 * @throws {TypeError} `tenantId` is not that of one tenant
 */
export function entraId(tenantId: string, overrides: PresetOverrides = {}): TrustedIssuer {
  check(tenantId, TENANT_ID, 'entraId takes the id of one tenant');
  return {
    issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    clientIdClaim: 'azp',
    scopeClaim: 'roles',
    ...overrides,
  };
}

/**
 * Keycloak: the client is in `azp`. For realm roles in place of scopes set `scopeClaim:
 * 'realm_access.roles'`.
 *
 * @param baseUrl where Keycloak is, `https://sso.example.com`
 * @param realm the realm's name
 * @throws {TypeError} `baseUrl` is no URL, `realm` no name
 */
export function keycloak(baseUrl: string, realm: string, overrides: PresetOverrides = {}): TrustedIssuer {
  check(baseUrl, BASE_URL, 'keycloak takes a URL such as https://sso.example.com');
  check(realm, PATH_SEGMENT, 'keycloak takes the name of a realm');
  return { issuer: `${baseUrl.replace(/\/$/, '')}/realms/${realm}`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Amazon Cognito: its access tokens have no `"aud"`, so the accepted clients are listed instead.
 *
 * @param userPoolId `eu-central-1_AbCdEfGhI`; the region is its first part
 * @param clientIds the app clients whose tokens are accepted, at least one
 * @throws {TypeError} `userPoolId` is none
 */
export function cognito(
  userPoolId: string,
  clientIds: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  check(userPoolId, USER_POOL_ID, 'cognito takes the id of a user pool such as eu-central-1_AbCdEfGhI');
  const [region = ''] = userPoolId.split('_');
  return { issuer: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`, clientIds, ...overrides };
}

/**
 * Without this an unset environment variable would become the issuer `https://undefined/`, whose tokens
 * nobody ever sends.
 */
function check(value: unknown, pattern: RegExp, takes: string): void {
  if (typeof value !== 'string' || !pattern.test(value))
    throw new TypeError(`${takes}, got ${typeName(value)}`);
}
