import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import { createClientCertificate, createTestIssuer } from '../../../src/testing/index.js';

describe('createClientCertificate', () => {
  it('makes a certificate that its own key signed, with that key', async () => {
    const { certificate, privateKey } = await createClientCertificate();
    const parsed = new X509Certificate(certificate);
    expect(parsed.subject).toBe('CN=test-client');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
  });

  it('names the digest and the header field of it', { tags: ['MTL-01'] }, async () => {
    const { certificate, thumbprint, clientCertField } = await createClientCertificate({ commonName: 'Zoë' });
    const { raw, fingerprint256, subject } = new X509Certificate(certificate);
    expect(subject).toBe('CN=Zoë');
    expect(Buffer.from(thumbprint, 'base64url').toString('hex')).toBe(
      fingerprint256.replaceAll(':', '').toLowerCase(),
    );
    expect(clientCertField).toBe(`:${raw.toString('base64')}:`);
  });

  it('makes another one each time', async () => {
    const [one, other] = await Promise.all([createClientCertificate(), createClientCertificate()]);
    expect(one.thumbprint).not.toBe(other.thumbprint);
  });

  it('opens an API without a TLS connection, as behind a proxy', { tags: ['MTL-01'] }, async () => {
    const issuer = await createTestIssuer();
    const { thumbprint, clientCertField } = await createClientCertificate();
    const server = createResourceServer({
      ...issuer.options,
      mtls: { header: 'client-cert', trustedProxies: '127.0.0.1' },
    });
    const { Authorization } = await issuer.authorization({ cnf: { 'x5t#S256': thumbprint } });
    const fields: Readonly<Record<string, string>> = {
      authorization: Authorization,
      'client-cert': clientCertField,
    };
    const decision = await server.authenticate({
      method: 'GET',
      url: 'https://api.example.com/',
      header: (name) => fields[name],
      remoteAddress: '127.0.0.1',
    });
    expect(decision.kind).toBe('allowed');
  });

  it.each([{ commonName: '' }, { commonName: 1 }, { name: 'x' }, [], null])('refuses %j', async (options) => {
    await expect(createClientCertificate(options as { commonName: string })).rejects.toThrow(TypeError);
  });
});
