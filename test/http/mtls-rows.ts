import type { ResourceServerOptions } from '../../src/index.js';
import { createClientCertificate, type TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import type { ContractRow, Expected } from './contract.js';

const [mine, others] = await Promise.all([createClientCertificate(), createClientCertificate()]);
const LOOPBACK = ['127.0.0.1', '::1'];

/** Options of the rows of this module. */
export type MtlsConfiguration = 'mtls' | 'behind a proxy' | 'behind another proxy' | 'behind Envoy';

export function mtlsOptionsOf(configuration: MtlsConfiguration): Pick<ResourceServerOptions, 'mtls'> {
  switch (configuration) {
    case 'mtls':
      return { mtls: true };
    case 'behind a proxy':
      return { mtls: { header: 'client-cert', trustedProxies: LOOPBACK } };
    case 'behind another proxy':
      return { mtls: { header: 'client-cert', trustedProxies: '192.0.2.0/24' } };
    case 'behind Envoy':
      return { mtls: { header: 'envoy', headerName: 'X-Client', trustedProxies: '127.0.0.0/8' } };
  }
}

/** A request whose token is bound to `mine`, unless `cnf` is something else; `null` for a token that is not bound. */
const bound =
  (fields: RawRequest['headers'] = [], cnf: unknown = { 'x5t#S256': mine.thumbprint }) =>
  async (issuer: TestIssuer): Promise<RawRequest> => {
    const token = await issuer.token({ scope: 'read:inventory', ...(cnf !== null && { cnf }) });
    return { path: '/stock/42', headers: [['Authorization', `Bearer ${token}`], ...fields] };
  };

const MINE = ['Client-Cert', mine.clientCertField] as const;
const OTHERS = ['Client-Cert', others.clientCertField] as const;
const DESCRIBED = {
  missing: 'The access token is bound to a client certificate and none was presented',
  mismatch: 'The access token is bound to another client certificate',
  invalid: 'The client certificate header is malformed',
};

const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client' } };
const NOT_KEPT: Expected = { ...OK, headers: { 'cache-control': 'no-store' } };
const refused = (error: string, description: string): Expected => ({
  status: error === 'invalid_request' ? 400 : 401,
  error,
  body: { error, error_description: description },
});
const MISSING = refused('invalid_token', DESCRIBED.missing);
const MISMATCH = refused('invalid_token', DESCRIBED.mismatch);
const INVALID = refused('invalid_request', DESCRIBED.invalid);
const UNSUPPORTED: Expected = { status: 401, error: 'invalid_token' };

const proxied: readonly ContractRow[] = [
  {
    title: 'accepts the certificate that the token is bound to, and keeps the answer out of shared caches',
    ids: ['MTL-01', 'MTL-12'],
    request: bound([MINE]),
    expected: NOT_KEPT,
  },
  { title: 'refuses another certificate', ids: ['MTL-01'], request: bound([OTHERS]), expected: MISMATCH },
  {
    title: 'refuses a bound token without a certificate',
    ids: ['MTL-02'],
    request: bound(),
    expected: MISSING,
  },
  {
    title: 'accepts a token that is not bound as a bearer token',
    ids: ['MTL-05'],
    request: bound([], null),
    expected: OK,
  },
  {
    title: "ignores the certificate if the token isn't bound",
    ids: ['MTL-05'],
    request: bound([['Client-Cert', 'junk']], null),
    expected: OK,
  },
  {
    title: 'refuses a token that is also bound in an unknown way',
    ids: ['MTL-05'],
    request: bound([MINE], { 'x5t#S256': mine.thumbprint, 'x5t#S512': 'A'.repeat(86) }),
    expected: UNSUPPORTED,
  },
  {
    title: 'refuses a token that is also bound to a key without proof',
    ids: ['MTL-06'],
    request: bound([MINE], { 'x5t#S256': mine.thumbprint, jkt: 'A'.repeat(43) }),
    expected: UNSUPPORTED,
  },
  { title: 'refuses two header lines', ids: ['MTL-10'], request: bound([MINE, MINE]), expected: INVALID },
  {
    title: 'refuses two header lines, the first with another certificate',
    ids: ['MTL-10'],
    request: bound([OTHERS, MINE]),
    expected: INVALID,
  },
  {
    title: 'refuses a list of certificates',
    ids: ['MTL-10'],
    request: bound([['Client-Cert', `${mine.clientCertField}, ${mine.clientCertField}`]]),
    expected: INVALID,
  },
  {
    title: "refuses a header that isn't a byte sequence",
    ids: ['MTL-10'],
    request: bound([['Client-Cert', mine.clientCertField.slice(1, -1)]]),
    expected: INVALID,
  },
  {
    title: "refuses bytes that aren't a certificate",
    ids: ['MTL-10'],
    request: bound([['Client-Cert', ':AAAA:']]),
    expected: INVALID,
  },
  {
    title: 'refuses an empty header',
    ids: ['MTL-10'],
    request: bound([['Client-Cert', '']]),
    expected: INVALID,
  },
].map((row) => ({ ...row, configuration: 'behind a proxy' }));

const believed: readonly ContractRow[] = [
  {
    title: 'ignores the header by default',
    ids: ['MTL-08'],
    request: bound([MINE]),
    expected: UNSUPPORTED,
  },
  {
    title: 'ignores the header if the certificate has to be that of the connection',
    ids: ['MTL-08'],
    configuration: 'mtls',
    request: bound([MINE]),
    expected: MISSING,
  },
  {
    title: "ignores the header of a proxy that isn't trusted",
    ids: ['MTL-09'],
    configuration: 'behind another proxy',
    request: bound([MINE]),
    expected: MISSING,
  },
  {
    title: 'believes no header about who sent the request',
    ids: ['MTL-09'],
    configuration: 'behind another proxy',
    request: bound([MINE, ['X-Forwarded-For', '192.0.2.1'], ['Forwarded', 'for=192.0.2.1']]),
    expected: MISSING,
  },
  {
    title: 'reads the header in the form of the configured proxy',
    ids: ['MTL-11'],
    configuration: 'behind Envoy',
    request: bound([['X-Client', `Hash=00;Cert="${encodeURIComponent(mine.certificate)}";Subject=""`]]),
    expected: NOT_KEPT,
  },
  {
    title: 'reads no other header',
    ids: ['MTL-11'],
    configuration: 'behind Envoy',
    request: bound([MINE, ['X-Forwarded-Client-Cert', `Cert="${encodeURIComponent(mine.certificate)}"`]]),
    expected: MISSING,
  },
];

/** Certificate-bound access tokens over plain HTTP, as behind a proxy that ends the TLS connection (RFC 8705, RFC 9440). */
export const mtlsRows: readonly ContractRow[] = [...proxied, ...believed];
