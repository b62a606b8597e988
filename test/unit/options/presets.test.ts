import { describe, expect, it } from 'vitest';
import { auth0, cognito, entraId, keycloak, okta } from '../../../src/index.js';
import type { TrustedIssuer } from '../../../src/options/trusted-issuer.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { signedJws } from '../../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { optionErrorWith } from '../../support/option-error.js';
import { outcomeOf } from '../../support/outcome.js';

const CLOCK = () => Date.parse('2030-01-01T00:00:00Z');
const NOW = CLOCK() / 1000;
const key = await generateSigningKey('RS256', 'issuer-key');
const keys = { jwks: { keys: [key.jwk] } };
const times = { iat: NOW - 60, exp: NOW + 3600 };

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const API = '6e74172b-be56-4843-9ff4-e66a39bb12e3';
const CLIENT = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';
const POOL = 'eu-central-1_AbCdEfGhI';
const JWT = { alg: 'RS256', typ: 'JWT', kid: 'issuer-key' };
const UNTYPED = { alg: 'RS256', kid: 'issuer-key' };

const entraV1: TrustedIssuer = {
  issuer: `https://sts.windows.net/${TENANT}/`,
  clientIdClaim: 'appid',
  scopeClaim: 'scp',
  ...keys,
};
const entraV2 = {
  iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
  tid: TENANT,
  ver: '2.0',
  nbf: NOW - 60,
};
const entraUser = { aio: 'AWQAm/8T', oid: 'b1a9', rh: '0.AXkA', sub: 'pairwise', uti: 'uti', name: 'Alice' };
const auth0Claims = { iss: 'https://example.eu.auth0.com/', sub: 'auth0|6553da60a54af58e29493993', ...times };
const auth0Audience = ['https://api.example.com', 'https://example.eu.auth0.com/userinfo'];
const oktaClaims = { ver: 1, iss: 'https://example.okta.com/oauth2/default', ...times };
const keycloakClaims = {
  ...{ iss: 'https://sso.example.com/realms/shop', sub: 'f1c4f64e', sid: '4c0a3a8a', acr: '1', ...times },
  ...{ azp: 'web', jti: 'onrtac:312ee6', email_verified: true, preferred_username: 'ada' },
};
const UPDATED_ISSUER = `https://issuer-cognito-idp.eu-central-1.amazonaws.com/${POOL}`;
const cognitoClaims = {
  ...{ iss: `https://cognito-idp.eu-central-1.amazonaws.com/${POOL}`, sub: 'aaaaaaaa-bbbb', ...times },
  ...{
    'cognito:groups': ['testers'],
    origin_jti: 'bbbb',
    event_id: 'eeee',
    auth_time: NOW - 60,
    jti: 'jjjj',
  },
};

