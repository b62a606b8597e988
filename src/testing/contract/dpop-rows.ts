import type { ProofRequest } from '../dpop-key.js';
import type { Forgery } from '../forgeries/forgery.js';
import type { TestIssuer } from '../test-issuer.js';
import { BASE_URL } from './configurations.js';
import type { RawRequest } from './http-client.js';
import { BAD_TOKEN, type ContractClient, type ContractRow, type Expected, OK, READ } from './row.js';

const BAD_PROOF: Expected = { status: 401, error: 'invalid_dpop_proof', scheme: 'DPoP' };
const WRONG_TOKEN: Expected = { ...BAD_TOKEN, scheme: 'DPoP' };
const DOWNGRADE: Expected = { ...BAD_TOKEN, scheme: 'Bearer' };
const ONLY_DPOP = { offered: ['DPoP'], scheme: 'DPoP' } as const;
const ONLY_BEARER = { offered: ['Bearer'], scheme: 'Bearer' } as const;

type Claims = Readonly<Record<string, unknown>>;

/** How a request with DPoP differs from a good one. */
interface Change {
  readonly method?: string;
  /** Where the request goes. Default `/stock/42`. */
  readonly path?: string;
  /** The request target as it's sent. Default the path. */
  readonly target?: (url: string) => string;
  /** What the proof is for. Default the URL of the request. */
  readonly htu?: (url: string) => string;
  readonly proof?: Partial<ProofRequest>;
  /** Claims of the access token. */
  readonly claims?: Claims | ((client: ContractClient) => Claims);
  readonly scheme?: string;
  readonly headers?: RawRequest['headers'];
}

/** A request with an access token that is bound to the client's key, and a proof for it. */
const proven =
  ({ method = 'GET', path = '/stock/42', scheme = 'DPoP', ...change }: Change = {}) =>
  async (issuer: TestIssuer, origin: string, client: ContractClient): Promise<RawRequest> => {
    const { key } = client;
    const changed = typeof change.claims === 'function' ? change.claims(client) : change.claims;
    const token = await issuer.token({ ...READ, cnf: { jkt: key.thumbprint }, ...changed });
    const url = `${origin}${path}`;
    const claims = change.htu && { htu: change.htu(url) };
    const proof = await key.proof({ method, url, token, ...(claims && { claims }), ...change.proof });
    return {
      method,
      path: change.target?.(url) ?? path,
      headers: [['Authorization', `${scheme} ${token}`], ['DPoP', proof], ...(change.headers ?? [])],
    };
  };

/** The same server under another name. */
const toLocalhost = (url: string) => url.replace('127.0.0.1', 'localhost');

/** A proof for the same path under another scheme and host. */
const under = (origin: string) => (url: string) => `${origin}${new URL(url).pathname}`;

const accepted: readonly ContractRow[] = [
  { title: 'accepts a bound token with a proof', ids: ['DPP-01'], request: proven(), expected: OK },
  {
    title: 'accepts the DPoP scheme in lower case',
    ids: ['DPP-01'],
    request: proven({ scheme: 'dpop' }),
    expected: OK,
  },
  {
    title: 'accepts the DPoP scheme in upper case',
    ids: ['DPP-01'],
    request: proven({ scheme: 'DPOP' }),
    expected: OK,
  },
  {
    title: 'accepts a proof for the whole URL of a mounted router',
    ids: ['DPP-11', 'DPP-13'],
    request: proven({ path: '/mounted/stock/42' }),
    expected: OK,
  },
  {
    title: 'ignores the query of the request',
    ids: ['DPP-11'],
    request: proven({ path: '/stock/42?limit=1&a=%zz' }),
    expected: OK,
  },
  {
    title: 'ignores query and fragment of the proof',
    ids: ['DPP-11'],
    request: proven({ htu: (url) => `${url}?limit=1#top` }),
    expected: OK,
  },
  {
    title: 'ignores the case of scheme and host',
    ids: ['DPP-12'],
    request: proven({ htu: (url) => url.replace('http://127', 'HTTP://127') }),
    expected: OK,
  },
  {
    title: 'accepts a path that is encoded in another way',
    ids: ['DPP-12'],
    request: proven({ path: '/stock/4%32', htu: (url) => url.replace('4%32', '%342') }),
    expected: OK,
  },
  {
    title: 'accepts a proof for HEAD with HEAD',
    ids: ['DPP-10'],
    request: proven({ method: 'HEAD' }),
    expected: { status: 200 },
  },
  {
    title: 'answers 403 if a bound token lacks a scope',
    ids: ['DPP-15'],
    request: proven({ claims: { scope: 'other' } }),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory', scheme: 'DPoP' },
  },
];

