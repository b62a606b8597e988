import { createServer } from 'node:http';
import express from 'express';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'openid-client';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  authenticate,
  getAuth,
  requireAuthentication,
  requireAuthorizationDetails,
} from '../../adapters/express/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { authorizationDetailsOf } from '../../src/index.js';

const AUDIENCE = 'https://payments.example.com';

/**
 * `oidc-provider` with rich authorization requests (RFC 9396): a client may pay up to 100 EUR, whatever it
 * asks for.
 */
async function createProvider(issuer: string) {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // of Node 20 and of storage in memory
  const { Provider } = await import('oidc-provider');
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    clients: [
      {
        client_id: 'order-service',
        client_secret: 'only-for-the-test',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        authorization_details_types: ['payment', 'account'],
      },
    ],
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          audience: AUDIENCE,
          scope: '',
          accessTokenFormat: 'jwt',
        }),
      },
      richAuthorizationRequests: {
        enabled: true,
        types: { payment: { validate: () => undefined }, account: { validate: () => undefined } },
        authorizationDetailsForGrantSource: () => undefined,
        authorizationDetailsForAccessToken: (context) => {
          const asked: readonly Record<string, unknown>[] = JSON.parse(
            String(context.oidc.params?.authorization_details),
          );
          return asked.map((detail) =>
            detail.type === 'payment' ? { ...detail, limit: 100 } : detail,
          ) as never;
        },
        authorizationDetailsForIntrospection: () => undefined,
      },
    },
  });
}

describe('access tokens of a real authorization server', () => {
  const server = createServer();
  const app = express();
  let tokenFor: (parameters: Record<string, string>) => Promise<string>;

  beforeAll(async () => {
    const issuer = await listen(server);
    server.on('request', (await createProvider(issuer)).callback());
    app.use(authenticate({ issuer, audience: AUDIENCE }));
    app.post(
      '/payments',
      requireAuthorizationDetails((details) =>
        details.some(({ type, limit }) => type === 'payment' && typeof limit === 'number' && limit >= 50),
      ),
      (req, res) => void res.json(authorizationDetailsOf(getAuth(req))),
    );
    app.get('/recent', requireAuthentication({ maxAgeSeconds: 300 }), (_req, res) => void res.json({}));
    const configuration = await oauth.discovery(
      new URL(issuer),
      'order-service',
      undefined,
      oauth.ClientSecretBasic('only-for-the-test'),
      { execute: [oauth.allowInsecureRequests] },
    );
    tokenFor = async (parameters) =>
      (await oauth.clientCredentialsGrant(configuration, { resource: AUDIENCE, ...parameters })).access_token;
  }, 30_000);

  afterAll(() => closeServer(server));

  it('carry what was granted, and open what it allows', { tags: ['STP-08'] }, async () => {
    const token = await tokenFor({ authorization_details: '[{"type":"payment","currency":"EUR"}]' });
    const { body } = await request(app).post('/payments').auth(token, { type: 'bearer' }).expect(200);
    expect(body).toEqual([{ type: 'payment', currency: 'EUR', limit: 100 }]);
  });

  it('do not open what they do not allow', { tags: ['STP-09'] }, async () => {
    for (const parameters of [{}, { authorization_details: '[{"type":"account"}]' }] as Record<
      string,
      string
    >[]) {
      const token = await tokenFor(parameters);
      const { body } = await request(app).post('/payments').auth(token, { type: 'bearer' }).expect(403);
      expect(body.error).toBe('insufficient_scope');
    }
  });

  it('report no login without a user, as with client credentials', {
    tags: ['STP-04'],
  }, async () => {
    const token = await tokenFor({});
    const { headers } = await request(app).get('/recent').auth(token, { type: 'bearer' }).expect(401);
    expect(headers['www-authenticate']).toContain('error="insufficient_user_authentication"');
    expect(headers['www-authenticate']).toContain('max_age="300"');
  });
});
