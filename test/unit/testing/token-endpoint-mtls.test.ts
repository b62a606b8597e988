import { request } from 'node:https';
import { decodeJwt } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createClientCertificate,
  createTestIssuer,
  type ListeningIssuer,
  type ListenOptions,
} from '../../../src/testing/index.js';
import { sendOverTls } from '../../support/tls-client.js';

const [mine, others] = await Promise.all([
  createClientCertificate({ commonName: 'order-service' }),
  createClientCertificate({ commonName: 'thief' }),
]);

async function listen(options: ListenOptions): Promise<ListeningIssuer> {
  const listening = await (await createTestIssuer()).listen(options);
  onTestFinished(() => listening.close());
  return listening;
}

async function askOverTls(
  { mtls }: ListeningIssuer,
  certificate: typeof mine | undefined,
  form: Readonly<Record<string, string>>,
) {
  const { status, body } = await sendOverTls(mtls?.url ?? '', {
    path: '/token',
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
    certificate,
  });
  return { status, body: JSON.parse(body) };
}

describe('the https port of a listening issuer', () => {
  it.each([
    ['self_signed_tls_client_auth', { certificate: mine.certificate }, true],
    ['tls_client_auth', { tlsClientAuth: { subjectDn: 'CN=order-service' } }, { ca: mine.certificate }],
  ] as const)('authenticates a client by %s and binds its tokens', async (method, client, mtls) => {
    const listening = await listen({ clients: [{ clientId: 'order-service', ...client }], mtls });
    const metadata = await (
      await fetch(`${listening.identifier}/.well-known/oauth-authorization-server`)
    ).json();
    expect(metadata).toMatchObject({
      tls_client_certificate_bound_access_tokens: true,
      mtls_endpoint_aliases: { token_endpoint: `${listening.mtls?.url}/token` },
      token_endpoint_auth_methods_supported: expect.arrayContaining([method]),
    });
    const client_id = 'order-service';
    const { status, body } = await askOverTls(listening, mine, { client_id });
    expect([status, body.token_type]).toEqual([200, 'Bearer']);
    expect(decodeJwt(body.access_token).cnf).toEqual({ 'x5t#S256': mine.thumbprint });

    for (const certificate of [others, undefined])
      expect(await askOverTls(listening, certificate, { client_id })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
  });

  it.each<[string, (listening: ListeningIssuer) => void]>([
    ['while the issuer is down', (listening) => listening.goDown({ resetConnections: true })],
    ['at once', (listening) => listening.nextResponse({ resetConnection: true })],
    ['after a while', (listening) => listening.nextResponse({ resetConnection: true, delayMs: 1 })],
  ])('breaks connections %s', async (_when, misbehave) => {
    const listening = await listen({ mtls: true });
    misbehave(listening);
    await expect(askOverTls(listening, mine, {})).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('has a certificate that its clients can trust', async () => {
    const { mtls } = await listen({ mtls: true });
    const status = await new Promise((resolve, reject) => {
      request(`${mtls?.url}/jwks`, { ca: mtls?.ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