const refused: readonly ContractRow[] = [
  {
    title: 'refuses two DPoP lines, even if they are the same',
    ids: ['DPP-02'],
    request: async (issuer, url, client) => {
      const request = await proven()(issuer, url, client);
      const line = request.headers?.[1] ?? ['DPoP', ''];
      return { ...request, headers: [...(request.headers ?? []), line] };
    },
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a proof for another method',
    ids: ['DPP-10'],
    request: proven({ proof: { method: 'POST' } }),
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a proof for GET with a HEAD request',
    ids: ['DPP-10'],
    request: proven({ method: 'HEAD', proof: { method: 'GET' } }),
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a method that a header overrides',
    ids: ['DPP-10'],
    request: proven({ proof: { method: 'DELETE' }, headers: [['X-HTTP-Method-Override', 'DELETE']] }),
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a proof for another path',
    ids: ['DPP-11'],
    request: proven({ htu: (url) => url.replace('/42', '/43') }),
    expected: BAD_PROOF,
  },
  {
    title: "doesn't ignore a slash at the end",
    ids: ['DPP-12'],
    request: proven({ htu: (url) => `${url}/` }),
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a proof for the path within a mounted router',
    ids: ['DPP-13'],
    request: proven({ path: '/mounted/stock/42', htu: (url) => url.replace('/mounted', '') }),
    expected: BAD_PROOF,
  },
  {
    title: 'refuses a token that is not bound',
    ids: ['DPP-16'],
    request: proven({ claims: { cnf: undefined } }),
    expected: WRONG_TOKEN,
  },
  {
    title: 'refuses a token that is bound to another key',
    ids: ['DPP-15'],
    request: proven({ claims: ({ otherKey }) => ({ cnf: { jkt: otherKey.thumbprint } }) }),
    expected: WRONG_TOKEN,
  },
  {
    title: 'refuses a token with a good proof that is also bound in an unknown way',
    ids: ['MTL-06'],
    request: proven({ claims: ({ key }) => ({ cnf: { jkt: key.thumbprint, 'x5t#S256': 'x' } }) }),
    expected: WRONG_TOKEN,
  },
  {
    title: 'refuses a bound token as a bearer token',
    ids: ['DPP-17', 'DPP-27'],
    request: proven({ scheme: 'Bearer' }),
    expected: DOWNGRADE,
  },
  {
    title: 'refuses an expired token, however good the proof',
    ids: ['DPP-29'],
    request: proven({ claims: { exp: 1 } }),
    expected: WRONG_TOKEN,
  },
  {
    title: 'refuses a token for another API, however good the proof',
    ids: ['DPP-29'],
    request: proven({ claims: { aud: 'https://other.example.com' } }),
    expected: WRONG_TOKEN,
  },
  {
    title: 'answers malformed DPoP credentials in the DPoP challenge',
    ids: ['DPP-27'],
    request: () => ({ path: '/stock/42', headers: [['Authorization', 'DPoP']] }),
    expected: { status: 400, error: 'invalid_request', scheme: 'DPoP' },
  },
  {
    title: 'answers credentials of both schemes in both challenges',
    ids: ['DPP-27', 'BRR-06'],
    request: async (issuer, url, client) => {
      const request = await proven()(issuer, url, client);
      const token = await issuer.token(READ);
      return { ...request, headers: [...(request.headers ?? []), ['Authorization', `Bearer ${token}`]] };
    },
    expected: { status: 400, error: 'invalid_request', scheme: 'every' },
  },
];

