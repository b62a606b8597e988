import type { StandardClaims } from '../auth.js';
import type { IssuerResolver } from './issuers.js';
import {
  andAlso,
  checkList,
  checkParameter,
  GUID,
  HOST_NAME,
  type PresetOverrides,
  withKeys,
} from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';
import { admitWorkloads, type Workloads } from './workloads.js';

const ENTRA_ISSUER =
  /^https:\/\/login\.microsoftonline\.com\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/v2\.0$/;

/**
 * Microsoft Entra ID, version 2.0 tokens of one tenant. Use one preset per tenant; there's no wildcard.
 *
 * Tokens from client credentials carry application permissions in `roles`, which is read as scopes. For
 * delegated permissions, set `scopeClaim: 'scp'`.
 *
 * @param tenantId the directory's id, not its domain name and not `common`
 * @throws {TypeError} `tenantId` isn't the id of one tenant
 */
export function entraId(tenantId: string, overrides: PresetOverrides = {}): TrustedIssuer {
  // Tokens never name a tenant in any other way.
  checkParameter(tenantId, GUID, 'entraId takes the id of one tenant');
  return {
    issuer: `https://login.microsoftonline.com/${tenantId.toLowerCase()}/v2.0`,
    clientIdClaim: 'azp',
    scopeClaim: 'roles',
    ...overrides,
  };
}

/**
 * Workloads of one tenant of Microsoft Entra ID, in version 2.0 tokens: applications and managed identities
 * that call for themselves. Tokens on behalf of a user are refused.
 *
 * An application of the tenant gets a token for your API even without a role there, so you list which ones
 * may call. With a list, client and scopes are read as in {@link entraId}.
 *
 * @param tenantId as for {@link entraId}
 * @param applications which ones may call, by application (client) id
 * @throws {TypeError} `tenantId` isn't the id of one tenant, or no application is named, or one isn't a GUID
 */
export function entraWorkloads(
  tenantId: string,
  applications: Workloads,
  overrides: PresetOverrides = {},
): TrustedIssuer {
  const names = {
    preset: 'entraWorkloads',
    what: 'application ids',
    pattern: GUID,
    toKey: (id: string) => id.toLowerCase(),
    // Only an application's own token has the same id in "oid" and "sub", and no "scp".
    keysIn: ({ azp, oid, sub, scp }: StandardClaims) =>
      typeof azp === 'string' && oid !== undefined && oid === sub && scp === undefined
        ? [azp.toLowerCase()]
        : [],
  };
  return admitWorkloads(entraId(tenantId), applications, names, overrides);
}

/**
 * Microsoft Entra ID for applications of several tenants: version 2.0 tokens of those that you name. For the
 * option `issuer`.
 *
 * A token's `"tid"` must be the tenant in its `"iss"`, and keys come from that tenant's own metadata. Clients
 * and permissions are read as in {@link entraId}.
 *
 * @param tenants the directory ids, or a function that says whether a directory id is one of your customers'
 * @throws {TypeError} `tenants` is neither, or contains something that isn't a directory id
 * @example
 * ```ts
 * import { createResourceServer, entraIdMultiTenant } from 'oauth-resource-server';
 *
 * declare const customers: ReadonlySet<string>;
 *
 * createResourceServer({
 *   issuer: entraIdMultiTenant(async (tenantId) => customers.has(tenantId)),
 *   audience: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
 * });
 * ```
 */
export function entraIdMultiTenant(
  tenants: readonly string[] | ((tenantId: string) => boolean | Promise<boolean>),
  overrides: PresetOverrides = {},
): IssuerResolver {
  if (typeof tenants !== 'function')
    checkList(tenants, GUID, 'entraIdMultiTenant takes a list of directory ids, or a function');
  const known = new Set(typeof tenants === 'function' ? [] : tenants.map((id) => id.toLowerCase()));
  const isKnown = typeof tenants === 'function' ? tenants : (id: string): boolean => known.has(id);
  return async (iss) => {
    const tenantId = ENTRA_ISSUER.exec(iss)?.[1];
    if (tenantId === undefined) return undefined;
    const answer: unknown = await isKnown(tenantId);
    if (typeof answer !== 'boolean') throw new TypeError('the check of tenants did not return a boolean');
    if (!answer) return undefined;
    return entraId(tenantId, {
      ...overrides,
      // Every access token names its client there; no ID token does.
      isAccessToken: andAlso(
        (_header, { tid, azp }) => tid === tenantId && typeof azp === 'string',
        overrides,
      ),
    });
  };
}

/**
 * Active Directory Federation Services. Its tokens name a different issuer than its metadata, so the preset
 * sets the URL of the keys. The client is in `appid`, the scopes are in `scp`.
 *
 * @param host the federation service's name, `sts.example.com`; its identifier must be the default,
 *   `http://<host>/adfs/services/trust`
 * @throws {TypeError} `host` isn't a host name
 */
export function adfs(host: string, overrides: PresetOverrides = {}): TrustedIssuer {
  checkParameter(host, HOST_NAME, 'adfs takes a host name such as sts.example.com');
  return {
    issuer: `http://${host}/adfs/services/trust`,
    clientIdClaim: 'appid',
    scopeClaim: 'scp',
    ...withKeys(`https://${host}/adfs/discovery/keys`, overrides),
  };
}
