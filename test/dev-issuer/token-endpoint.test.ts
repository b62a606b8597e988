import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { send } from '../support/http-client.js';
import { billing, credentials, FORM, getToken, inventory, type Parameters, post, start } from './support.js';

const grant = ['grant_type', 'client_credentials'] as const;

describe('a token of the development issuer', () => {
  it('is an access token by RFC 9068, for all scopes and the first API of the client', async () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    const { issuer, tokenEndpoint } = await start({ lifetimeSeconds: 60 }, { clock: () => now });
    const { status, headers, body } = await post(tokenEndpoint, [grant]);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    const { access_token: token, ...rest } = JSON.parse(body);
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 60, scope: 'read:inventory write:orders' });
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: expect.stringMatching(/^dev-[0-9a-f]{12}$/),
    });
    expect(decodeJwt(token)).toEqual({
      iss: issuer,
      aud: inventory,
      sub: 'order-service',
      client_id: 'order-service',
      scope: 'read:inventory write:orders',
      iat: now / 1000,
      exp: now / 1000 + 60,
      jti: expect.any(String),
    });
  });

  it.each(['RS256', 'ES256', 'EdDSA'] as const)(
    'is accepted by a resource server, signed with %s',
    async (algorithm) => {
      const issuer = await start({ algorithm });
      const server = createResourceServer({
        issuer: issuer.issuer,
        audience: inventory,
        tokenType: 'at+jwt',
      });
      const auth = await server.verify(await getToken(issuer, [['scope', 'read:inventory']]));
      server.close();
      expect(auth).toMatchObject({
        clientId: 'order-service',
        scopes: ['read:inventory'],
        issuer: issuer.issuer,
      });
    },
  );

  it('is for the scopes that are asked for, once each', async () => {
    const { tokenEndpoint } = await start();
    const { body } = await post(tokenEndpoint, [grant, ['scope', 'write:orders write:orders']]);
    expect(JSON.parse(body).scope).toBe('write:orders');
    expect(decodeJwt(JSON.parse(body).access_token).scope).toBe('write:orders');
  });

  it.each([
    ['resource (RFC 8707)', [['resource', billing]]],
    ['audience', [['audience', billing]]],
    [
      'both, if they say the same',
      [
        ['resource', billing],
        ['audience', billing],
      ],
    ],
  ] as const)('is for the API that is named by %s', async (_, parameters) => {
    expect(decodeJwt(await getToken(await start(), parameters)).aud).toBe(billing);
  });

  it('has no scope if the client has none, and the claims of its client', async () => {
    const issuer = await start({
      clients: [
        { clientId: 'order-service', clientSecret: 'dev-secret', claims: { tenant: 'acme', sub: 'alice' } },
      ],
    });
    const { body } = await post(issuer.tokenEndpoint, [grant]);
    expect(JSON.parse(body)).not.toHaveProperty('scope');
    const claims = decodeJwt(JSON.parse(body).access_token);
    expect(claims).toMatchObject({ tenant: 'acme', sub: 'alice', client_id: 'order-service' });
    expect(claims).not.toHaveProperty('scope');
  });

  it('takes parameters without a value for parameters that were not sent (RFC 6749 §3.2)', async () => {
    const { tokenEndpoint } = await start();
    const { status, body } = await post(
      tokenEndpoint,
      'grant_type=client_credentials&scope=&resource=&client_secret=',
    );
    expect(status).toBe(200);
    expect(JSON.parse(body).scope).toBe('read:inventory write:orders');
  });
});