const origins: readonly ContractRow[] = [
  {
    title: "doesn't believe a client about the scheme and host it called",
    ids: ['DPP-13'],
    request: proven({
      htu: under('https://evil.example'),
      headers: [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'evil.example'],
        ['X-Forwarded-Port', '443'],
        ['Forwarded', 'proto=https;host=evil.example'],
      ],
    }),
    expected: BAD_PROOF,
  },
  {
    title: 'ignores what a client says about scheme and host',
    ids: ['DPP-13', 'OPS-15'],
    request: proven({
      headers: [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'evil.example'],
        ['X-Forwarded-Prefix', '/evil'],
        ['X-Original-URL', '/evil'],
        ['Forwarded', 'proto=https;host=evil.example'],
      ],
    }),
    expected: OK,
  },
  {
    title: 'goes by the host of a target in absolute form, not by Host',
    ids: ['DPP-13'],
    request: proven({ target: toLocalhost, htu: toLocalhost }),
    expected: OK,
  },
  {
    title: 'refuses a proof for Host if the target in absolute form names another host',
    ids: ['DPP-13'],
    request: proven({ target: toLocalhost }),
    expected: BAD_PROOF,
  },
  {
    title: 'believes a trusted proxy about the scheme and host that were called',
    ids: ['DPP-13'],
    configuration: 'trusting proxies',
    request: proven({
      htu: under('https://api.example.com:8443'),
      headers: [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'api.example.com:8443'],
      ],
    }),
    expected: OK,
  },
  {
    title: 'refuses a proof for the URL behind a trusted proxy',
    ids: ['DPP-13'],
    configuration: 'trusting proxies',
    request: proven({
      headers: [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'api.example.com'],
      ],
    }),
    expected: BAD_PROOF,
  },
  {
    title: 'uses the base URL, without the default port',
    ids: ['DPP-13', 'DPP-12'],
    configuration: 'below a base URL',
    request: proven({ htu: under('https://API.example.com:443/inventory') }),
    expected: OK,
  },
  {
    title: 'puts the base URL before the path of a mounted router',
    ids: ['DPP-13'],
    configuration: 'below a base URL',
    request: proven({ path: '/mounted/stock/42', htu: under('https://api.example.com/inventory') }),
    expected: OK,
  },
  {
    title: 'ignores scheme and host of the request if there is a base URL',
    ids: ['DPP-13'],
    configuration: 'below a base URL',
    request: proven(),
    expected: BAD_PROOF,
  },
];

const modes: readonly ContractRow[] = [
  {
    title: 'accepts a bound token if one is required',
    ids: ['DPP-28'],
    configuration: 'only DPoP',
    request: proven(),
    expected: OK,
  },
  {
    title: 'refuses a bearer token if a bound one is required',
    ids: ['DPP-28'],
    configuration: 'only DPoP',
    request: proven({ scheme: 'Bearer', claims: { cnf: undefined } }),
    expected: { status: 401, error: 'invalid_token', ...ONLY_DPOP },
  },
  {
    title: 'refuses a bound token as a bearer token if a proof is required',
    ids: ['DPP-28', 'DPP-17'],
    configuration: 'only DPoP',
    request: proven({ scheme: 'Bearer' }),
    expected: { status: 401, error: 'invalid_token', ...ONLY_DPOP },
  },
  {
    title: "challenges for DPoP only if it's required",
    ids: ['DPP-28'],
    configuration: 'only DPoP',
    request: () => ({ path: '/stock/42' }),
    expected: { status: 401, error: null, ...ONLY_DPOP },
  },
  {
    title: 'refuses a bound token as a bearer token if DPoP is off',
    ids: ['DPP-17'],
    configuration: 'no DPoP',
    request: proven({ scheme: 'Bearer' }),
    expected: { status: 401, error: 'invalid_token', ...ONLY_BEARER },
  },
  {
    title: "doesn't know the scheme DPoP if it's off",
    ids: ['DPP-01'],
    configuration: 'no DPoP',
    request: proven(),
    expected: { status: 401, error: null, ...ONLY_BEARER },
  },
  {
    title: 'requires a nonce if nonces are on',
    ids: ['DPP-22', 'DPP-24'],
    configuration: 'nonces',
    request: proven(),
    expected: { status: 401, error: 'use_dpop_nonce', scheme: 'DPoP' },
  },
  {
    title: "refuses a nonce that isn't its own",
    ids: ['DPP-22'],
    configuration: 'nonces',
    request: proven({ proof: { nonce: 'eyJ7S_zG.eyJH0-Z.HX4w-7v' } }),
    expected: { status: 401, error: 'use_dpop_nonce', scheme: 'DPoP' },
  },
  {
    title: 'requires no nonce with a bearer token',
    ids: ['DPP-22'],
    configuration: 'nonces',
    request: proven({ scheme: 'Bearer', claims: { cnf: undefined } }),
    expected: OK,
  },
];

/** Requests with access tokens that are bound to a key of the client. */
export const dpopRows: readonly ContractRow[] = [...accepted, ...refused, ...origins, ...modes];

/** A row for a forged proof, sent to an API whose base URL the proof names. */
export function forgedProofRow({ name, headers, status, reason }: Forgery): ContractRow {
  const isOfToken = ['jkt_mismatch', 'token_not_bound', 'dpop_downgrade'].includes(reason);
  const error = status === 400 ? 'invalid_request' : isOfToken ? 'invalid_token' : 'invalid_dpop_proof';
  return {
    title: `refuses a forgery: ${name}`,
    configuration: 'below a base URL',
    request: () => ({ path: '/stock/42', headers: Object.entries(headers) }),
    expected: { status, error, scheme: reason === 'dpop_downgrade' ? 'Bearer' : 'DPoP' },
  };
}

/** What the forged proofs are for. */
export const forgedRequest = { method: 'GET', url: `${BASE_URL}stock/42` };
