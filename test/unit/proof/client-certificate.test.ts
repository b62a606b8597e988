import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/decision.js';
import type { MtlsProxyOptions } from '../../../src/options/mtls.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import type { RequestView } from '../../../src/request/view.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { createClientCertificate, createTestIssuer } from '../../../src/testing/index.js';
import { RFC_8705 } from '../../support/rfc-certificates.js';

const issuer = await createTestIssuer();
const mine = await createClientCertificate();
const others = await createClientCertificate({ commonName: 'another client' });
const X5T = 'x5t#S256';
const PROXY = '10.0.0.1';
const fromHeader: MtlsProxyOptions = { header: 'client-cert', trustedProxies: '10.0.0.0/8' };

interface Circumstances {
  readonly mtls?: NonNullable<ResourceServerOptions['mtls']>;
  readonly cnf?: unknown;
  /** In PEM, of the TLS connection. */
  readonly certificate?: string;
  readonly fields?: Readonly<Record<string, readonly string[] | string>>;
  readonly remoteAddress?: string | undefined;
}

/** What a request with a token that is bound to `mine` gets. */
async function decide(circumstances: Circumstances): Promise<Decision> {
  const { mtls, cnf = { [X5T]: mine.thumbprint }, certificate, fields = {}, remoteAddress } = circumstances;
  const token = await issuer.token(cnf === null ? {} : { cnf });
  const view: RequestView = {
    method: 'GET',
    url: 'https://api.example.com/stock/42',
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : fields[name]),
    remoteAddress,
    clientCertificate: () => (certificate === undefined ? undefined : new X509Certificate(certificate).raw),
  };
  const server = createResourceServer({ ...issuer.options, ...(mtls !== undefined && { mtls }) });
  return server.authenticate(view);
}

async function outcome(circumstances: Circumstances): Promise<string> {
  const decision = await decide(circumstances);
  return decision.kind === 'allowed' ? 'allowed' : `${decision.answer.status} ${decision.error.reason}`;
}

describe('the certificate of the connection', () => {
  it('opens with the token that is bound to it', { tags: ['MTL-01', 'MTL-07'] }, async () => {
    expect(await outcome({ mtls: true, certificate: mine.certificate })).toBe('allowed');
  });

  it('opens with the example of RFC 8705', { tags: ['MTL-01'] }, async () => {
    const cnf = { [X5T]: RFC_8705.thumbprint };
    expect(await outcome({ mtls: true, certificate: RFC_8705.pem, cnf })).toBe('allowed');
    expect(await outcome({ mtls: true, certificate: mine.certificate, cnf })).toBe(
      '401 certificate_mismatch',
    );
  });

  it('does not open with the token of another', { tags: ['MTL-01'] }, async () => {
    expect(await outcome({ mtls: true, certificate: others.certificate })).toBe('401 certificate_mismatch');
  });

  it('is required', { tags: ['MTL-02', 'MTL-07'] }, async () => {
    expect(await outcome({ mtls: true })).toBe('401 certificate_missing');
  });

  it('is missing from requests without a connection', { tags: ['MTL-02'] }, async () => {
    const server = createResourceServer({ ...issuer.options, mtls: true });
    const headers = await issuer.authorization({ cnf: { [X5T]: mine.thumbprint } });
    const decision = await server.authenticate(new Request('https://api.example.com/', { headers }));
    expect(decision).toMatchObject({ error: { reason: 'certificate_missing' } });
  });

  it.each([
    ['with padding', `${mine.thumbprint}=`],
    ['in base64', Buffer.from(mine.thumbprint, 'base64url').toString('base64')],
    ['in hexadecimal', Buffer.from(mine.thumbprint, 'base64url').toString('hex')],
    ['in other letters', mine.thumbprint.toUpperCase()],
    ['with another last character', `${mine.thumbprint.slice(0, -1)}~`],
    ['cut short', mine.thumbprint.slice(0, -1)],
    ['with a space', ` ${mine.thumbprint}`],
    ['empty', ''],
    ['as an array', [mine.thumbprint]],
    ['as an object', { value: mine.thumbprint }],
    ['null', null],
    ['true', true],
    ['as a number', 1],
    ['with letters outside ASCII', 'é'.repeat(43)],
  ])(
    'is compared with the thumbprint as it should be, not %s',
    { tags: ['MTL-01'] },
    async (_name, thumbprint) => {
      expect(await outcome({ mtls: true, certificate: mine.certificate, cnf: { [X5T]: thumbprint } })).toBe(
        '401 certificate_mismatch',
      );
    },
  );

  it('does not matter to tokens that are not bound', { tags: ['MTL-05'] }, async () => {
    expect(await outcome({ mtls: true, certificate: others.certificate, cnf: null })).toBe('allowed');
    expect(await outcome({ mtls: true, cnf: null })).toBe('allowed');
  });

  it("is ignored unless it's configured", { tags: ['MTL-05'] }, async () => {
    expect(await outcome({ certificate: mine.certificate })).toBe('401 unsupported_confirmation');
    expect(await outcome({ mtls: false, certificate: mine.certificate })).toBe(
      '401 unsupported_confirmation',
    );
  });

  it('is not taken from a header field', { tags: ['MTL-08'] }, async () => {
    const fields = { 'client-cert': mine.clientCertField };
    expect(await outcome({ mtls: true, fields, remoteAddress: PROXY })).toBe('401 certificate_missing');
  });

  it('needs no answer that is kept out of caches', { tags: ['MTL-12'] }, async () => {
    expect(await decide({ mtls: true, certificate: mine.certificate })).toMatchObject({ headers: undefined });
  });

  it('refuses a bound token without a request', { tags: ['MTL-05'] }, async () => {
    const server = createResourceServer({ ...issuer.options, mtls: true });
    await expect(
      server.verify(await issuer.token({ cnf: { [X5T]: mine.thumbprint } })),
    ).rejects.toMatchObject({
      reason: 'unsupported_confirmation',
    });
  });

  it('is checked each time, even for a remembered token', {
    tags: ['MTL-01'],
  }, async () => {
    const server = createResourceServer({ ...issuer.options, mtls: true });
    const token = await issuer.token({ cnf: { [X5T]: mine.thumbprint } });
    const view = (certificate: string | undefined): RequestView => ({
      method: 'GET',
      url: 'https://api.example.com/stock/42',
      header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
      clientCertificate: () => (certificate === undefined ? undefined : new X509Certificate(certificate).raw),
    });
    expect(await server.authenticate(view(mine.certificate))).toMatchObject({ kind: 'allowed' });
    expect(await server.authenticate(view(others.certificate))).toMatchObject({
      error: { reason: 'certificate_mismatch' },
    });
    expect(await server.authenticate(view(undefined))).toMatchObject({
      error: { reason: 'certificate_missing' },
    });
    expect(await server.authenticate(view(mine.certificate))).toMatchObject({ kind: 'allowed' });
  });
});

