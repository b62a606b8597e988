import { describe, expect, it } from 'vitest';
import type { TrustedIssuer } from '../../../src/options/trusted-issuer.js';
import { CLIENT_IS_AUDIENCE } from '../../../src/token/claims.js';
import {
  checkTokenKind,
  checkTokenType,
  foreignMark,
  type MediaType,
  readMediaType,
} from '../../../src/token/token-kind.js';
import { hintOf, reasonOf } from '../../support/outcome.js';
import { AUDIENCE, resolvedIssuer } from '../../support/resolved-issuer.js';

describe('readMediaType', () => {
  it.each([
    ['at+jwt', 'at+jwt'],
    ['AT+JWT', 'at+jwt'],
    ['at+JWT', 'at+jwt'],
    ['application/at+jwt', 'at+jwt'],
    ['Application/At+Jwt', 'at+jwt'],
    ['JWT', 'jwt'],
    ['jwt', 'jwt'],
    ['application/jwt', 'jwt'],
  ])('reads %s as %s', { tags: ['ATP-01', 'ATP-16'] }, (typ, expected) => {
    expect(readMediaType({ typ })).toBe(expected);
  });

  it('treats a missing typ as none', { tags: ['ATP-16'] }, () => {
    expect(readMediaType({})).toBeUndefined();
  });

  it.each([
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'oauth-authz-req+jwt',
    'statuslist+jwt',
    'application/dpop+jwt',
    'DPOP+JWT',
    'application/okta-internal-at+jwt',
    'client-authentication+jwt',
    'JOSE',
    'at+jwt ',
    ' at+jwt',
    'at+jwt;v=1',
    'text/at+jwt',
    'application/application/at+jwt',
    'at_jwt',
    '',
    null,
    42,
    ['at+jwt'],
    { toString: 'at+jwt' },
  ])('refuses the type %j', { tags: ['ATP-19'] }, (typ) => {
    expect(reasonOf(() => readMediaType({ typ }))).toBe('typ_mismatch');
  });
});

describe('checkTokenType', () => {
  it.each([
    ['at+jwt', 'at+jwt', undefined],
    ['jwt', 'at+jwt', 'typ_mismatch'],
    [undefined, 'at+jwt', 'typ_mismatch'],
    ['at+jwt', 'any', undefined],
    ['jwt', 'any', undefined],
    [undefined, 'any', undefined],
  ] as const)(
    'compares the type %s with the accepted %s: %s',
    { tags: ['ATP-01', 'ATP-16'] },
    (type, accepted, expected) => {
      expect(reasonOf(() => checkTokenType(type, accepted))).toBe(expected);
    },
  );
});

