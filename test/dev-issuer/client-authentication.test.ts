import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import type { DevIssuer } from '../../tools/dev-issuer/index.js';
import type { RawResponse } from '../support/http-client.js';
import { basic, credentials, inventory, type Parameters, post, start } from './support.js';

const grant = ['grant_type', 'client_credentials'] as const;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** CLI-02: with everything that an encoding can get wrong. */
const secret = 'a b%&+£€:"\\';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: KeyPair;
let otherKeys: KeyPair;
let jwk: JWK;

beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true });
  otherKeys = await generateKeyPair('ES256', { extractable: true });
  jwk = { ...(await exportJWK(keys.publicKey)), kid: 'client-key', alg: 'ES256' };
});

function startWithClients(clock?: () => number): Promise<DevIssuer> {
  const clients = [
    { clientId: 'order service', clientSecret: secret, scopes: ['read:inventory'] },
    { clientId: 'key-service', jwks: { keys: [jwk] }, scopes: ['read:inventory'] },
  ];
  return start({ clients }, clock === undefined ? {} : { clock });
}

function errorOf({ body }: RawResponse): string {
  return JSON.parse(body).error;
}

describe('real clients get tokens that a resource server accepts', () => {
  const methods: readonly (readonly [
    name: string,
    clientId: string,
    authentication: () => openid.ClientAuth,
  ])[] = [
    ['client_secret_basic', 'order service', () => openid.ClientSecretBasic(secret)],
    ['client_secret_post', 'order service', () => openid.ClientSecretPost(secret)],
    [
      'private_key_jwt',
      'key-service',
      () => openid.PrivateKeyJwt({ key: keys.privateKey, kid: 'client-key' }),
    ],
  ];

  it.each(methods)('accepts openid-client by %s', async (_, clientId, authentication) => {
    const { issuer } = await startWithClients();
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      const configuration = await openid.discovery(new URL(issuer), clientId, undefined, authentication(), {
        execute: [openid.allowInsecureRequests],
        algorithm,
      });
      const tokens = await openid.clientCredentialsGrant(configuration, {
        scope: 'read:inventory',
        resource: inventory,
      });
      const server = createResourceServer({ issuer, audience: inventory });
      expect(await server.verify(tokens.access_token)).toMatchObject({
        clientId,
        scopes: ['read:inventory'],
      });
      server.close();

      const introspection = await openid.tokenIntrospection(configuration, tokens.access_token);
      expect(introspection).toMatchObject({ active: true, client_id: clientId, scope: 'read:inventory' });
    }
  });

  it('accepts oauth4webapi, with a new assertion for each request', { tags: ['CLI-07'] }, async () => {
    const { issuer } = await startWithClients();
    const options = { [oauth.allowInsecureRequests]: true };
    const url = new URL(issuer);
    const server = await oauth.processDiscoveryResponse(
      url,
      await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' }),
    );
    const client = { client_id: 'key-service' };
    const authentication = oauth.PrivateKeyJwt({ key: keys.privateKey, kid: 'client-key' });
    for (let request = 0; request < 2; request += 1) {
      const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, options);
      const result = await oauth.processClientCredentialsResponse(server, client, response);
      expect(result).toMatchObject({ token_type: 'bearer', expires_in: 3600, scope: 'read:inventory' });
    }
  });
});

