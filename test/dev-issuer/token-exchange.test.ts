import { join } from 'node:path';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { createKeyRing } from '../../src/testing/signing-key.js';
import { createTokenIssuer, type TokenIssuer } from '../../src/testing/token-issuer.js';
import { type DevIssuer, type DevIssuerOptions, readKeysFile } from '../../tools/dev-issuer/index.js';
import { basic, billing, inventory, type Parameters, post, start, temporaryFolder } from './support.js';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const ACCESS_TOKEN = `${TYPE}access_token`;
const ORDERS = 'https://orders.example.com';

const options: DevIssuerOptions = {
  audience: [ORDERS, inventory, billing],
  clients: [
    {
      clientId: 'order-service',
      clientSecret: 'dev-secret',
      scopes: ['read:inventory', 'write:billing'],
      audience: [inventory, billing],
      claims: { tenant: 'of the client', tier: 'gold' },
    },
    { clientId: 'plain', clientSecret: 's', grantTypes: ['client_credentials'], scopes: ['read:inventory'] },
  ],
};

/** A development issuer, and tokens that it may have given to others, such as the caller of order-service. */
async function scene(clock: () => number = Date.now) {
  const keys = join(await temporaryFolder(), 'keys.json');
  const issuer = await start({ ...options, keys }, { clock });
  const ring = await createKeyRing('ES256', { keys: (await readKeysFile(keys)) ?? ([] as never) });
  const settings = { audience: ORDERS, clientId: 'web', lifetimeSeconds: 600, clock };
  return { issuer, tokens: createTokenIssuer(issuer.issuer, settings, ring) };
}

const callers = { sub: 'alice', scope: 'read:inventory read:orders', tenant: 'acme' };

async function ask(
  issuer: DevIssuer,
  subjectToken: string,
  more: Parameters = [],
  credentials = basic('order-service', 'dev-secret'),
) {
  const given: Parameters = [
    ['grant_type', EXCHANGE],
    ['subject_token', subjectToken],
    ['subject_token_type', ACCESS_TOKEN],
    ...more,
  ];
  const parameters = given.filter(
    ([name, value], at) =>
      value !== '' && !given.slice(at + 1).some(([later]) => later === name && name !== 'resource'),
  );
  const { status, body } = await post(issuer.tokenEndpoint, parameters, [credentials]);
  return { status, ...JSON.parse(body) };
}

describe('the token exchange (RFC 8693)', () => {
  it('gives the service in the middle a token about the caller, for the next API', async () => {
    const { issuer, tokens } = await scene();
    const answer = await ask(issuer, await tokens.token(callers), [['resource', inventory]]);
    expect(answer).toMatchObject({
      status: 200,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      scope: 'read:inventory',
    });
    const server = createResourceServer({ issuer: issuer.issuer, audience: inventory });
    onTestFinished(() => server.close());
    const auth = await server.verify(answer.access_token);
    expect(auth).toMatchObject({ subject: 'alice', clientId: 'order-service', scopes: ['read:inventory'] });
    expect(auth.claims).toMatchObject({ tenant: 'acme', tier: 'gold' });
    expect(auth.claims).not.toHaveProperty('act');
  });

  it('is used by openid-client and oauth4webapi', async () => {
    const { issuer, tokens } = await scene();
    const server = new URL(issuer.issuer);
    const parameters = { subject_token: await tokens.token(callers), subject_token_type: ACCESS_TOKEN };
    const authentication = openid.ClientSecretBasic('dev-secret');
    const configuration = await openid.discovery(server, 'order-service', undefined, authentication, {
      execute: [openid.allowInsecureRequests],
    });
    expect(configuration.serverMetadata().grant_types_supported).toContain(EXCHANGE);
    const exchanged = await openid.genericGrantRequest(configuration, EXCHANGE, parameters);
    expect(exchanged).toMatchObject({ issued_token_type: ACCESS_TOKEN, scope: 'read:inventory' });

    const client: oauth.Client = { client_id: 'order-service' };
    const as = configuration.serverMetadata();
    const response = await oauth.genericTokenEndpointRequest(
      as,
      client,
      oauth.ClientSecretPost('dev-secret'),
      EXCHANGE,
      { ...parameters, requested_token_type: `${TYPE}jwt` },
      { [oauth.allowInsecureRequests]: true },
    );
    const result = await oauth.processGenericTokenEndpointResponse(as, client, response);
    expect(result.issued_token_type).toBe(`${TYPE}jwt`);
  });

  it('never outlives the subject token', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const { issuer, tokens } = await scene(() => now);
    const subject = await tokens.token(callers);
    now += 540_000;
    const { access_token, expires_in } = await ask(issuer, subject);
    expect(expires_in).toBe(60);
    expect(decodeJwt(access_token).exp).toBe(decodeJwt(subject).exp);
    now += 59_000;
    expect(await ask(issuer, subject)).toMatchObject({ status: 200, expires_in: 1 });
    now += 1000;
    expect(await ask(issuer, subject)).toMatchObject({
      status: 400,
      error: 'invalid_request',
      error_description: expect.stringContaining('expired'),
    });
  });

  it('names the actor, and inside it who acted before', async () => {
    const { issuer, tokens } = await scene();
    const actor: Parameters = [
      ['actor_token', await tokens.token({ client_id: 'order-service', sub: 'order-service' })],
      ['actor_token_type', ACCESS_TOKEN],
    ];
    const act = { sub: 'order-service', client_id: 'order-service' };
    const first = await ask(issuer, await tokens.token(callers), actor);
    expect(decodeJwt(first.access_token).act).toEqual(act);
    const before = { ...callers, act: { sub: 'gateway' } };
    const second = await ask(issuer, await tokens.token(before), actor);
    expect(decodeJwt(second.access_token).act).toEqual({ ...act, act: { sub: 'gateway' } });
    const third = await ask(issuer, await tokens.token(before));
    expect(decodeJwt(third.access_token).act).toEqual({ sub: 'gateway' });
  });

  it('lets act who the subject token says may act', async () => {
    const { issuer, tokens } = await scene();
    const of = (sub: unknown) => tokens.token({ ...callers, may_act: { sub } });
    expect(await ask(issuer, await of('order-service'))).toMatchObject({ status: 200 });
    expect(await ask(issuer, await of('another'))).toMatchObject({ status: 400, error: 'invalid_request' });
    const odd = await tokens.token({ ...callers, may_act: 'order-service' });
    expect(await ask(issuer, odd)).toMatchObject({ status: 400, error: 'invalid_request' });
  });

  it('takes a bound subject token, and binds the new one to what the client shows', async () => {
    const { issuer, tokens } = await scene();
    const { status, access_token } = await ask(issuer, await tokens.token({ ...callers, cnf: { jkt: 'x' } }));
    expect(status).toBe(200);
    expect(decodeJwt(access_token)).not.toHaveProperty('cnf');
  });
});