interface Shape {
  readonly title: string;
  readonly issuer: TrustedIssuer;
  readonly audience?: string;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

function serverFor({ issuer, audience = 'https://api.example.com' }: Shape) {
  return createResourceServer({ issuer, audience, clock: CLOCK });
}

const tokenOf = ({ header = JWT, claims }: Shape): string => signedJws(header, claims, key);

interface AccessTokenShape extends Shape {
  readonly subject: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

const accessTokens: readonly AccessTokenShape[] = [
  {
    title: 'Auth0, default profile, of a user',
    issuer: auth0('example.eu.auth0.com', keys),
    claims: { ...auth0Claims, aud: auth0Audience, azp: 'K1AUPhZq', scope: 'openid profile read:patients' },
    subject: 'auth0|6553da60a54af58e29493993',
    clientId: 'K1AUPhZq',
    scopes: ['openid', 'profile', 'read:patients'],
  },
  {
    title: 'Auth0, default profile, of a machine without scopes',
    issuer: auth0('example.eu.auth0.com', keys),
    claims: {
      ...auth0Claims,
      ...{
        sub: 'K1AUPhZq@clients',
        aud: 'https://api.example.com',
        azp: 'K1AUPhZq',
        gty: 'client-credentials',
      },
    },
    subject: 'K1AUPhZq@clients',
    clientId: 'K1AUPhZq',
    scopes: [],
  },
  {
    title: 'Auth0, default profile, with RBAC permissions',
    issuer: auth0('example.eu.auth0.com', { ...keys, scopeClaim: 'permissions' }),
    claims: {
      ...auth0Claims,
      aud: auth0Audience,
      azp: 'K1AUPhZq',
      scope: 'openid',
      permissions: ['read:patients'],
    },
    subject: 'auth0|6553da60a54af58e29493993',
    clientId: 'K1AUPhZq',
    scopes: ['read:patients'],
  },
  {
    title: 'Auth0, RFC 9068 profile',
    issuer: auth0('example.eu.auth0.com', { ...keys, clientIdClaim: 'client_id', tokenType: 'at+jwt' }),
    header: { alg: 'RS256', typ: 'at+jwt', kid: 'issuer-key' },
    claims: {
      ...auth0Claims,
      aud: auth0Audience,
      client_id: 'K1AUPhZq',
      jti: '73Wakrf',
      scope: 'openid read:admin',
    },
    subject: 'auth0|6553da60a54af58e29493993',
    clientId: 'K1AUPhZq',
    scopes: ['openid', 'read:admin'],
  },
  {
    title: 'Okta, of a user',
    issuer: okta('example.okta.com', 'default', keys),
    audience: 'api://default',
    header: UNTYPED,
    claims: {
      ...oktaClaims,
      ...{ jti: 'AT.MNAo', aud: 'api://default', sub: 'ada@example.com', cid: '0oa1', uid: '00u1' },
      ...{ scp: ['openid', 'profile', 'read:stock'], auth_time: NOW - 100 },
    },
    subject: 'ada@example.com',
    clientId: '0oa1',
    scopes: ['openid', 'profile', 'read:stock'],
  },
  {
    title: 'Okta, of a machine',
    issuer: okta('example.okta.com', 'default', keys),
    audience: 'api://default',
    header: UNTYPED,
    claims: {
      ...oktaClaims,
      jti: 'AT.x',
      aud: 'api://default',
      sub: '0oa1',
      cid: '0oa1',
      scp: ['read:stock'],
    },
    subject: '0oa1',
    clientId: '0oa1',
    scopes: ['read:stock'],
  },
  {
    title: 'Entra ID v2, delegated',
    issuer: entraId(TENANT, { ...keys, scopeClaim: 'scp' }),
    audience: API,
    claims: {
      ...entraV2,
      ...times,
      ...entraUser,
      aud: API,
      azp: CLIENT,
      azpacr: '0',
      scp: 'access_as_user read',
    },
    subject: 'pairwise',
    clientId: CLIENT,
    scopes: ['access_as_user', 'read'],
  },
  {
    title: 'Entra ID v2, app-only',
    issuer: entraId(TENANT, keys),
    audience: API,
    claims: {
      ...entraV2,
      ...times,
      aio: 'E2',
      aud: API,
      azp: CLIENT,
      azpacr: '1',
      oid: 'b1',
      roles: ['Stock.Read'],
      sub: 'b1',
    },
    subject: 'b1',
    clientId: CLIENT,
    scopes: ['Stock.Read'],
  },
  {
    title: 'Entra ID v1, delegated',
    issuer: entraV1,
    audience: `api://${API}`,
    claims: {
      ...{
        aud: `api://${API}`,
        iss: `https://sts.windows.net/${TENANT}/`,
        nbf: NOW - 60,
        ...times,
        acr: '1',
      },
      ...{ amr: ['pwd', 'mfa'], appid: CLIENT, appidacr: '0', ipaddr: '192.0.2.1', scp: 'access_as_user' },
      ...{
        ...entraUser,
        tid: TENANT,
        unique_name: 'alice@example.com',
        upn: 'alice@example.com',
        ver: '1.0',
      },
    },
    subject: 'pairwise',
    clientId: CLIENT,
    scopes: ['access_as_user'],
  },
  {
    title: 'Entra ID v1, app-only',
    issuer: { ...entraV1, scopeClaim: 'roles' },
    audience: `api://${API}`,
    claims: {
      ...{
        aud: `api://${API}`,
        iss: `https://sts.windows.net/${TENANT}/`,
        nbf: NOW - 60,
        ...times,
        idp: 'x',
      },
      ...{
        appid: CLIENT,
        appidacr: '1',
        oid: 'b1',
        sub: 'b1',
        roles: ['Stock.Read'],
        tid: TENANT,
        ver: '1.0',
      },
    },
    subject: 'b1',
    clientId: CLIENT,
    scopes: ['Stock.Read'],
  },
  {
    title: 'Keycloak, of a user',
    issuer: keycloak('https://sso.example.com', 'shop', keys),
    audience: 'inventory',
    claims: {
      ...keycloakClaims,
      ...{
        aud: ['inventory', 'account'],
        typ: 'Bearer',
        scope: 'openid profile read:stock',
        'allowed-origins': ['*'],
      },
      ...{
        realm_access: { roles: ['offline_access'] },
        resource_access: { account: { roles: ['view-profile'] } },
      },
    },
    subject: 'f1c4f64e',
    clientId: 'web',
    scopes: ['openid', 'profile', 'read:stock'],
  },
  {
    title: 'Keycloak before 25, of a login with a nonce',
    issuer: keycloak('https://sso.example.com', 'shop', keys),
    audience: 'inventory',
    claims: { ...keycloakClaims, aud: 'inventory', typ: 'Bearer', scope: 'openid', nonce: '0bd2f6d2' },
    subject: 'f1c4f64e',
    clientId: 'web',
    scopes: ['openid'],
  },
  {
    title: 'Keycloak, with realm roles for scopes',
    issuer: keycloak('https://sso.example.com/', 'shop', { ...keys, scopeClaim: 'realm_access.roles' }),
    audience: 'inventory',
    claims: {
      ...keycloakClaims,
      aud: 'inventory',
      typ: 'Bearer',
      scope: 'openid',
      realm_access: { roles: ['operator'] },
    },
    subject: 'f1c4f64e',
    clientId: 'web',
    scopes: ['operator'],
  },
  {
    title: 'Cognito, of a user',
    issuer: cognito(POOL, ['web', 'mobile'], keys),
    header: UNTYPED,
    claims: {
      ...cognitoClaims,
      ...{
        token_use: 'access',
        client_id: 'mobile',
        version: 2,
        username: 'ada',
        scope: 'openid stock/read',
      },
    },
    subject: 'aaaaaaaa-bbbb',
    clientId: 'mobile',
    scopes: ['openid', 'stock/read'],
  },
  {
    title: 'Cognito, with the updated issuer',
    issuer: { ...cognito(POOL, ['machine'], keys), issuer: UPDATED_ISSUER },
    header: UNTYPED,
    claims: {
      ...cognitoClaims,
      iss: UPDATED_ISSUER,
      sub: 'machine',
      token_use: 'access',
      client_id: 'machine',
      scope: 'stock/read',
    },
    subject: 'machine',
    clientId: 'machine',
    scopes: ['stock/read'],
  },
  {
    title: 'Cognito, of a machine',
    issuer: cognito(POOL, ['machine'], keys),
    header: UNTYPED,
    claims: {
      ...cognitoClaims,
      sub: 'machine',
      token_use: 'access',
      client_id: 'machine',
      version: 2,
      scope: 'stock/read',
    },
    subject: 'machine',
    clientId: 'machine',
    scopes: ['stock/read'],
  },
];

describe('an access token of a known issuer', () => {
  it.each(accessTokens)(
    'is accepted: $title',
    { tags: ['ATP-13', 'ATP-16', 'ATP-17', 'ATP-20', 'SCP-08'] },
    async (shape) => {
      const { subject, clientId, scopes } = await serverFor(shape).verify(tokenOf(shape));
      expect({ subject, clientId, scopes }).toEqual({
        subject: shape.subject,
        clientId: shape.clientId,
        scopes: shape.scopes,
      });
    },
  );
});

/** The ID token that comes with it. The API is set up as badly as can be: its audience is the very client. */
const idTokens: readonly Shape[] = [
  {
    title: 'Auth0',
    issuer: auth0('example.eu.auth0.com', keys),
    audience: 'K1AUPhZq',
    claims: { ...auth0Claims, aud: 'K1AUPhZq', nickname: 'ada', name: 'Ada', picture: 'https://x', sid: 's' },
  },
  {
    title: 'Auth0, with permissions for scopes and roles in a claim of that name',
    issuer: auth0('example.eu.auth0.com', { ...keys, scopeClaim: 'https://example.com/roles' }),
    audience: 'K1AUPhZq',
    claims: { ...auth0Claims, aud: 'K1AUPhZq', 'https://example.com/roles': ['admin'], sid: 's' },
  },
  {
    title: 'Okta',
    issuer: okta('example.okta.com', 'default', keys),
    audience: '0oa1',
    header: UNTYPED,
    claims: {
      ...oktaClaims,
      sub: '00u1',
      name: 'Ada',
      aud: '0oa1',
      jti: 'ID.x',
      amr: ['pwd'],
      idp: '00o1',
      auth_time: NOW,
    },
  },
  {
    title: 'Okta, of the code flow',
    issuer: okta('example.okta.com', 'default', keys),
    audience: '0oa1',
    header: UNTYPED,
    claims: {
      ...oktaClaims,
      sub: '00u1',
      aud: '0oa1',
      jti: 'ID.x',
      idp: '00o1',
      at_hash: 'fPlsvVszI29LU2UhDyJ9vg',
    },
  },
  {
    title: 'Entra ID v2, with roles',
    issuer: entraId(TENANT, keys),
    audience: API,
    claims: {
      ...entraV2,
      ...times,
      ...entraUser,
      aud: API,
      roles: ['Stock.Read'],
      preferred_username: 'alice',
    },
  },
  {
    title: 'Entra ID v2, with groups for scopes',
    issuer: entraId(TENANT, { ...keys, scopeClaim: 'groups' }),
    audience: API,
    claims: { ...entraV2, ...times, ...entraUser, aud: API, groups: ['admins'] },
  },
  {
    title: 'Entra ID v2, with a nonce',
    issuer: entraId(TENANT, { ...keys, scopeClaim: 'scp' }),
    audience: API,
    claims: { ...entraV2, ...times, ...entraUser, aud: API, nonce: '678910' },
  },
  {
    title: 'Entra ID v1',
    issuer: entraV1,
    audience: API,
    claims: {
      iss: `https://sts.windows.net/${TENANT}/`,
      aud: API,
      ...times,
      ...entraUser,
      amr: ['pwd'],
      ver: '1.0',
    },
  },
  {
    title: 'Keycloak',
    issuer: keycloak('https://sso.example.com', 'shop', keys),
    audience: 'web',
    claims: { ...keycloakClaims, aud: 'web', typ: 'ID', at_hash: 'h' },
  },
  {
    title: 'Keycloak, with the API as another audience and realm roles',
    issuer: keycloak('https://sso.example.com', 'shop', { ...keys, scopeClaim: 'realm_access.roles' }),
    audience: 'inventory',
    claims: {
      ...keycloakClaims,
      aud: ['web', 'inventory'],
      typ: 'ID',
      realm_access: { roles: ['operator'] },
    },
  },
  {
    title: 'Cognito',
    issuer: cognito(POOL, ['web'], keys),
    audience: 'web',
    header: UNTYPED,
    claims: {
      ...cognitoClaims,
      aud: 'web',
      token_use: 'id',
      at_hash: 'h',
      'cognito:username': 'ada',
      email: 'a@b.c',
    },
  },
  {
    title: 'Cognito, without aud',
    issuer: cognito(POOL, ['web'], keys),
    header: UNTYPED,
    claims: { ...cognitoClaims, token_use: 'id', client_id: 'web', scope: 'openid' },
  },
];

describe('an ID token of a known issuer', () => {
  it.each(idTokens)('is refused: $title', { tags: ['ATP-17', 'ATP-18'] }, async (shape) => {
    expect(await outcomeOf(serverFor(shape), tokenOf(shape))).toBe('not_an_access_token');
  });

  it.each(idTokens.filter(({ claims }) => claims.aud !== undefined && !Array.isArray(claims.aud)))(
    'is refused for what it is before its audience is looked at: $title',
    { tags: ['ATP-03', 'ATP-18'] },
    async (shape) => {
      const usual = { ...shape, audience: 'https://api.example.com' };
      expect(await outcomeOf(serverFor(usual), tokenOf(usual))).toBe('not_an_access_token');
    },
  );

  it.each(idTokens)(
    'is refused for its type if at+jwt is required: $title',
    { tags: ['ATP-01'] },
    async (shape) => {
      const strict: Shape = { ...shape, issuer: { ...shape.issuer, tokenType: 'at+jwt' } };
      expect(await outcomeOf(serverFor(strict), tokenOf(strict))).toBe('typ_mismatch');
    },
  );
});

describe('other tokens of a known issuer', () => {
  it.each<Shape & { readonly expected: string }>([
    {
      title: 'a refresh token of Keycloak',
      issuer: keycloak('https://sso.example.com', 'shop', keys),
      audience: 'https://sso.example.com/realms/shop',
      claims: {
        ...keycloakClaims,
        aud: 'https://sso.example.com/realms/shop',
        typ: 'Refresh',
        scope: 'openid',
      },
      expected: 'not_an_access_token',
    },
    {
      title: 'a token of the Okta organisation itself',
      issuer: okta('example.okta.com', 'default', keys),
      audience: 'https://example.okta.com',
      header: { ...UNTYPED, typ: 'application/okta-internal-at+jwt' },
      claims: { ...oktaClaims, aud: 'https://example.okta.com', cid: '0oa1', scp: ['okta.users.read'] },
      expected: 'typ_mismatch',
    },
    {
      title: 'a token of another client of the Cognito pool',
      issuer: cognito(POOL, ['web'], keys),
      header: UNTYPED,
      claims: { ...cognitoClaims, token_use: 'access', client_id: 'mobile', scope: 'stock/read' },
      expected: 'aud_mismatch',
    },
    {
      title: 'a token of another Entra tenant',
      issuer: entraId(TENANT, keys),
      audience: API,
      claims: {
        ...entraV2,
        iss: entraV2.iss.replace(TENANT, CLIENT),
        ...times,
        aud: API,
        azp: CLIENT,
        roles: ['Stock.Read'],
      },
      expected: 'iss_mismatch',
    },
    {
      title: 'a v1 token of the Entra tenant',
      issuer: entraId(TENANT, keys),
      audience: API,
      claims: {
        iss: `https://sts.windows.net/${TENANT}/`,
        ...times,
        aud: API,
        appid: CLIENT,
        roles: ['Stock.Read'],
      },
      expected: 'iss_mismatch',
    },
  ])('are refused: $title', { tags: ['ATP-02', 'ATP-18', 'ATP-19', 'ATP-20', 'KEY-22'] }, async (shape) => {
    expect(await outcomeOf(serverFor(shape), tokenOf(shape))).toBe(shape.expected);
  });
});

describe('a preset', () => {
  it('writes the id of a tenant as the tokens do, however it was copied', { tags: ['SCP-08'] }, () => {
    expect(entraId(TENANT.toUpperCase())).toEqual(entraId(TENANT));
  });

  it('knows the identifier and the claims of its issuer', { tags: ['SCP-08', 'ATP-20'] }, () => {
    expect([
      auth0('example.eu.auth0.com'),
      okta('example.okta.com'),
      okta('id.example.com', 'aus1'),
      entraId(TENANT),
      keycloak('https://sso.example.com/auth/', 'shop'),
      cognito(POOL, ['web']),
    ]).toEqual([
      { issuer: 'https://example.eu.auth0.com/', clientIdClaim: 'azp' },
      { issuer: 'https://example.okta.com/oauth2/default', clientIdClaim: 'cid', scopeClaim: 'scp' },
      { issuer: 'https://id.example.com/oauth2/aus1', clientIdClaim: 'cid', scopeClaim: 'scp' },
      {
        issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
        clientIdClaim: 'azp',
        scopeClaim: 'roles',
      },
      { issuer: 'https://sso.example.com/auth/realms/shop', clientIdClaim: 'azp' },
      { issuer: `https://cognito-idp.eu-central-1.amazonaws.com/${POOL}`, clientIds: ['web'] },
    ]);
  });

  it('may be overridden member by member', () => {
    expect(auth0('example.auth0.com', { clientIdClaim: 'client_id', audience: 'urn:api' })).toEqual({
      issuer: 'https://example.auth0.com/',
      clientIdClaim: 'client_id',
      audience: 'urn:api',
    });
  });

  it('is an option as any other: unknown overrides are refused', { tags: ['OPS-09'] }, () => {
    const overrides = { clientIDClaim: 'azp' } as object;
    expect(() =>
      createResourceServer({ issuer: auth0('example.auth0.com', overrides), audience: 'urn:api' }),
    ).toThrow('unknown option "clientIDClaim" in issuer');
  });

  it('needs clients for Cognito', { tags: ['ATP-20'] }, () => {
    expect(() => createResourceServer({ issuer: cognito(POOL, []), audience: 'urn:api' })).toThrow(
      optionErrorWith(
        'option "issuer.clientIds" takes a list of at least one non-empty string, got an empty list',
      ),
    );
  });

  const nothing = undefined as unknown as string; // what an unset environment variable is to an application without types
  it.each<[string, () => TrustedIssuer, string]>([
    ['auth0()', () => auth0(nothing), 'auth0 takes a host name such as example.eu.auth0.com, got undefined'],
    [
      "auth0('')",
      () => auth0(''),
      'auth0 takes a host name such as example.eu.auth0.com, got an empty string',
    ],
    [
      "auth0('https://…')",
      () => auth0('https://example.auth0.com/'),
      'auth0 takes a host name such as example.eu.auth0.com, got "https://example.auth0.com/"',
    ],
    [
      "auth0('…/')",
      () => auth0('example.auth0.com/'),
      'auth0 takes a host name such as example.eu.auth0.com, got "example.auth0.com/"',
    ],
    [
      "auth0('user@…')",
      () => auth0('user@example.auth0.com'),
      'auth0 takes a host name such as example.eu.auth0.com, got "[…]@example.auth0.com"',
    ],
    ['okta()', () => okta(nothing), 'okta takes a host name such as example.okta.com, got undefined'],
    [
      "okta('https://…')",
      () => okta('https://example.okta.com'),
      'okta takes a host name such as example.okta.com, got "https://example.okta.com"',
    ],
    [
      "okta('…', '')",
      () => okta('example.okta.com', ''),
      'okta takes the id of an authorization server such as default, got an empty string',
    ],
    [
      "okta('…', 'a/b')",
      () => okta('example.okta.com', 'a/b'),
      'okta takes the id of an authorization server such as default, got "a/b"',
    ],
    ['entraId()', () => entraId(nothing), 'entraId takes the id of one tenant, got undefined'],
    ["entraId('')", () => entraId(''), 'entraId takes the id of one tenant, got an empty string'],
    ["entraId('common')", () => entraId('common'), 'entraId takes the id of one tenant, got "common"'],
    [
      "entraId('contoso.onmicrosoft.com')",
      () => entraId('contoso.onmicrosoft.com'),
      'entraId takes the id of one tenant, got "contoso.onmicrosoft.com"',
    ],
    [
      'entraId of a GUID without hyphens',
      () => entraId(TENANT.replaceAll('-', '')),
      'entraId takes the id of one tenant, got "72f988bf86f141af91ab2d7cd011db47"',
    ],
    [
      "entraId('organizations')",
      () => entraId('organizations'),
      'entraId takes the id of one tenant, got "organizations"',
    ],
    [
      "entraId('consumers')",
      () => entraId('consumers'),
      'entraId takes the id of one tenant, got "consumers"',
    ],
    [
      "entraId('{tenantid}')",
      () => entraId('{tenantid}'),
      'entraId takes the id of one tenant, got "{tenantid}"',
    ],
    [
      'keycloak()',
      () => keycloak(nothing, 'shop'),
      'keycloak takes a URL such as https://sso.example.com, got undefined',
    ],
    [
      "keycloak('host')",
      () => keycloak('sso.example.com', 'shop'),
      'keycloak takes a URL such as https://sso.example.com, got "sso.example.com"',
    ],
    [
      "keycloak('…/realms/shop', 'shop')",
      () => keycloak('https://sso.example.com/realms/shop/', 'shop'),
      'keycloak takes the URL without the realm, such as https://sso.example.com, got "https://sso.example.com/realms/shop/"',
    ],
    [
      "keycloak('…', undefined)",
      () => keycloak('https://sso.example.com', nothing),
      'keycloak takes the name of a realm, got undefined',
    ],
    [
      "keycloak('…', 'a/b')",
      () => keycloak('https://sso.example.com', 'a/b'),
      'keycloak takes the name of a realm, got "a/b"',
    ],
    [
      'cognito()',
      () => cognito(nothing, ['web']),
      'cognito takes the id of a user pool such as eu-central-1_AbCdEfGhI, got undefined',
    ],
    [
      "cognito('AbC')",
      () => cognito('AbCdEfGhI', ['web']),
      'cognito takes the id of a user pool such as eu-central-1_AbCdEfGhI, got "AbCdEfGhI"',
    ],
    [
      "cognito('evil/_x')",
      () => cognito('evil.example/_x', ['web']),
      'cognito takes the id of a user pool such as eu-central-1_AbCdEfGhI, got "evil.example/_x"',
    ],
  ])(
    'refuses what cannot be part of its identifier: %s',
    { tags: ['KEY-02', 'KEY-22'] },
    (_, make, message) => {
      expect(make).toThrow(new TypeError(message));
    },
  );
});