describe('the certificate of a header field', () => {
  const fields = { 'client-cert': mine.clientCertField };

  it.each([PROXY, `::ffff:${PROXY}`])(
    'is believed from a trusted proxy: %s',
    { tags: ['MTL-09'] },
    async (remoteAddress) => {
      expect(await outcome({ mtls: fromHeader, fields, remoteAddress })).toBe('allowed');
    },
  );

  it.each(['192.0.2.1', '::1', undefined])(
    'is ignored from anyone else: %s',
    { tags: ['MTL-09'] },
    async (remoteAddress) => {
      expect(await outcome({ mtls: fromHeader, fields, remoteAddress })).toBe('401 certificate_missing');
      const junk = { 'client-cert': 'junk' };
      expect(await outcome({ mtls: fromHeader, fields: junk, remoteAddress })).toBe(
        '401 certificate_missing',
      );
    },
  );

  it('is believed by the address of the peer alone', { tags: ['MTL-09'] }, async () => {
    const claimed = { ...fields, 'x-forwarded-for': PROXY, forwarded: `for=${PROXY}`, 'x-real-ip': PROXY };
    expect(await outcome({ mtls: fromHeader, fields: claimed, remoteAddress: '192.0.2.1' })).toBe(
      '401 certificate_missing',
    );
  });

  it("isn't read unless it's configured", { tags: ['MTL-08'] }, async () => {
    expect(await outcome({ fields, remoteAddress: PROXY })).toBe('401 unsupported_confirmation');
  });

  it('is required, and that of the connection to the proxy is no substitute', {
    tags: ['MTL-02'],
  }, async () => {
    expect(await outcome({ mtls: fromHeader, remoteAddress: PROXY })).toBe('401 certificate_missing');
    expect(await outcome({ mtls: fromHeader, remoteAddress: PROXY, certificate: mine.certificate })).toBe(
      '401 certificate_missing',
    );
  });

  it('does not open with the token of another', { tags: ['MTL-01'] }, async () => {
    const wrong = { 'client-cert': others.clientCertField };
    expect(await outcome({ mtls: fromHeader, fields: wrong, remoteAddress: PROXY })).toBe(
      '401 certificate_mismatch',
    );
  });

  it.each([
    ['repeated', [mine.clientCertField, mine.clientCertField]],
    ['two', [others.clientCertField, mine.clientCertField]],
    ['joined', `${mine.clientCertField}, ${mine.clientCertField}`],
    ['malformed', 'junk'],
    ['empty', ''],
  ])("is refused if it's %s", { tags: ['MTL-10'] }, async (_name, lines) => {
    expect(await outcome({ mtls: fromHeader, fields: { 'client-cert': lines }, remoteAddress: PROXY })).toBe(
      '400 client_cert_invalid',
    );
  });

  it('is not read for a token that is not bound', { tags: ['MTL-10'] }, async () => {
    const junk = { 'client-cert': 'junk' };
    expect(await outcome({ mtls: fromHeader, fields: junk, remoteAddress: PROXY, cnf: null })).toBe(
      'allowed',
    );
  });

  it('is read from the field and in the form of the proxy', { tags: ['MTL-11'] }, async () => {
    const escaped = encodeURIComponent(mine.certificate);
    const outcomeOf = (mtls: MtlsProxyOptions, name: string, value: string) =>
      outcome({ mtls, fields: { [name]: value }, remoteAddress: PROXY });
    const options = (header: MtlsProxyOptions['header']) => ({ ...fromHeader, header });
    const base64 = mine.clientCertField.slice(1, -1);
    expect(await outcomeOf(options('nginx'), 'ssl-client-cert', escaped)).toBe('allowed');
    expect(await outcomeOf(options('envoy'), 'x-forwarded-client-cert', `Cert="${escaped}"`)).toBe('allowed');
    expect(await outcomeOf(options('aws-alb'), 'x-amzn-mtls-clientcert', escaped)).toBe('allowed');
    expect(await outcomeOf(options('traefik'), 'x-forwarded-tls-client-cert', base64)).toBe('allowed');
    expect(await outcomeOf(options('nginx'), 'client-cert', escaped)).toBe('401 certificate_missing');
    expect(await outcomeOf(options('nginx'), 'ssl-client-cert', '')).toBe('401 certificate_missing');
    expect(await outcomeOf(options('traefik'), 'x-forwarded-tls-client-cert', escaped)).toBe(
      '400 client_cert_invalid',
    );
  });

  it('is read from the field that the options name', { tags: ['MTL-11'] }, async () => {
    const mtls: MtlsProxyOptions = { ...fromHeader, headerName: 'X-SSL-Client-Cert' };
    const named = { 'x-ssl-client-cert': mine.clientCertField };
    expect(await outcome({ mtls, fields: named, remoteAddress: PROXY })).toBe('allowed');
    expect(await outcome({ mtls, fields, remoteAddress: PROXY })).toBe('401 certificate_missing');
  });

  it('keeps answers out of shared caches', { tags: ['MTL-12'] }, async () => {
    const allowed = await decide({ mtls: fromHeader, fields, remoteAddress: PROXY });
    expect(allowed).toMatchObject({ kind: 'allowed', headers: { 'Cache-Control': 'no-store' } });
    const denied = await decide({ mtls: fromHeader, remoteAddress: PROXY });
    expect(denied).toMatchObject({ answer: { headers: { 'Cache-Control': 'no-store' } } });
    const unbound = await decide({ mtls: fromHeader, fields, remoteAddress: PROXY, cnf: null });
    expect(unbound).toMatchObject({ kind: 'allowed', headers: undefined });
  });
});

