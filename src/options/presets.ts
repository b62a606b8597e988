import type { StandardClaims } from '../auth.js';
import { mediaType } from '../token/compact-jws.js';
import {
  andAlso,
  BASE_URL,
  checkList,
  checkParameter,
  GUID,
  HOST_NAME,
  PATH_SEGMENT,
  type PresetOverrides,
  withKeys,
  withoutTrailingSlash,
} from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';

const REGION = /^[a-z]{2,4}(?:\.[a-z]{2})?$/;
const WITHOUT_REALM = /^(?!.*\/realms\/)/;
const USER_POOL_ID = /^[a-z0-9-]+_\w+$/;

/**
 * Auth0. The client is in `azp`. To use RBAC permissions instead of scopes, set `scopeClaim: 'permissions'`.
 *
 * @param domain the tenant's domain, `example.eu.auth0.com`
 * @throws {TypeError} `domain` isn't a host name
 * @see https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export function auth0(domain: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(domain, HOST_NAME, 'auth0 takes a host name such as example.eu.auth0.com');
  return { issuer: `https://${domain}/`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Okta custom authorization servers. The client is in `cid`, the scopes are an array in `scp`.
 *
 * @param domain the organization's domain, `example.okta.com`
 * @param authorizationServer its id, default `default`
 * @throws {TypeError} `domain` isn't a host name, or `authorizationServer` isn't an id
 */
export function okta(
  domain: string,
  authorizationServer = 'default',
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(domain, HOST_NAME, 'okta takes a host name such as example.okta.com');
  checkParameter(
    authorizationServer,
    PATH_SEGMENT,
    'okta takes the id of an authorization server such as default',
  );
  return {
    issuer: `https://${domain}/oauth2/${authorizationServer}`,
    clientIdClaim: 'cid',
    scopeClaim: 'scp',
    ...overrides,
  };
}

/**
 * Keycloak. The client is in `azp`. To use realm roles instead of scopes, set
 * `scopeClaim: 'realm_access.roles'`.
 *
 * @param baseUrl Keycloak's URL without the realm, `https://sso.example.com`
 * @param realm the realm's name
 * @throws {TypeError} `baseUrl` isn't a URL or has a realm in it, or `realm` isn't a name
 */
export function keycloak(baseUrl: string, realm: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(baseUrl, BASE_URL, 'keycloak takes a URL such as https://sso.example.com');
  checkParameter(
    baseUrl,
    WITHOUT_REALM,
    'keycloak takes the URL without the realm, such as https://sso.example.com',
  );
  checkParameter(realm, PATH_SEGMENT, 'keycloak takes the name of a realm');
  return { issuer: `${withoutTrailingSlash(baseUrl)}/realms/${realm}`, clientIdClaim: 'azp', ...overrides };
}

/**
 * Amazon Cognito. Its access tokens have no `"aud"`, so you list the accepted clients instead.
 *
 * This is the issuer of a pool whose issuer type is "Original". For "Updated", put the other one in its
 * place: `{ ...cognito(id, clientIds), issuer }` with
 * `https://issuer-cognito-idp.<region>.amazonaws.com/<id>`.
 *
 * @param userPoolId `eu-central-1_AbCdEfGhI`; the region is its first part
 * @param clientIds the app clients whose tokens are accepted, at least one
 * @throws {TypeError} `userPoolId` isn't the id of a user pool
 */
export function cognito(
  userPoolId: string,
  clientIds: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(
    userPoolId,
    USER_POOL_ID,
    'cognito takes the id of a user pool such as eu-central-1_AbCdEfGhI',
  );
  const [region = ''] = userPoolId.split('_');
  return { issuer: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`, clientIds, ...overrides };
}

/**
 * ZITADEL, for projects whose applications get JWTs. Their audience is the project's id. For opaque tokens
 * add `introspection`.
 *
 * @param domain the instance's domain, `example.zitadel.cloud`
 * @throws {TypeError} `domain` isn't a host name
 */
export function zitadel(domain: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(domain, HOST_NAME, 'zitadel takes a host name such as example.zitadel.cloud');
  return {
    issuer: `https://${domain}`,
    // Its access tokens may have neither scope nor client. Its ID tokens have no "jti".
    isAccessToken: (_header, { jti }) => typeof jti === 'string',
    ...overrides,
  };
}

/**
 * authentik. Each provider is an issuer, its tokens' audience is their client, and it needs a signing key.
 * The client is in `azp`.
 *
 * @param baseUrl authentik's URL, `https://sso.example.com`
 * @param slug the application's slug
 * @param clientId the provider's client id
 * @throws {TypeError} a parameter isn't what it must be
 */
