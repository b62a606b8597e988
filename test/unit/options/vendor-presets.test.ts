import { describe, expect, it } from 'vitest';
import {
  adfs,
  authentik,
  clerk,
  createResourceServer,
  entraIdMultiTenant,
  githubActions,
  google,
  type IssuerResolver,
  kubernetes,
  ory,
  pingFederate,
  pingOne,
  type ResourceServerOptions,
  xsuaa,
  zitadel,
} from '../../../src/index.js';
import { signedJws } from '../../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { outcomeOf } from '../../support/outcome.js';

const CLOCK = () => Date.parse('2030-01-01T00:00:00Z');
const NOW = CLOCK() / 1000;
const key = await generateSigningKey('RS256', 'issuer-key');
const keys = { jwks: { keys: [key.jwk] } };
const times = { iat: NOW - 60, exp: NOW + 300 };
const API = 'https://api.example.com';
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const GUID = '6e74172b-be56-4843-9ff4-e66a39bb12e3';
const JWT = { typ: 'JWT', kid: 'issuer-key' };

type Claims = Readonly<Record<string, unknown>>;
type Trust = Pick<ResourceServerOptions, 'issuer'> & Partial<Pick<ResourceServerOptions, 'audience'>>;

interface Vendor extends Trust {
  readonly name: string;
  readonly header?: Claims;
  readonly claims: Claims;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  /** Changes that make a token of another kind, or of somebody else, of it. */
  readonly refused: readonly (readonly [string, Claims, Claims?])[];
}

const googleAccount = '112233445566778899000';
const email = 'orders@shop.iam.gserviceaccount.com';
const github = 'https://token.actions.githubusercontent.com';
const binding = {
  url: 'https://acme.authentication.eu10.hana.ondemand.com',
  clientid: 'sb-inventory!t42',
  xsappname: 'inventory!t42',
};