describe('the token endpoint refuses', () => {
  const rows: readonly (readonly [
    name: string,
    status: number,
    error: string,
    parameters: Parameters | string,
  ])[] = [
    ['no grant type', 400, 'invalid_request', []],
    ['an empty grant type', 400, 'invalid_request', 'grant_type='],
    ['another grant type', 400, 'unsupported_grant_type', [['grant_type', 'password']]],
    ['an inherited name for a grant type', 400, 'unsupported_grant_type', [['grant_type', '__proto__']]],
    ['an unknown scope', 400, 'invalid_scope', [grant, ['scope', 'read:inventory admin']]],
    ['a scope that only begins like one', 400, 'invalid_scope', [grant, ['scope', 'read:inv']]],
    [
      'scopes with two spaces between',
      400,
      'invalid_scope',
      [grant, ['scope', 'read:inventory  write:orders']],
    ],
    ['scopes with a tab between', 400, 'invalid_scope', [grant, ['scope', 'read:inventory\twrite:orders']]],
    ['a scope with a quote', 400, 'invalid_scope', [grant, ['scope', 'read"']]],
    ['an unknown resource', 400, 'invalid_target', [grant, ['resource', 'https://other.example.com']]],
    ['a resource with a slash more', 400, 'invalid_target', [grant, ['resource', `${inventory}/`]]],
    ['an unknown audience', 400, 'invalid_target', [grant, ['audience', 'other']]],
    ['two resources', 400, 'invalid_target', [grant, ['resource', inventory], ['resource', billing]]],
    [
      'a resource and another audience',
      400,
      'invalid_target',
      [grant, ['resource', inventory], ['audience', billing]],
    ],
    ['a grant type sent twice', 400, 'invalid_request', [grant, grant]],
    ['a scope sent twice', 400, 'invalid_request', [grant, ['scope', 'read:inventory'], ['scope', '']]],
    ['an unknown parameter sent twice', 400, 'invalid_request', [grant, ['"x"', '1'], ['"x"', '2']]],
    ['a stray percent sign', 400, 'invalid_request', 'grant_type=client_credentials&scope=%'],
    ['percent-encoded bytes that are not UTF-8', 400, 'invalid_request', 'grant_type=%ff'],
  ];

  it.each(rows)('%s', { tags: ['CLI-22', 'CLI-01'] }, async (_, status, error, parameters) => {
    const { tokenEndpoint } = await start();
    const response = await post(tokenEndpoint, parameters);
    expect(response.status).toBe(status);
    expect(response.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
    const body = JSON.parse(response.body);
    expect(body).toEqual({ error, error_description: expect.any(String) });
    // RFC 6749 §5.2: the characters of an error_description.
    expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('parameters in the URL', { tags: ['CLI-03'] }, async () => {
    const { tokenEndpoint } = await start();
    const { status, body } = await post(`${tokenEndpoint}?grant_type=client_credentials`, [grant]);
    expect(status).toBe(400);
    expect(JSON.parse(body).error).toBe('invalid_request');
  });

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('the method %s', async (method) => {
    const { issuer } = await start();
    const { status, headers } = await send(issuer, { method, path: '/token', headers: [credentials] });
    expect(status).toBe(405);
    expect(headers.allow).toBe('POST');
  });

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', ''])(
    'a body of the type "%s"',
    async (mediaType) => {
      const { issuer } = await start();
      const headers = [credentials, ...(mediaType === '' ? [] : [['Content-Type', mediaType] as const])];
      const { status } = await send(issuer, {
        method: 'POST',
        path: '/token',
        headers,
        body: 'grant_type=client_credentials',
      });
      expect(status).toBe(415);
    },
  );

  it('a compressed body', async () => {
    const { tokenEndpoint } = await start();
    expect((await post(tokenEndpoint, [grant], [credentials, ['Content-Encoding', 'gzip']])).status).toBe(
      415,
    );
  });

  it('a body that is not UTF-8', async () => {
    const { tokenEndpoint } = await start();
    const response = await fetch(tokenEndpoint, {
      method: 'POST',
      headers: { 'Content-Type': FORM[1] },
      body: Buffer.from('grant_type=\xff', 'latin1'),
    });
    expect(response.status).toBe(400);
  });

  it('a body larger than 64 KiB, and lives on', async () => {
    const { tokenEndpoint } = await start();
    expect((await post(tokenEndpoint, `x=${'a'.repeat(65_535)}`)).status).toBe(413);
    expect((await post(tokenEndpoint, [grant])).status).toBe(200);
  });

  it('takes a charset beside the media type', async () => {
    const { issuer } = await start();
    const headers = [
      credentials,
      ['Content-Type', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8'],
    ] as const;
    const { status } = await send(issuer, {
      method: 'POST',
      path: '/token',
      headers,
      body: 'grant_type=client_credentials',
    });
    expect(status).toBe(200);
  });
});
