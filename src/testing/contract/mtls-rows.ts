import type { TestIssuer } from '../test-issuer.js';
import type { RawRequest } from './http-client.js';
import { type ContractClient, type ContractRow, type Expected, OK, READ } from './row.js';

type Field = readonly [name: string, value: string];

/**
 * A request whose token is bound to the client's certificate, unless `cnf` is something else; `null` for a
 * token that isn't bound.
 */
const bound =
  (fields: (client: ContractClient) => readonly Field[] = () => [], cnf?: (thumbprint: string) => unknown) =>
  async (issuer: TestIssuer, _url: string, client: ContractClient): Promise<RawRequest> => {
    const { thumbprint } = client.certificate;
    const confirmation = cnf === undefined ? { 'x5t#S256': thumbprint } : cnf(thumbprint);
    const token = await issuer.token({
      ...READ,
      ...(confirmation !== null && { cnf: confirmation }),
    });
    return { path: '/stock/42', headers: [['Authorization', `Bearer ${token}`], ...fields(client)] };
  };

const field = (value: string): Field => ['Client-Cert', value];
const mine = ({ certificate }: ContractClient): Field => field(certificate.clientCertField);
const others = ({ otherCertificate }: ContractClient): Field => field(otherCertificate.clientCertField);
const unbound = (): null => null;
const DESCRIBED = {
  missing: 'The access token is bound to a client certificate and none was presented',
  mismatch: 'The access token is bound to another client certificate',
  invalid: 'The client certificate header is malformed',
};

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
    request: bound((client) => [mine(client)]),
    expected: NOT_KEPT,
  },
  {
    title: 'refuses another certificate',
    ids: ['MTL-01'],
    request: bound((client) => [others(client)]),
    expected: MISMATCH,
  },
  {
    title: 'refuses a bound token without a certificate',
    ids: ['MTL-02'],
    request: bound(),
    expected: MISSING,
  },
  {
    title: 'accepts a token that is not bound as a bearer token',
    ids: ['MTL-05'],
    request: bound(() => [], unbound),
    expected: OK,
  },
  {
    title: "ignores the certificate if the token isn't bound",
    ids: ['MTL-05'],
    request: bound(() => [field('junk')], unbound),
    expected: OK,
  },
  {
    title: 'refuses a token that is also bound in an unknown way',
    ids: ['MTL-05'],
    request: bound(
      (client) => [mine(client)],
      (thumbprint) => ({ 'x5t#S256': thumbprint, 'x5t#S512': 'A'.repeat(86) }),
    ),
    expected: UNSUPPORTED,
  },
  {
    title: 'refuses a token that is also bound to a key without proof',
    ids: ['MTL-06'],
    request: bound(
      (client) => [mine(client)],
      (thumbprint) => ({ 'x5t#S256': thumbprint, jkt: 'A'.repeat(43) }),
    ),
    expected: UNSUPPORTED,
  },
  {
    title: 'refuses two header lines',
    ids: ['MTL-10'],
    request: bound((client) => [mine(client), mine(client)]),
    expected: INVALID,
  },
  {
    title: 'refuses two header lines, the first with another certificate',
    ids: ['MTL-10'],
    request: bound((client) => [others(client), mine(client)]),
    expected: INVALID,
  },
  {
    title: 'refuses a list of certificates',
    ids: ['MTL-10'],
    request: bound(({ certificate: { clientCertField } }) => [
      field(`${clientCertField}, ${clientCertField}`),
    ]),
    expected: INVALID,
  },
  {
    title: "refuses a header that isn't a byte sequence",
    ids: ['MTL-10'],
    request: bound(({ certificate }) => [field(certificate.clientCertField.slice(1, -1))]),
    expected: INVALID,
  },
  {
    title: "refuses bytes that aren't a certificate",
    ids: ['MTL-10'],
    request: bound(() => [field(':AAAA:')]),
    expected: INVALID,
  },
  {
    title: 'refuses an empty header',
    ids: ['MTL-10'],
    request: bound(() => [field('')]),
    expected: INVALID,
  },
].map((row) => ({ ...row, configuration: 'behind a proxy' }));

const believed: readonly ContractRow[] = [
  {
    title: 'ignores the header by default',
    ids: ['MTL-08'],
    request: bound((client) => [mine(client)]),
    expected: UNSUPPORTED,
  },
  {
    title: 'ignores the header if the certificate has to be that of the connection',
    ids: ['MTL-08'],
    configuration: 'mtls',
    request: bound((client) => [mine(client)]),
    expected: MISSING,
  },
  {
    title: "ignores the header of a proxy that isn't trusted",
    ids: ['MTL-09'],
    configuration: 'behind another proxy',
    request: bound((client) => [mine(client)]),
    expected: MISSING,
  },
  {
    title: 'believes no header about who sent the request',
    ids: ['MTL-09'],
    configuration: 'behind another proxy',
    request: bound((client) => [
      mine(client),
      ['X-Forwarded-For', '192.0.2.1'],
      ['Forwarded', 'for=192.0.2.1'],
    ]),
    expected: MISSING,
  },
  {
    title: 'reads the header in the form of the configured proxy',
    ids: ['MTL-11'],
    configuration: 'behind Envoy',
    request: bound(({ certificate: { certificate } }) => [
      ['X-Client', `Hash=00;Cert="${encodeURIComponent(certificate)}";Subject=""`],
    ]),
    expected: NOT_KEPT,
  },
  {
    title: 'reads no other header',
    ids: ['MTL-11'],
    configuration: 'behind Envoy',
    request: bound((client) => [
      mine(client),
      ['X-Forwarded-Client-Cert', `Cert="${encodeURIComponent(client.certificate.certificate)}"`],
    ]),
    expected: MISSING,
  },
];

/**
 * Certificate-bound access tokens over plain HTTP, as behind a proxy that ends the TLS connection (RFC 8705,
 * RFC 9440).
 */
export const mtlsRows: readonly ContractRow[] = [...proxied, ...believed];