const vendors: readonly Vendor[] = [
  {
    name: 'Google, by id',
    issuer: google([googleAccount], keys),
    claims: { iss: 'https://accounts.google.com', aud: API, azp: googleAccount, sub: googleAccount },
    clientId: googleAccount,
    scopes: [],
    refused: [
      ['another account', { sub: '1', azp: '1' }],
      ['a person', { sub: '1', azp: '1-x.apps.googleusercontent.com', email, email_verified: false }],
      ['an ID token of the code flow', { at_hash: 'h' }],
      ['an ID token of the implicit flow', { nonce: 'n' }],
    ],
  },
  {
    name: 'Google, by address',
    issuer: google([email], keys),
    claims: {
      ...{ iss: 'https://accounts.google.com', aud: API, azp: '1', sub: '1' },
      email,
      email_verified: true,
    },
    clientId: '1',
    scopes: [],
    refused: [
      ['an address that nobody verified', { email_verified: 'true' }],
      ['no address', { email: undefined }],
      ['another address', { email: `x${email}` }],
    ],
  },
  {
    name: 'AD FS',
    issuer: adfs('sts.example.com', keys),
    claims: {
      ...{
        iss: 'http://sts.example.com/adfs/services/trust',
        aud: API,
        appid: 'web',
        apptype: 'Confidential',
      },
      ...{ auth_time: '2029-12-31T10:21:15.733Z', authmethod: 'urn:pwd', ver: '1.0', scp: 'openid read' },
    },
    header: { ...JWT, x5t: 'fEf2Uc3dF2mFzTvJ0eQ' },
    clientId: 'web',
    scopes: ['openid', 'read'],
    refused: [['an ID token', { iss: 'https://sts.example.com/adfs', scp: undefined }]],
  },
  {
    name: 'ZITADEL',
    issuer: zitadel('example.zitadel.cloud', keys),
    audience: '2837465',
    header: { kid: 'issuer-key' },
    claims: {
      iss: 'https://example.zitadel.cloud',
      aud: ['2@shop', '2837465'],
      sub: '17',
      nbf: NOW - 60,
      jti: 'at',
    },
    clientId: undefined,
    scopes: [],
    refused: [
      ['an ID token', { jti: undefined, azp: '2@shop', client_id: '2@shop' }],
      ['an ID token of the code flow', { at_hash: 'h' }],
    ],
  },
  {
    name: 'authentik',
    issuer: authentik('https://sso.example.com/', 'shop', 'Pq7', keys),
    claims: {
      ...{ iss: 'https://sso.example.com/application/o/shop/', aud: 'Pq7', azp: 'Pq7', uid: 'u', sub: 's' },
      ...{ amr: ['pwd'], auth_time: NOW - 60, scope: 'openid read' },
    },
    clientId: 'Pq7',
    scopes: ['openid', 'read'],
    refused: [
      ['an ID token', { azp: undefined, uid: undefined, scope: undefined }],
      ['an ID token with nonce', { nonce: 'n' }],
      ['another application', { aud: 'other', azp: 'other' }],
    ],
  },
  {
    name: 'Clerk',
    issuer: clerk('clerk.example.com', ['oauth-1'], keys),
    header: { ...JWT, typ: 'at+jwt' },
    claims: {
      iss: 'https://clerk.example.com',
      sub: 'user_1',
      client_id: 'oauth-1',
      jti: 'oat_1',
      scope: 'read a',
    },
    clientId: 'oauth-1',
    scopes: ['read', 'a'],
    refused: [
      ['another application', { client_id: 'oauth-2' }],
      [
        'a session token',
        { client_id: undefined, scope: undefined, azp: 'https://app.example.com', sid: 's' },
        JWT,
      ],
      ['a session token from a template', { aud: API, scope: 'read' }, JWT],
    ],
  },
  {
    name: 'Clerk, scopes as a list',
    issuer: clerk('clerk.example.com', ['oauth-1'], keys),
    header: { ...JWT, typ: 'at+jwt' },
    claims: {
      iss: 'https://clerk.example.com',
      sub: 'user_1',
      client_id: 'oauth-1',
      aud: API,
      scp: ['read'],
    },
    clientId: 'oauth-1',
    scopes: ['read'],
    refused: [['another audience', { aud: 'https://other.example.com' }]],
  },
  {
    name: 'Ory',
    issuer: ory('https://example.projects.oryapis.com', keys),
    claims: {
      ...{ iss: 'https://example.projects.oryapis.com', aud: [API], client_id: 'c1', ext: {}, jti: 'j' },
      ...{ nbf: NOW - 60, scp: ['read'], sub: 'c1' },
    },
    clientId: 'c1',
    scopes: ['read'],
    refused: [
      ['a client that did not ask for an audience', { aud: [] }],
      ['an ID token', { aud: ['c1'], at_hash: 'h', scp: undefined, client_id: undefined }],
    ],
  },
  {
    name: 'PingOne',
    issuer: pingOne(GUID, 'eu', keys),
    claims: {
      iss: `https://auth.pingone.eu/${GUID}/as`,
      aud: [API],
      client_id: GUID,
      scope: 'read',
      jti: 'j',
    },
    clientId: GUID,
    scopes: ['read'],
    refused: [['an ID token', { aud: GUID, client_id: undefined, scope: undefined, at_hash: 'h' }]],
  },
  {
    name: 'PingFederate',
    issuer: pingFederate('https://pf.example.com:9031/', keys),
    header: { kid: 'issuer-key' },
    claims: { iss: 'https://pf.example.com:9031', aud: API, client_id: 'web', scope: ['read', 'write'] },
    clientId: 'web',
    scopes: ['read', 'write'],
    refused: [['no audience', { aud: undefined }]],
  },
  {
    name: 'SAP XSUAA',
    issuer: xsuaa(binding, keys),
    header: { ...JWT, jku: 'https://evil.example.com/token_keys' },
    claims: {
      ...{
        iss: `${binding.url}/oauth/token`,
        aud: [binding.xsappname, 'openid'],
        cid: 'sb-web!t1',
        azp: 'sb-web!t1',
      },
      ...{
        client_id: 'sb-web!t1',
        scope: ['inventory!t42.Read', 'openid'],
        grant_type: 'password',
        zid: 'z',
      },
      ...{ jti: '4c5b', user_name: 'ada', rev_sig: 'r' },
    },
    clientId: 'sb-web!t1',
    scopes: ['inventory!t42.Read', 'openid'],
    refused: [
      ['another application', { aud: ['orders!t1'] }],
      ['a refresh token', { jti: '4c5b-r' }],
      [
        'an ID token',
        { cid: undefined, grant_type: undefined, aud: [binding.clientid], azp: binding.clientid },
      ],
      ['a token for its own client', { aud: ['sb-web!t1'] }],
    ],
  },
  {
    name: 'SAP XSUAA, of the application itself',
    issuer: xsuaa(binding, { ...keys, audienceMayBeClient: true }),
    claims: {
      ...{ iss: `${binding.url}/oauth/token`, aud: [binding.clientid], grant_type: 'client_credentials' },
      ...{ cid: binding.clientid, azp: binding.clientid, client_id: binding.clientid, jti: '4c5b' },
      ...{ sub: binding.clientid, scope: ['uaa.resource'], authorities: ['uaa.resource'], zid: 'z' },
    },
    clientId: binding.clientid,
    scopes: ['uaa.resource'],
    refused: [
      ['an ID token', { sub: 'u', grant_type: 'authorization_code', scope: ['openid'], user_id: 'u' }],
      ['a refresh token', { jti: '4c5b-r' }],
      ['another client', { aud: ['sb-web!t1'], azp: 'sb-web!t1', cid: 'sb-web!t1' }],
    ],
  },
  {
    name: 'PingAM, of a login',
    issuer: {
      issuer: 'https://am.example.com:443/am/oauth2',
      audienceMayBeClient: true,
      scopeClaim: 'scope',
      ...keys,
    },
    audience: 'inventory',
    claims: {
      ...{
        iss: 'https://am.example.com:443/am/oauth2',
        aud: 'inventory',
        client_id: 'inventory',
        realm: '/',
      },
      ...{ cts: 'OAUTH2_STATELESS_GRANT', tokenName: 'access_token', token_type: 'Bearer', nonce: 'n' },
      ...{ scope: ['openid', 'read'], grant_type: 'authorization_code', auth_time: NOW - 60, sub: 'u' },
    },
    clientId: 'inventory',
    scopes: ['openid', 'read'],
    refused: [
      ['a refresh token', { tokenName: 'refresh_token', client_id: undefined, aud: ['inventory'] }],
      ['an ID token', { tokenName: 'id_token', tokenType: 'JWTToken', nonce: undefined, scope: undefined }],
      ['another client', { aud: 'web', client_id: 'web' }],
    ],
  },
  {
    name: 'Casdoor',
    issuer: {
      issuer: 'https://door.example.com',
      audienceMayBeClient: true,
      clientIdClaim: 'azp',
      ...keys,
    },
    audience: 'inventory',
    claims: {
      ...{ iss: 'https://door.example.com', aud: ['inventory'], azp: 'inventory', sub: 'u', jti: 'admin/1' },
      ...{ tokenType: 'access-token', scope: 'read', nbf: NOW - 60 },
    },
    clientId: 'inventory',
    scopes: ['read'],
    refused: [
      ['a refresh token', { tokenType: 'refresh-token' }],
      ['the token of a login with nonce, which is the ID token too', { nonce: 'n' }],
      ['another application', { aud: ['web'], azp: 'web' }],
    ],
  },
  {
    name: 'Oracle IDCS',
    issuer: { issuer: 'https://identity.oraclecloud.com/', ...keys },
    audience: 'inventory',
    header: { kid: 'issuer-key', 'x5t#S256': 'x' },
    claims: {
      ...{ iss: 'https://identity.oraclecloud.com/', tok_type: 'AT', sub: 'c1', sub_type: 'client' },
      ...{ aud: ['inventory'], client_id: 'c1', client_guid: 'g', scope: 'read', jti: 'j' },
    },
    clientId: 'c1',
    scopes: ['read'],
    refused: [
      ['another API', { aud: ['web'] }],
      [
        'an ID token',
        { tok_type: 'IT', aud: ['https://identity.oraclecloud.com/', 'inventory'], azp: 'inventory' },
      ],
    ],
  },
  {
    name: 'Spring Authorization Server',
    issuer: { issuer: 'https://auth.example.com', scopeClaim: 'scope', ...keys },
    header: { kid: 'issuer-key' },
    claims: {
      ...{ iss: 'https://auth.example.com', aud: API, sub: 'orders', nbf: NOW - 60 },
      ...{ scope: ['read', 'write'], jti: 'j' },
    },
    clientId: undefined,
    scopes: ['read', 'write'],
    refused: [
      ['the audience that it has by itself', { aud: 'orders' }],
      ['an ID token', { aud: 'web', azp: 'web', scope: undefined, auth_time: NOW - 60, sid: 's' }],
    ],
  },
  {
    name: 'OpenIddict',
    issuer: { issuer: 'https://auth.example.com/', ...keys },
    header: { typ: 'at+jwt', kid: 'issuer-key' },
    claims: {
      ...{ iss: 'https://auth.example.com/', aud: API, sub: 'orders', client_id: 'orders', jti: 'j' },
      ...{ scope: 'read', oi_prst: 'orders', oi_tkn_id: '1' },
    },
    clientId: 'orders',
    scopes: ['read'],
    refused: [
      ['another resource', { aud: 'https://other.example.com' }],
      ['an ID token', { aud: 'web', azp: 'web', client_id: undefined, scope: undefined, at_hash: 'h' }, JWT],
    ],
  },
  {
    name: 'Kinde',
    issuer: { issuer: 'https://example.kinde.com', clientIdClaim: 'azp', ...keys },
    claims: {
      ...{ iss: 'https://example.kinde.com', aud: [API], azp: 'd4d3', gty: ['client_credentials'], jti: 'j' },
      ...{ scope: 'read', scp: ['read', 'write'], v: '2' },
    },
    clientId: 'd4d3',
    scopes: ['read'],
    refused: [
      ['another API', { aud: ['https://example.kinde.com/api'] }],
      ['an ID token', { aud: ['d4d3'], scope: undefined, scp: undefined, at_hash: 'h' }],
    ],
  },
  {
    name: 'Scalekit',
    issuer: { issuer: 'https://example.scalekit.com', scopeClaim: 'scopes', ...keys },
    claims: {
      ...{
        iss: 'https://example.scalekit.com',
        aud: [API],
        client_id: 'm2morg_1',
        sub: 'm2morg_1',
        jti: 't',
      },
      ...{ oid: 'org_1', scopes: ['read'], nbf: NOW - 60 },
    },
    clientId: 'm2morg_1',
    scopes: ['read'],
    refused: [
      ['another API', { aud: ['https://other.example.com'] }],
      ['a token of a login', { aud: ['skc_1'], client_id: 'skc_1', sub: 'usr_1', sid: 'ses_1' }],
    ],
  },
  {
    name: 'Stytch',
    issuer: { issuer: 'stytch.com/project-live-1', ...keys },
    audience: 'project-live-1',
    claims: {
      ...{ iss: 'stytch.com/project-live-1', aud: ['project-live-1'], sub: 'm2m-client-live-1' },
      ...{ scope: 'read', nbf: NOW - 60 },
    },
    clientId: undefined,
    scopes: ['read'],
    refused: [
      ['a session', { sub: 'user-live-1', scope: undefined, 'https://stytch.com/session': { id: 's' } }],
      ['another project', { iss: 'stytch.com/project-live-2', aud: ['project-live-2'] }],
    ],
  },
  {
    name: 'Clerk, of a machine',
    issuer: {
      issuer: 'https://clerk.example.com',
      clientIdClaim: ({ sub }) => (sub?.startsWith('mch_') ? sub : undefined),
      scopeClaim: 'permissions',
      ...keys,
    },
    audience: 'mch_inventory',
    claims: {
      ...{
        iss: 'https://clerk.example.com',
        aud: ['mch_inventory', 'mch_2'],
        sub: 'mch_orders',
        jti: 'mt_1',
      },
      ...{ scopes: 'mch_inventory mch_2', permissions: ['read'] },
    },
    clientId: 'mch_orders',
    scopes: ['read'],
    refused: [
      ['another machine', { aud: ['mch_2'] }],
      ['a session token', { sub: 'user_1', aud: undefined, azp: 'https://app.example.com', sid: 's' }],
      ['a session token from a template', { sub: 'user_1' }],
    ],
  },
  {
    name: 'GitLab CI',
    issuer: {
      issuer: 'https://gitlab.com',
      clientIdClaim: ({ project_path: path }) => (path === 'acme/inventory' ? path : undefined),
      ...keys,
    },
    claims: {
      ...{ iss: 'https://gitlab.com', aud: API, sub: 'project_path:acme/inventory:ref_type:branch:ref:main' },
      ...{ project_path: 'acme/inventory', ref: 'main', ref_protected: 'true', jti: 'j', nbf: NOW - 60 },
    },
    clientId: 'acme/inventory',
    scopes: [],
    refused: [
      ['another project', { project_path: 'acme/other' }],
      ['an ID token of a login', { aud: API, sub: '17', project_path: undefined, sub_legacy: 's' }],
    ],
  },
  {
    name: 'GitHub Actions',
    issuer: githubActions(['Acme/App', 'octo/*'], keys),
    header: { ...JWT, x5t: 'x' },
    claims: {
      iss: github,
      aud: API,
      sub: 'repo:acme/app:ref:refs/heads/main',
      repository: 'acme/app',
      jti: 'j',
    },
    clientId: 'acme/app',
    scopes: [],
    refused: [
      ['another repository', { repository: 'acme/app2' }],
      ['another owner', { repository: 'evil/app' }],
      ['an owner whose name begins like it', { repository: 'octo2/app' }],
      ['no repository', { repository: undefined }],
      ['a list', { repository: ['acme/app'] }],
    ],
  },
  {
    name: 'GitHub Actions, any of an owner',
    issuer: githubActions(['octo/*'], keys),
    claims: { iss: github, aud: API, sub: 'repo:octo/x:environment:production', repository: 'octo/x' },
    clientId: 'octo/x',
    scopes: [],
    refused: [['another owner', { repository: 'acme/octo' }]],
  },
  {
    name: 'Kubernetes',
    issuer: kubernetes('https://kubernetes.default.svc.cluster.local', ['shop/orders'], keys),
    header: { kid: 'issuer-key' },
    claims: {
      ...{ iss: 'https://kubernetes.default.svc.cluster.local', aud: [API], jti: 'j', nbf: NOW - 60 },
      ...{ sub: 'system:serviceaccount:shop:orders', 'kubernetes.io': { namespace: 'shop' } },
    },
    clientId: 'system:serviceaccount:shop:orders',
    scopes: [],
    refused: [
      ['another account', { sub: 'system:serviceaccount:shop:orders2' }],
      ['another namespace', { sub: 'system:serviceaccount:evil:orders' }],
      ["the API server's audience", { aud: ['https://kubernetes.default.svc'] }],
    ],
  },
  {
    name: 'Entra ID, several tenants',
    issuer: entraIdMultiTenant([TENANT.toUpperCase()], keys),
    audience: GUID,
    claims: {
      ...{ iss: `https://login.microsoftonline.com/${TENANT}/v2.0`, tid: TENANT, aud: GUID, azp: 'c1' },
      ...{ ver: '2.0', roles: ['Stock.Read'], sub: 's' },
    },
    clientId: 'c1',
    scopes: ['Stock.Read'],
    refused: [
      ["another tenant's id", { tid: GUID }],
      ['no tenant id', { tid: undefined }],
      ['another tenant', { iss: `https://login.microsoftonline.com/${GUID}/v2.0`, tid: GUID }],
      ['another host', { iss: `https://login.example.com/${TENANT}/v2.0` }],
      ['all tenants', { iss: 'https://login.microsoftonline.com/common/v2.0' }],
      ['the template', { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0' }],
      ['an ID token', { azp: undefined }],
    ],
  },
];

describe.each(vendors)('$name', (vendor) => {
  const server = createResourceServer({
    issuer: vendor.issuer,
    audience: vendor.audience ?? API,
    clock: CLOCK,
  });
  const own = vendor.header ?? JWT;
  const tokenWith = (changes: Claims, header = own): string =>
    signedJws({ alg: 'RS256', ...header }, { ...times, ...vendor.claims, ...changes }, key);
  const refused = vendor.refused.map(([what, claims, header = own]) => ({ what, claims, header }));

  it('gets in with an access token', { tags: ['SCP-08', 'ATP-17'] }, async () => {
    const { clientId, scopes } = await server.verify(tokenWith({}));
    expect({ clientId, scopes }).toEqual({ clientId: vendor.clientId, scopes: vendor.scopes });
  });

  it.each(refused)('is refused with $what', { tags: ['ATP-17', 'ATP-18'] }, async ({ claims, header }) => {
    expect(await outcomeOf(server, tokenWith(claims, header))).toMatch(
      /^(?:not_an_access_token|aud_mismatch|iss_mismatch)$/,
    );
  });
});

describe('a preset', () => {
  it.each<[string, () => unknown, string]>([
    [
      'google',
      () => google([]),
      'google takes a list of ids or addresses of service accounts, got an empty list',
    ],
    ['google', () => google(['ada@gmail.com']), 'google takes a list of ids or addresses'],
    ['google', () => google(undefined as never), 'got undefined'],
    ['adfs', () => adfs('https://sts.example.com'), 'adfs takes a host name'],
    ['zitadel', () => zitadel(''), 'zitadel takes a host name'],
    ['authentik', () => authentik('sso.example.com', 'shop', 'c'), 'authentik takes a URL'],
    ['authentik', () => authentik('https://sso.example.com', 'a/b', 'c'), 'authentik takes the slug'],
    [
      'authentik',
      () => authentik('https://sso.example.com', 'shop', undefined as never),
      'authentik takes the client id',
    ],
    ['clerk', () => clerk('clerk.example.com', ['']), 'clerk takes a list of client ids'],
    ['ory', () => ory('https://{slug}.projects.oryapis.com'), 'ory takes a URL'],
    ['pingOne', () => pingOne('env'), 'pingOne takes the id of an environment'],
    ['pingOne', () => pingOne(GUID, 'example.com'), 'pingOne takes a region'],
    ['pingFederate', () => pingFederate('pf'), 'pingFederate takes a URL'],
    ['xsuaa', () => xsuaa({ ...binding, url: undefined as never }), 'xsuaa takes a binding whose url'],
    ['xsuaa', () => xsuaa({ ...binding, clientid: '' }), 'xsuaa takes a binding with clientid'],
    ['xsuaa', () => xsuaa({ ...binding, xsappname: '' }), 'xsuaa takes a binding with xsappname'],
    ['githubActions', () => githubActions(['acme']), 'githubActions takes a list of repositories'],
    ['githubActions', () => githubActions(['*/*']), 'githubActions takes a list of repositories'],
    ['kubernetes', () => kubernetes('kubernetes', ['a/b']), 'kubernetes takes the URL of an issuer'],
    ['kubernetes', () => kubernetes('https://k', ['a:b']), 'kubernetes takes a list of accounts'],
    ['kubernetes', () => kubernetes('https://k', ['*/*']), 'kubernetes takes a list of accounts'],
    [
      'entraIdMultiTenant',
      () => entraIdMultiTenant(['common']),
      'entraIdMultiTenant takes a list of directory ids',
    ],
    ['entraIdMultiTenant', () => entraIdMultiTenant([]), 'got an empty list'],
    ['entraIdMultiTenant', () => entraIdMultiTenant(undefined as never), 'got undefined'],
  ])('%s refuses parameters that are none', { tags: ['OPS-13'] }, (_name, build, message) => {
    expect(build).toThrow(TypeError);
    expect(build).toThrow(message);
  });

  it('makes options that are accepted as they are', { tags: ['OPS-13'] }, () => {
    const issuer = [
      google([email]),
      adfs('sts.example.com'),
      zitadel('example.zitadel.cloud'),
      authentik('https://sso.example.com', 'shop', 'c'),
      clerk('clerk.example.com', ['c']),
      ory('https://example.projects.oryapis.com'),
      pingOne(GUID),
      pingFederate('https://pf.example.com'),
      xsuaa(binding),
      githubActions(['acme/app']),
      kubernetes('https://k.example.com', ['shop/orders']),
      entraIdMultiTenant([TENANT]),
    ];
    expect(() => createResourceServer({ issuer, audience: API })).not.toThrow();
  });

  it('can be made stricter, not looser', { tags: ['ATP-17'] }, async () => {
    const claims = { iss: github, aud: API, sub: 's', ...times };
    const token = (repository: string) => signedJws({ alg: 'RS256', ...JWT }, { ...claims, repository }, key);
    const trust = (isAccessToken: () => boolean) =>
      createResourceServer({
        issuer: githubActions(['acme/app'], { ...keys, isAccessToken }),
        audience: API,
        clock: CLOCK,
      });
    expect(
      await outcomeOf(
        trust(() => true),
        token('acme/app'),
      ),
    ).toBe('allowed');
    expect(
      await outcomeOf(
        trust(() => true),
        token('evil/app'),
      ),
    ).toBe('not_an_access_token');
    expect(
      await outcomeOf(
        trust(() => false),
        token('acme/app'),
      ),
    ).toBe('not_an_access_token');
  });
});

describe('the tenants of Entra ID', () => {
  const iss = (tenantId: string) => `https://login.microsoftonline.com/${tenantId}/v2.0`;
  const trusts = async (resolve: IssuerResolver, issuer: string) => (await resolve(issuer)) !== undefined;

  it('may be a function, which sees nothing but ids', { tags: ['JWT-18'] }, async () => {
    const asked: string[] = [];
    const resolve = entraIdMultiTenant(async (tenantId) => {
      asked.push(tenantId);
      return tenantId === TENANT;
    });
    expect(await trusts(resolve, iss(TENANT))).toBe(true);
    expect(await trusts(resolve, iss(GUID))).toBe(false);
    for (const odd of ['common', '..', `${TENANT}/x`, TENANT.toUpperCase(), `${TENANT}\n`, '-'.repeat(36)])
      expect(await trusts(resolve, iss(odd))).toBe(false);
    expect(await trusts(resolve, `${iss(TENANT)}/`)).toBe(false);
    expect(asked).toEqual([TENANT, GUID]);
  });

  it('are refused by anything but a boolean', { tags: ['OPS-10'] }, async () => {
    const resolve = entraIdMultiTenant((() => 'yes') as never);
    await expect(resolve(iss(TENANT))).rejects.toThrow(TypeError);
  });
});