export function authentik(
  baseUrl: string,
  slug: string,
  clientId: string,
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(baseUrl, BASE_URL, 'authentik takes a URL such as https://sso.example.com');
  checkParameter(slug, PATH_SEGMENT, 'authentik takes the slug of an application');
  checkParameter(clientId, /./, 'authentik takes the client id of a provider');
  return {
    issuer: `${withoutTrailingSlash(baseUrl)}/application/o/${slug}/`,
    audience: clientId,
    audienceMayBeClient: true,
    clientIdClaim: 'azp',
    ...overrides,
  };
}

/**
 * Clerk as an authorization server: JWTs of its OAuth applications, not its session tokens. Most have no
 * `"aud"`, so you list the accepted applications.
 *
 * @param frontendApi the host of the Frontend API, `clerk.example.com`
 * @param clientIds the OAuth applications whose tokens are accepted, at least one
 * @throws {TypeError} `frontendApi` isn't a host name, or the list is empty
 */
export function clerk(
  frontendApi: string,
  clientIds: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(frontendApi, HOST_NAME, 'clerk takes a host name such as clerk.example.com');
  checkList(clientIds, /./, 'clerk takes a list of client ids');
  const isTyped = ({ typ }: { readonly typ?: unknown }): boolean => mediaType(typ) === 'at+jwt';
  return {
    issuer: `https://${frontendApi}`,
    clientIds,
    scopeClaim: ['scope', 'scp'],
    ...overrides,
    isAccessToken: andAlso(isTyped, overrides),
  };
}

/**
 * Ory Network and Ory Hydra, for clients whose access tokens are JWTs. Clients must request the audience. For
 * those that don't, add `clientIds`.
 *
 * @param issuer as the metadata spells it, with or without a slash at the end:
 *   `https://<slug>.projects.oryapis.com`
 * @throws {TypeError} `issuer` isn't a URL
 */
export function ory(issuer: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(issuer, BASE_URL, 'ory takes a URL such as https://example.projects.oryapis.com');
  return { issuer, scopeClaim: ['scope', 'scp'], ...overrides };
}

/**
 * PingOne.
 *
 * @param environmentId the environment's id
 * @param region the end of the host name: `com` (default), `eu`, `ca`, `asia`, `com.au`
 * @throws {TypeError} a parameter isn't what it must be
 */
export function pingOne(
  environmentId: string,
  region = 'com',
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(environmentId, GUID, 'pingOne takes the id of an environment');
  checkParameter(region, REGION, 'pingOne takes a region such as com or eu');
  return { issuer: `https://auth.pingone.${region}/${environmentId}/as`, ...overrides };
}

/**
 * PingFederate, for access token managers that issue JWTs with `"iss"` and `"aud"`. A manager with its own
 * keys needs `jwksUri`: `<baseUrl>/ext/<path>`.
 *
 * @param baseUrl the server's base URL, `https://pf.example.com:9031`
 * @throws {TypeError} `baseUrl` isn't a URL
 */
export function pingFederate(baseUrl: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(baseUrl, BASE_URL, 'pingFederate takes a URL such as https://pf.example.com:9031');
  return { issuer: withoutTrailingSlash(baseUrl), scopeClaim: 'scope', ...overrides };
}

/** The part that's needed of what SAP BTP gives an application that is bound to XSUAA. */
export interface XsuaaBinding {
  /** `https://<subdomain>.authentication.<region>.hana.ondemand.com`. */
  readonly url: string;
  readonly clientid: string;
  readonly xsappname: string;
}

/**
 * SAP XSUAA, for the tokens of the binding's subaccount. Scopes are an array and begin with `<xsappname>.`;
 * the client is in `cid`.
 *
 * The only audience of a token that the application got for itself is its client. To accept it, set
 * `audienceMayBeClient`.
 *
 * @param binding the credentials of the service binding
 * @throws {TypeError} the binding lacks a member
 */
export function xsuaa(binding: XsuaaBinding, overrides: PresetOverrides = {}): TrustedIssuer {
  const { url, clientid, xsappname } = binding;
  checkParameter(url, BASE_URL, 'xsuaa takes a binding whose url is a URL');
  checkParameter(clientid, /./, 'xsuaa takes a binding with clientid');
  checkParameter(xsappname, /./, 'xsuaa takes a binding with xsappname');
  const base = withoutTrailingSlash(url);
  const isOfClient = (_header: unknown, claims: StandardClaims & { readonly cid?: unknown }): boolean => {
    const { aud, cid, jti, scope } = claims;
    // A refresh token that is a JWT differs only in this.
    const isRefreshToken = `${jti}`.endsWith('-r');
    // This is the scope of every ID token. In an access token it's among the audiences as well.
    const isIdToken = `${scope}` === 'openid' && `${aud}` === cid;
    return typeof cid === 'string' && !isRefreshToken && !isIdToken;
  };
  return {
    issuer: `${base}/oauth/token`,
    audience: [clientid, xsappname],
    clientIdClaim: 'cid',
    scopeClaim: 'scope',
    ...withKeys(`${base}/token_keys`, overrides),
    isAccessToken: andAlso(isOfClient, overrides),
  };
}