describe('client_secret_basic', () => {
  it.each([
    ['encoded as RFC 6749 §2.3.1 wants it', basic('order+service', 'a+b%25%26%2B%C2%A3%E2%82%AC%3A%22%5C')],
    ['as it is, which curl sends', basic('order service', secret)],
  ])('takes id and secret %s', { tags: ['CLI-02'] }, async (_, header) => {
    const { tokenEndpoint } = await startWithClients();
    expect((await post(tokenEndpoint, [grant], [header])).status).toBe(200);
  });

  it.each([
    ['a wrong secret', basic('order-service', 'wrong')],
    ['a secret that only begins like it', basic('order-service', 'dev-secre')],
    ['no secret', basic('order-service', '')],
    ['an unknown client', basic('nobody', 'dev-secret')],
    ['an inherited name for a client', basic('__proto__', '')],
    ['no colon', ['Authorization', `Basic ${Buffer.from('order-service').toString('base64')}`]],
    ['no credentials behind the scheme', ['Authorization', 'Basic']],
    ['something that is not base64', ['Authorization', 'Basic %%%']],
    ['another scheme', ['Authorization', 'Bearer dev-secret']],
  ] as const)('refuses %s with 401 and a challenge', async (_, header) => {
    const { tokenEndpoint } = await start();
    const response = await post(tokenEndpoint, [grant], [header]);
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(/^Basic realm="/);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(errorOf(response)).toBe('invalid_client');
    expect(response.body).not.toContain('dev-secret');
  });

  it('refuses a client that has keys only', async () => {
    const { tokenEndpoint } = await startWithClients();
    for (const guess of ['', 'undefined', 'null']) {
      expect((await post(tokenEndpoint, [grant], [basic('key-service', guess)])).status).toBe(401);
    }
  });

  it('takes a client_id beside it that says the same, and no other', async () => {
    const { tokenEndpoint } = await start();
    expect((await post(tokenEndpoint, [grant, ['client_id', 'order-service']])).status).toBe(200);
    const response = await post(tokenEndpoint, [grant, ['client_id', 'inventory-service']]);
    expect([response.status, errorOf(response)]).toEqual([400, 'invalid_request']);
  });
});

describe('client_secret_post', () => {
  const inBody = (clientId: string, clientSecret: string): Parameters => [
    grant,
    ['client_id', clientId],
    ['client_secret', clientSecret],
  ];

  it('takes id and secret in the body', async () => {
    const { tokenEndpoint } = await startWithClients();
    expect((await post(tokenEndpoint, inBody('order service', secret), [])).status).toBe(200);
  });

  it.each([
    ['a wrong secret', inBody('order-service', 'wrong')],
    ['an unknown client', inBody('nobody', 'dev-secret')],
    ['a secret without client_id', [grant, ['client_secret', 'dev-secret']]],
    ['a client_id without secret', [grant, ['client_id', 'order-service']]],
    ['nothing', [grant]],
  ] as const)('refuses %s', async (_, parameters) => {
    const { tokenEndpoint } = await start();
    const response = await post(tokenEndpoint, parameters, []);
    expect([response.status, errorOf(response)]).toEqual([401, 'invalid_client']);
  });
});

describe('private_key_jwt', () => {
  const now = Date.parse('2030-01-01T00:00:00Z') / 1000;
  const clock = (): number => now * 1000;

  interface Changes {
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly header?: Readonly<Record<string, unknown>>;
    readonly key?: KeyPair;
    readonly parameters?: Parameters;
  }

  /** An assertion that is right, but for the changes; `undefined` leaves a claim out. */
  async function send(
    issuer: DevIssuer,
    { claims, header, key = keys, parameters = [] }: Changes,
  ): Promise<RawResponse> {
    const usual = {
      iss: 'key-service',
      sub: 'key-service',
      aud: issuer.issuer,
      iat: now,
      exp: now + 60,
      jti: 'one',
    };
    const assertion = await new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'client-key', ...header })
      .sign(key.privateKey);
    const replaced = new Set(parameters.map(([name]) => name));
    const ours: Parameters = [
      ['client_assertion_type', JWT_BEARER],
      ['client_assertion', assertion],
    ];
    return post(
      issuer.tokenEndpoint,
      [grant, ...ours.filter(([name]) => !replaced.has(name)), ...parameters],
      [],
    );
  }

  it.each<[string, Changes]>([
    ['as the standard says', {}],
    ['without iat and kid', { claims: { iat: undefined }, header: { kid: undefined } }],
    ['with the token endpoint for its audience', { claims: { aud: 'token_endpoint' } }],
    ['with the type of RFC 7523bis', { header: { typ: 'client-authentication+jwt' } }],
    ['with the type JWT', { header: { typ: 'JWT' } }],
    ['five minutes long', { claims: { exp: now + 300 } }],
    ['with a client_id beside it', { parameters: [['client_id', 'key-service']] }],
  ])('takes an assertion %s', { tags: ['CLI-06'] }, async (_, changes) => {
    const issuer = await startWithClients(clock);
    const { claims } = changes;
    const aud = claims?.aud === 'token_endpoint' ? { aud: issuer.tokenEndpoint } : {};
    expect((await send(issuer, { ...changes, claims: { ...claims, ...aud } })).status).toBe(200);
  });

  it.each<[string, Changes]>([
    ['of another issuer', { claims: { iss: 'order service' } }],
    ['of another client', { claims: { sub: 'order service' } }],
    ['of an unknown client', { claims: { iss: 'nobody', sub: 'nobody' } }],
    ['without iss', { claims: { iss: undefined } }],
    ['without sub', { claims: { sub: undefined } }],
    ['with a sub that is no string', { claims: { sub: ['key-service'] } }],
    ['for another server', { claims: { aud: 'https://auth.example.com' } }],
    ['for another server too', { claims: { aud: ['https://auth.example.com', 'issuer'] } }],
    ['without aud', { claims: { aud: undefined } }],
    ['with an empty aud', { claims: { aud: [] } }],
    ['without exp', { claims: { exp: undefined } }],
    ['that expired', { claims: { exp: now - 6 } }],
    ['that lasts for an hour', { claims: { exp: now + 3600 } }],
    ['that lasts for ever', { claims: { exp: 2 ** 53 } }],
    ['not valid yet', { claims: { nbf: now + 60 } }],
    ['without jti', { claims: { jti: undefined } }],
    ['with an empty jti', { claims: { jti: '' } }],
    ['with a jti that is no string', { claims: { jti: 7 } }],
    ['of the type of an access token', { header: { typ: 'at+jwt' } }],
    ['of the type of a DPoP proof', { header: { typ: 'dpop+jwt' } }],
    ['with an unknown kid', { header: { kid: 'other' } }],
    ['with another type of assertion', { parameters: [['client_assertion_type', 'urn:example:other']] }],
    ['that is no JWT', { parameters: [['client_assertion', 'x.y.z']] }],
    ['that is one word', { parameters: [['client_assertion', 'word']] }],
    ['of claims that are null', { parameters: [['client_assertion', 'e30.bnVsbA.AA']] }],
    ['without its type', { parameters: [['client_assertion_type', '']] }],
    ['without itself', { parameters: [['client_assertion', '']] }],
  ])('refuses an assertion %s', { tags: ['CLI-05'] }, async (_, changes) => {
    const issuer = await startWithClients(clock);
    const { claims } = changes;
    const aud = Array.isArray(claims?.aud)
      ? { aud: claims.aud.map((one) => (one === 'issuer' ? issuer.issuer : one)) }
      : {};
    const response = await send(issuer, { ...changes, claims: { ...claims, ...aud } });
    expect([response.status, errorOf(response)]).toEqual([401, 'invalid_client']);
    expect(JSON.parse(response.body).error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('refuses an assertion that another key signed', async () => {
    const issuer = await startWithClients(clock);
    expect((await send(issuer, { key: otherKeys })).status).toBe(401);
  });

  it("refuses an assertion that isn't signed, or that anyone could sign", async () => {
    const issuer = await startWithClients(clock);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: 'key-service', sub: 'key-service', aud: issuer.issuer, exp: now + 60, jti: 'one' };
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(JSON.stringify(jwk)));
    for (const assertion of [`${part({ alg: 'none' })}.${part(claims)}.`, hmac]) {
      expect((await send(issuer, { parameters: [['client_assertion', assertion]] })).status).toBe(401);
    }
  });

  it('takes an assertion once, until it expires and after', async () => {
    let time = now;
    const issuer = await startWithClients(() => time * 1000);
    expect((await send(issuer, {})).status).toBe(200);
    const replay = await send(issuer, {});
    expect(JSON.parse(replay.body)).toEqual({
      error: 'invalid_client',
      error_description: 'the client assertion was used before',
    });
    expect((await send(issuer, { claims: { jti: 'two' } })).status).toBe(200);
    time += 63; // expired, and still tolerated
    expect((await send(issuer, {})).status).toBe(401);
    time += 60;
    expect((await send(issuer, {})).status).toBe(401);
  });

  it('refuses a replay at the introspection endpoint too', async () => {
    const issuer = await startWithClients(clock);
    expect((await send(issuer, {})).status).toBe(200);
    const response = await send(
      { ...issuer, tokenEndpoint: issuer.introspectionEndpoint },
      { parameters: [['token', 'x']] },
    );
    expect(response.status).toBe(401);
  });

  it('does not burn an assertion that it refuses', async () => {
    const issuer = await startWithClients(clock);
    expect((await send(issuer, { key: otherKeys })).status).toBe(401);
    expect((await send(issuer, {})).status).toBe(200);
  });
});

describe('one way of client authentication per request', { tags: ['CLI-04'] }, () => {
  const inBody: Parameters = [
    ['client_id', 'order-service'],
    ['client_secret', 'dev-secret'],
  ];
  const assertion: Parameters = [
    ['client_assertion_type', JWT_BEARER],
    ['client_assertion', 'e30.e30.AA'],
  ];

  it.each<[string, Parameters, Parameters]>([
    ['Basic and a secret in the body', [credentials], inBody],
    ['Basic and an assertion', [credentials], assertion],
    ['a secret and an assertion', [], [...inBody, ...assertion]],
    ['two Authorization headers', [credentials, credentials], []],
  ])('refuses %s', async (_, headers, parameters) => {
    const { tokenEndpoint } = await start();
    const response = await post(tokenEndpoint, [grant, ...parameters], headers);
    expect([response.status, errorOf(response)]).toEqual([400, 'invalid_request']);
  });
});