describe('checkTokenKind', () => {
  const kindOf = (
    claims: Record<string, unknown>,
    issuer: Partial<TrustedIssuer> = {},
    type: MediaType = undefined,
  ) => reasonOf(() => checkTokenKind(type, { aud: AUDIENCE, ...claims }, resolvedIssuer(issuer)));
  const ACCESS = { scope: 'read', client_id: 'web' };

  it.each([
    { scope: 'read' },
    { scope: '' },
    { scp: 'read' },
    { scp: ['read'] },
    { token_use: 'access' },
    { typ: 'Bearer' },
    { client_id: 'web' },
  ])('accepts %j as the mark of an access token', { tags: ['ATP-17'] }, (claims) => {
    expect(kindOf(claims)).toBeUndefined();
    expect(kindOf(claims, {}, 'jwt')).toBeUndefined();
  });

  it.each([
    {},
    { sub: 'alice', email: 'alice@example.com' },
    { azp: 'web' }, // Google's ID tokens for another client
    { client_id: ['web'] },
    { typ: 'bearer' },
    { token_use: 'Access' },
    { roles: ['admin'] },
    { permissions: ['read'] },
    { scopes: ['read'] },
    { cid: 'web' },
    { auth_time: 1 },
  ])("doesn't accept %j as such a mark", { tags: ['ATP-17'] }, (claims) => {
    expect(kindOf(claims)).toBe('not_an_access_token');
    expect(kindOf(claims, {}, 'jwt')).toBe('not_an_access_token');
  });

  it.each(['token_type', 'type', 'typ', 'tokenType', 'tokenName', 'tok_type'])(
    'refuses a refresh token that says so in %s, whatever its type',
    {
      tags: ['ATP-18'],
    },
    (name) => {
      for (const kind of [
        'refresh',
        'Refresh',
        'refresh_token',
        'REFRESH-TOKEN',
        'Offline',
        'ID',
        'id_token',
        'Logout',
      ]) {
        expect(kindOf({ ...ACCESS, [name]: kind })).toBe('not_an_access_token');
        expect(kindOf({ ...ACCESS, [name]: kind }, {}, 'at+jwt')).toBe('not_an_access_token');
      }
      for (const kind of [
        'Bearer',
        'access',
        'access_token',
        'access-token',
        'AT',
        'JWT',
        'JWTToken',
        'refreshing',
        7,
        { refresh: 1 },
        ['refresh'],
      ])
        expect(kindOf({ ...ACCESS, [name]: kind })).toBeUndefined();
    },
  );

  it('knows the word of Oracle for an ID token only where Oracle writes it', { tags: ['ATP-18'] }, () => {
    expect(kindOf({ ...ACCESS, tok_type: 'IT' })).toBe('not_an_access_token');
    expect(kindOf({ ...ACCESS, tok_type: 'AT' })).toBeUndefined();
    for (const name of ['typ', 'type', 'token_type'])
      expect(kindOf({ ...ACCESS, [name]: 'IT' })).toBeUndefined();
  });

  it('accepts its client as the only audience if the issuer names the API so, but no ID token', {
    tags: ['ATP-18'],
  }, () => {
    const own = { aud: 'web', azp: 'web', scope: 'read' };
    expect(kindOf(own)).toBe('not_an_access_token');
    const trusting = { audienceMayBeClient: true };
    expect(kindOf(own, trusting)).toBeUndefined();
    for (const mark of [
      { nonce: 'n' },
      { at_hash: 'h' },
      { c_hash: 'h' },
      { token_use: 'id' },
      { typ: 'ID' },
    ])
      expect(kindOf({ ...own, ...mark }, trusting)).toBe('not_an_access_token');
    const unmarked = { aud: 'web', azp: 'web', email: 'a@b' };
    expect(kindOf(unmarked, trusting)).toBe('not_an_access_token');
    expect(kindOf(unmarked, { ...trusting, clientIdClaim: 'azp' })).toBeUndefined(); // as docs/security.md warns
  });

  it('accepts the nonce of a login if the issuer puts it into access tokens, but no ID token', {
    tags: ['ATP-18'],
  }, () => {
    // As Azure AD B2C writes them.
    const own = { aud: 'api', azp: 'web', scp: 'read', ver: '1.0', tfp: 'B2C_1_signin', nonce: 'n' };
    expect(kindOf(own)).toBe('not_an_access_token');
    const trusting = { nonceMayBePresent: true, clientIdClaim: 'azp' };
    expect(kindOf(own, trusting)).toBeUndefined();
    for (const mark of [
      { aud: 'web' },
      { at_hash: 'h' },
      { c_hash: 'h' },
      { token_use: 'id' },
      { typ: 'ID' },
    ])
      expect(kindOf({ ...own, ...mark }, trusting)).toBe('not_an_access_token');
    expect(kindOf({ aud: 'api', email: 'a@b', nonce: 'n' }, trusting)).toBe('not_an_access_token');
  });

  it('finds the client under the configured name', { tags: ['ATP-17'] }, () => {
    expect(kindOf({ cid: 'web' }, { clientIdClaim: 'cid' })).toBeUndefined();
    expect(kindOf({ azp: 'web' }, { clientIdClaim: 'azp' })).toBeUndefined();
    expect(kindOf({ act: { client: 'web' } }, { clientIdClaim: 'act.client' })).toBeUndefined();
    expect(kindOf({ cid: 42 }, { clientIdClaim: 'cid' })).toBe('not_an_access_token');
    // Only access tokens have a `client_id` (RFC 9068 §2.2), wherever else the issuer names the client.
    expect(kindOf({ client_id: 'web' }, { clientIdClaim: 'cid' })).toBeUndefined();
    expect(kindOf({ client_id: ['web'] }, { clientIdClaim: 'cid' })).toBe('not_an_access_token');
  });

  it.each(['roles', 'groups', 'realm_access.roles'])(
    "doesn't accept %s as such a mark if it has the scopes, since ID tokens carry roles too",
    { tags: ['ATP-17'] },
    (scopeClaim) => {
      const claims = { roles: ['admin'], groups: ['admin'], realm_access: { roles: ['admin'] } };
      expect(kindOf(claims, { scopeClaim })).toBe('not_an_access_token');
      expect(kindOf({ ...claims, client_id: 'web' }, { scopeClaim })).toBeUndefined();
    },
  );

  it.each([
    { nonce: 'n' },
    { at_hash: 'h' },
    { c_hash: 'h' },
    { s_hash: 'h' },
    { events: {} },
    { token_use: 'id' },
    { token_use: 'refresh' },
    { typ: 'ID' },
    { typ: 'Refresh' },
    { typ: 'Offline' },
    { typ: 'Logout' },
    { aud: 'web', azp: 'web' },
    { aud: ['web'] },
    { aud: ['web', 'web'] },
    { aud: ['web', 'mobile'], azp: 'mobile' },
  ])('refuses %j in a token that otherwise looks like an access token', { tags: ['ATP-18'] }, (claims) => {
    expect(kindOf({ ...ACCESS, ...claims })).toBe('not_an_access_token');
    expect(kindOf({ ...ACCESS, ...claims }, {}, 'jwt')).toBe('not_an_access_token');
    // What marks an ID token is refused also where the issuer brings its own rule.
    expect(kindOf({ ...ACCESS, ...claims }, { isAccessToken: () => true })).toBe('not_an_access_token');
  });

  it.each([{ typ: 'Bearer' }, { typ: 'DPoP' }, { tokenName: 'access_token' }])(
    'accepts a nonce beside %j, which says that this is an access token',
    { tags: ['ATP-17', 'ATP-18'] },
    (name) => {
      const claims = { ...name, azp: 'web', nonce: 'n' };
      expect(kindOf(claims)).toBeUndefined();
      expect(kindOf(claims, {}, 'jwt')).toBeUndefined();
      expect(kindOf(claims, { isAccessToken: () => true })).toBeUndefined();
      for (const mark of [{ at_hash: 'h' }, { token_use: 'id' }, { type: 'ID' }, { aud: 'web' }])
        expect(kindOf({ ...claims, ...mark })).toBe('not_an_access_token');
    },
  );

  it('accepts a nonce beside no other word for the kind of token', { tags: ['ATP-17', 'ATP-18'] }, () => {
    const claims = { typ: 'Bearer', azp: 'web', nonce: 'n' };
    for (const typ of [
      undefined,
      'bearer',
      'BEARER',
      'Bearer ',
      'dpop',
      'ID',
      'Refresh',
      'JWT',
      '',
      ['Bearer'],
      null,
    ])
      expect(kindOf({ ...ACCESS, ...claims, typ })).toBe('not_an_access_token');
    for (const other of ['type', 'token_type', 'tokenName'])
      expect(kindOf({ ...ACCESS, nonce: 'n', [other]: 'Bearer' })).toBe('not_an_access_token');
    // Casdoor's ID token is the very access token.
    for (const other of ['typ', 'type', 'tokenType'])
      expect(kindOf({ ...ACCESS, nonce: 'n', [other]: 'access_token' })).toBe('not_an_access_token');
    for (const mark of [
      { at_hash: 'h' },
      { c_hash: 'h' },
      { s_hash: 'h' },
      { events: {} },
      { token_use: 'id' },
      { token_use: 'Bearer' },
      { type: 'ID' },
      { aud: 'web' },
    ])
      expect(kindOf({ ...ACCESS, ...claims, ...mark })).toBe('not_an_access_token');
  });

  it('accepts a token whose audience is the client among others', { tags: ['ATP-18'] }, () => {
    expect(kindOf({ ...ACCESS, aud: ['web', AUDIENCE] })).toBeUndefined();
  });

  it("accepts a token whose type says that it's an access token", { tags: ['ATP-18'] }, () => {
    const claims = { nonce: 'n', token_use: 'id', aud: 'web', client_id: 'web' };
    expect(kindOf(claims, {}, 'at+jwt')).toBeUndefined();
    expect(kindOf({}, {}, 'at+jwt')).toBeUndefined();
  });

  it('leaves a token without a mark to the rule of its issuer', { tags: ['ATP-17'] }, () => {
    expect(kindOf({}, { isAccessToken: () => true })).toBeUndefined();
    expect(kindOf({}, { isAccessToken: () => false })).toBeUndefined(); // asked later, with the signature verified
  });

  it.each([
    [{ aud: 'web', azp: 'web', scope: 'read' }, CLIENT_IS_AUDIENCE],
    [{ nonce: 'n', scope: 'read' }, 'the claim "nonce" marks it as another kind of token'],
    [{ token_use: 'id', scope: 'read' }, 'the claim "token_use" marks it as another kind of token'],
    [{}, expect.stringContaining('set clientIdClaim or isAccessToken')],
  ])('says in the log what to do about %j', { tags: ['ATP-17', 'ATP-18'] }, (claims, hint) => {
    expect(hintOf(() => checkTokenKind(undefined, { aud: AUDIENCE, ...claims }, resolvedIssuer()))).toEqual(
      hint,
    );
  });

  it.each([
    [{ nonce: 'n', aud: 'web', azp: 'web' }, 'nonce'],
    [{ nonce: 'n', typ: 'Bearer' }, undefined],
    [{ nonce: 'n', typ: 'Bearer', at_hash: 'h' }, 'at_hash'],
    [{ token_use: 'id' }, 'token_use'],
    [{ token_use: 'access' }, undefined],
    [{ aud: 'web', azp: 'web' }, 'aud'],
  ])('recognizes %j by %s', { tags: ['ATP-18'] }, (claims, name) => {
    expect(foreignMark({ aud: AUDIENCE, ...claims }, resolvedIssuer())).toBe(name);
  });

  it("isn't fooled by members of every object", { tags: ['OPS-11'] }, () => {
    expect(kindOf({ constructor: 'x', toString: 'y' })).toBe('not_an_access_token');
  });
});