it('counts for introspected tokens too', { tags: ['MTL-03'] }, async () => {
  const server = createResourceServer({ ...issuer.introspectionOptions, mtls: true });
  const token = issuer.opaqueToken({ cnf: { [X5T]: mine.thumbprint } });
  const outcomeWith = async (certificate?: string): Promise<string> => {
    const decision = await server.authenticate({
      method: 'GET',
      url: 'https://api.example.com/stock/42',
      header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
      clientCertificate: () => (certificate === undefined ? undefined : new X509Certificate(certificate).raw),
    });
    return decision.kind === 'allowed' ? 'allowed' : decision.error.reason;
  };
  expect(await outcomeWith(mine.certificate)).toBe('allowed');
  expect(await outcomeWith(others.certificate)).toBe('certificate_mismatch');
  expect(await outcomeWith()).toBe('certificate_missing');
});

it("is in the metadata of the API if it's on", { tags: ['MTL-13'] }, () => {
  const documentOf = (mtls: boolean | MtlsProxyOptions) =>
    createResourceServer({ ...issuer.options, resource: 'https://api.example.com', mtls }).resourceMetadata
      ?.document;
  expect(documentOf(true)).toMatchObject({ tls_client_certificate_bound_access_tokens: true });
  expect(documentOf(fromHeader)).toMatchObject({ tls_client_certificate_bound_access_tokens: true });
  expect(documentOf(false)).not.toHaveProperty('tls_client_certificate_bound_access_tokens');
});

it('challenges for the scheme Bearer', { tags: ['MTL-05'] }, async () => {
  const decision = await decide({ mtls: true });
  const headers = decision.kind === 'denied' ? decision.answer.headers : {};
  const challenges = [headers['WWW-Authenticate'] ?? []].flat();
  expect(challenges.find((line) => line.startsWith('Bearer '))).toContain('error="invalid_token"');
});