describe('the token exchange refuses', () => {
  type Subject = (tokens: TokenIssuer) => Promise<string>;
  const genuine: Subject = (tokens) => tokens.token(callers);
  const rows: readonly (readonly [name: string, error: string, subject: Subject, more?: Parameters])[] = [
    ['no subject token', 'invalid_request', async () => ''],
    ['no type of it', 'invalid_request', genuine, [['subject_token_type', '']]],
    ['a refresh token', 'invalid_request', genuine, [['subject_token_type', `${TYPE}refresh_token`]]],
    [
      'a refresh token as the result',
      'invalid_request',
      genuine,
      [['requested_token_type', `${TYPE}refresh_token`]],
    ],
    ['text', 'invalid_request', async () => 'x'],
    ['a token of another issuer', 'invalid_request', async () => (await createTestIssuer()).token(callers)],
    ['an ID token', 'invalid_request', (tokens) => tokens.token({ ...callers, nonce: 'n' }, { typ: 'JWT' })],
    ['a token for no API', 'invalid_request', (tokens) => tokens.token({ ...callers, aud: '' })],
    [
      'a token for an API of others',
      'invalid_request',
      (tokens) => tokens.token({ ...callers, aud: 'other' }),
    ],
    ['an actor token without its type', 'invalid_request', genuine, [['actor_token', 'x']]],
    ['the type of no actor token', 'invalid_request', genuine, [['actor_token_type', ACCESS_TOKEN]]],
    [
      'an actor token that is none',
      'invalid_request',
      genuine,
      [
        ['actor_token', 'x'],
        ['actor_token_type', ACCESS_TOKEN],
      ],
    ],
    ['a scope that the client does not have', 'invalid_scope', genuine, [['scope', 'read:orders']]],
    ['a scope that the subject token does not have', 'invalid_scope', genuine, [['scope', 'write:billing']]],
    ['an API that the client may not call', 'invalid_target', genuine, [['resource', ORDERS]]],
    ['an unknown audience', 'invalid_target', genuine, [['audience', 'other']]],
    [
      'two APIs',
      'invalid_target',
      genuine,
      [
        ['resource', inventory],
        ['resource', billing],
      ],
    ],
  ];

  for (const [name, error, subject, more = []] of rows)
    it(name, async () => {
      const { issuer, tokens } = await scene();
      const answer = await ask(issuer, await subject(tokens), more);
      expect(answer).toEqual({ status: 400, error, error_description: expect.any(String) });
      expect(answer.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    });

  it('every forged subject token of the testing kit', async () => {
    const { issuer, tokens } = await scene();
    let tried = 0;
    for (const { name, reason, headers } of await tokens.forgeries(callers)) {
      const [, token] = /^Bearer (\S+)$/.exec(headers.Authorization ?? '') ?? [];
      // One without a scope is a genuine one, and so are those that are sent wrongly or without their key.
      if (token === undefined || /scope|credentials|downgrade|confirmation|certificate_/.test(reason))
        continue;
      const answer = await ask(issuer, token);
      expect([name, answer.status, answer.error]).toEqual([name, 400, 'invalid_request']);
      tried += 1;
    }
    expect(tried).toBeGreaterThan(80);
  }, 60_000);

  it('a client that may not use the grant, and one that is unknown', async () => {
    const { issuer, tokens } = await scene();
    const subject = await tokens.token(callers);
    expect(await ask(issuer, subject, [], basic('plain', 's'))).toMatchObject({
      status: 400,
      error: 'unauthorized_client',
    });
    expect(await ask(issuer, subject, [], basic('nobody', 's'))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
  });

  it('a token whose key was withdrawn', async () => {
    const { issuer, tokens } = await scene();
    const subject = await tokens.token(callers);
    await issuer.rotateKeys(false);
    expect(await ask(issuer, subject)).toMatchObject({ status: 400, error: 'invalid_request' });
  });
});
