import { generateKeyPairSync, hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isResourceServerError } from '../../../src/errors.js';
import type { DpopBinding } from '../../../src/proof/confirmation.js';
import { createDpopBinding, type DpopSettings } from '../../../src/proof/dpop.js';
import { ProofNonces } from '../../../src/proof/dpop-nonces.js';
import { createMemoryReplayStore } from '../../../src/proof/replay-store.js';
import { Credentials } from '../../../src/request/credentials.js';
import type { RequestView } from '../../../src/request/view.js';
import { ALGORITHMS } from '../../../src/terms.js';
import { selfSignedCertificate } from '../../../src/testing/certificate.js';
import { createDpopKey, type ProofRequest } from '../../../src/testing/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { undecodableCertificate } from '../../support/certificates.js';

const NOW = 1_893_456_000;
const URL = 'https://api.example.com/stock/42';
const TOKEN = 'header.claims.signature';
const clock = () => NOW * 1000;
const key = await createDpopKey({ clock });

/** RFC 9449 §4.1, figure 3: the proof of a token request. */
const TOKEN_REQUEST_PROOF = [
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik',
  'VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR',
  'nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE',
  'QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj',
  'oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia',
  'WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg',
  '4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg',
].join('');
/** RFC 9449 §7.1, figure 13: a request for a protected resource. */
const RESOURCE_TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';
const RESOURCE_PROOF = [
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik',
  'VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR',
  'nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE',
  'QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj',
  'oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z',
  'WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF',
  'c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E',
  'OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA',
].join('');
/** RFC 9449 §6.1, figure 9. */
const RFC_THUMBPRINT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';

/** What the tests change of settings and time. */
type Policy = Partial<
  DpopSettings & { readonly clock: () => number; readonly clockToleranceSeconds: number }
>;

/** How the resource server asks for nonces, and the same nonces for the test. */
const nonce = { secret: 'a secret of at least 32 characters', lifetimeSeconds: 300 };
const nonces = new ProofNonces(nonce.secret, nonce.lifetimeSeconds);

interface Sent {
  readonly jkt?: unknown;
  readonly scheme?: 'Bearer' | 'DPoP';
  readonly token?: string;
  readonly request?: Partial<Pick<RequestView, 'method' | 'url'>>;
  /** `DPoP` field lines. */
  readonly lines?: readonly string[];
}

/** What a request gets: the header fields of the answer, or the reason of the refusal. */
async function outcomeOf(sent: Sent = {}, policy: Policy = {}): Promise<unknown> {
  const binding = bindingWith(policy);
  const { jkt = key.thumbprint, scheme = 'DPoP', token = TOKEN } = sent;
  const { lines = [await key.proof({ url: URL, token })] } = sent;
  const header = (name: string) => (name === 'dpop' ? lines : []);
  const request: RequestView = { method: 'GET', url: URL, header, ...sent.request };
  return settle(() => binding(jkt, new Credentials(token, 'header', scheme), request));
}

/** The outcome for a proof that differs in something from a good one. */
const outcomeOfProof = async (
  request: Partial<ProofRequest>,
  policy: Policy = {},
  sent: Sent = {},
): Promise<unknown> =>
  outcomeOf({ ...sent, lines: [await key.proof({ url: URL, token: TOKEN, ...request })] }, policy);

describe('the examples of RFC 9449', () => {
  const figure13 = {
    jkt: RFC_THUMBPRINT,
    token: RESOURCE_TOKEN,
    lines: [RESOURCE_PROOF],
    request: { method: 'GET', url: 'https://resource.example.org/protectedresource' },
  };
  const then = { clock: () => 1_562_262_618_000 };

  it('accepts figure 13', { tags: ['DPP-14', 'DPP-15'] }, async () => {
    expect(await outcomeOf(figure13, then)).toBeUndefined();
  });

  it.each([
    ['another token', { token: 'other' }, 'ath_mismatch'],
    ['another key', { jkt: key.thumbprint }, 'jkt_mismatch'],
    ['another method', { request: { ...figure13.request, method: 'POST' } }, 'htm_mismatch'],
    [
      'another resource',
      { request: { method: 'GET', url: 'https://resource.example.org/other' } },
      'htu_mismatch',
    ],
    ['another time', {}, 'proof_expired'],
  ])('refuses figure 13 with %s', { tags: ['DPP-10', 'DPP-11'] }, async (name, change, reason) => {
    expect(await outcomeOf({ ...figure13, ...change }, name === 'another time' ? {} : then)).toBe(reason);
  });

  it('misses the digest of an access token in figure 3', { tags: ['DPP-09'] }, async () => {
    const sent = { ...figure13, lines: [TOKEN_REQUEST_PROOF] };
    expect(await outcomeOf(sent, { clock: () => 1_562_262_616_000 })).toBe('proof_missing_claim');
  });
});

describe('schemes', () => {
  it.each([
    ['a bearer token', 'Bearer', undefined, undefined],
    ['a bound bearer token', 'Bearer', 'x', 'dpop_downgrade'],
    ['a bearer token that is bound to nothing sensible', 'Bearer', null, 'dpop_downgrade'],
    ['a DPoP token that is not bound', 'DPoP', undefined, 'token_not_bound'],
    ['a DPoP token that is bound to nothing sensible', 'DPoP', null, 'jkt_mismatch'],
    ['a DPoP token that is bound to a list of keys', 'DPoP', [key.thumbprint], 'jkt_mismatch'],
  ] as const)('%s', { tags: ['DPP-16', 'DPP-17', 'DPP-15'] }, async (_, scheme, jkt, reason) => {
    const binding = bindingWith({ isRequired: false });
    const credentials = new Credentials(TOKEN, 'header', scheme);
    const lines = [await key.proof({ url: URL, token: TOKEN })];
    const request: RequestView = { method: 'GET', url: URL, header: () => lines };
    const outcome = await settle(() => binding(jkt, credentials, request));
    expect(outcome).toBe(reason);
  });

  it('refuses a bearer token if bound ones are required, even without a request', {
    tags: ['DPP-28'],
  }, async () => {
    const binding = bindingWith({ isRequired: true });
    const credentials = new Credentials(TOKEN, 'header', 'Bearer');
    expect(await settle(() => binding(undefined, credentials, undefined))).toBe('dpop_required');
  });

  it('refuses a token under the scheme DPoP without a request that could hold a proof', {
    tags: ['DPP-01'],
  }, async () => {
    const credentials = new Credentials(TOKEN, 'header', 'DPoP');
    expect(await settle(() => bindingWith()(key.thumbprint, credentials, undefined))).toBe('token_not_bound');
  });

  it('decides about a bearer token at once', { tags: ['DPP-01'] }, () => {
    const binding = bindingWith();
    const credentials = new Credentials(TOKEN, 'header', 'Bearer');
    expect(binding(undefined, credentials, undefined)).toBeUndefined();
  });
});

describe('the header field', () => {
  it.each([
    ['none', 0, 'missing_proof'],
    ['one', 1, undefined],
    ['two', 2, 'multiple_proofs'],
  ])('refuses a request with %s of it', { tags: ['DPP-02', 'DPP-03'] }, async (_, count, outcome) => {
    const proof = await key.proof({ url: URL, token: TOKEN });
    expect(await outcomeOf({ lines: Array.from({ length: count }, () => proof) })).toBe(outcome);
  });

  it('refuses proofs that were joined into one line', { tags: ['DPP-02'] }, async () => {
    const proofs = [await key.proof({ url: URL, token: TOKEN }), await key.proof({ url: URL, token: TOKEN })];
    expect(await outcomeOf({ lines: [proofs.join(', ')] })).toBe('multiple_proofs');
    expect(await outcomeOf({ lines: [`${proofs[0]},`] })).toBe('multiple_proofs');
  });
});

describe('the header of a proof', () => {
  it.each([undefined, null, '', 'JWT', 'at+jwt', 'dpop', 'DPoP+JWT', 'application/dpop+jwt', ['dpop+jwt']])(
    'may not have the type %j',
    { tags: ['DPP-05'] },
    async (typ) => {
      expect(await outcomeOfProof({ header: { typ } })).toBe('proof_typ_mismatch');
    },
  );

  it.each(ALGORITHMS)('may name %s', { tags: ['DPP-06'] }, async (algorithm) => {
    const client = await createDpopKey({ algorithm, clock });
    const lines = [await client.proof({ url: URL, token: TOKEN })];
    expect(await outcomeOf({ jkt: client.thumbprint, lines })).toBeUndefined();
    const others = ALGORITHMS.filter((other) => other !== algorithm);
    expect(await outcomeOf({ jkt: client.thumbprint, lines }, { algorithms: others })).toBe(
      'proof_alg_not_allowed',
    );
  });

  it('does not choose another key by kid, jku or x5c', { tags: ['DPP-08'] }, async () => {
    const header = { kid: '../other', jku: 'https://evil.example/jwks', x5c: ['AAAA'], x5u: 'x', cty: 'x' };
    expect(await outcomeOfProof({ header })).toBeUndefined();
  });

  it('has a key whose other members do not matter', { tags: ['DPP-07'] }, async () => {
    const { jwk } = await headerOfProof();
    const more = { ...jwk, kid: 'mine', alg: 'ES256', use: 'sig', key_ops: ['verify'], ext: true, extra: {} };
    expect(await outcomeOfProof({ header: { jwk: more } })).toBeUndefined();
  });

  it.each([
    ['kid', 42],
    ['use', 'enc'],
    ['key_ops', ['sign']],
    ['alg', 'RS256'],
    ['n', 'A'.repeat(1367)],
    ['e', 'A'.repeat(7)],
    ['e', 42],
    ['priv', 'AAAA'],
    ['k', 'AAAA'],
  ])('has no key with %s %j', { tags: ['DPP-07'] }, async (name, value) => {
    const { jwk } = await headerOfProof();
    expect(await outcomeOfProof({ header: { jwk: { ...jwk, [name]: value } } })).toBe('jwk_invalid');
  });

  it('has no RSA key that is too short', { tags: ['DPP-07'] }, async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const header = { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) };
    expect(await outcomeOfProof({ header })).toBe('jwk_invalid');
  });

  it('has its key in the members of the jwk: no certificate is looked at', {
    tags: ['DPP-07', 'OPS-10'],
  }, async () => {
    const { jwk } = await headerOfProof();
    const undecodable = undecodableCertificate(await generateSigningKey('ES256', 'client'));
    for (const alg of ALGORITHMS) {
      const certified = await generateSigningKey(alg, 'client');
      const { kty, crv } = certified.jwk;
      for (const certificate of [selfSignedCertificate(certified, 'client'), undecodable, Buffer.of(0)]) {
        const x5c = [certificate.toString('base64')];
        for (const bare of [{ x5c }, { kty, x5c }, { kty, crv, x5c }, { kty, e: 'AQAB', x5c }])
          expect(await outcomeOfProof({ header: { alg, jwk: bare } })).toBe('jwk_invalid');
        expect(await outcomeOfProof({ header: { jwk: { ...jwk, x5c, x5t: 'AA' } } })).toBeUndefined();
      }
    }
  });

  it.each(['x', 'y'])(
    'has no key with %s in a list, which an import would take',
    { tags: ['DPP-07', 'OPS-10'] },
    async (name) => {
      const { jwk } = await headerOfProof();
      const { [name]: value } = Object(jwk);
      expect(await outcomeOfProof({ header: { jwk: { ...Object(jwk), [name]: [value] } } })).toBe(
        'jwk_invalid',
      );
    },
  );

  it('is read once per client, and its signature each time', { tags: ['DPP-08'] }, async () => {
    const binding = bindingWith();
    const credentials = new Credentials(TOKEN, 'header', 'DPoP');
    const outcomeFor = (line: string) =>
      settle(() => binding(key.thumbprint, credentials, { method: 'GET', url: URL, header: () => [line] }));
    const [first, second, third] = [await proof(), await proof(), await proof()];
    expect(await outcomeFor(first)).toBeUndefined();
    expect(await outcomeFor(second)).toBeUndefined();
    const [header, claims] = third.split('.');
    const [, , signature] = second.split('.');
    expect(await outcomeFor(`${header}.${claims}.${signature}`)).toBe('proof_signature_invalid');
    expect(await outcomeFor(await key.proof({ url: URL, token: TOKEN, header: { typ: 'JWT' } }))).toBe(
      'proof_typ_mismatch',
    );
    const thief = await createDpopKey({ clock });
    expect(await outcomeFor(await thief.proof({ url: URL, token: TOKEN }))).toBe('jkt_mismatch');
    expect(await outcomeFor(third)).toBeUndefined();
  });
});

describe('the claims of a proof', () => {
  it.each([
    ['an identifier of 256 characters', { jti: 'x'.repeat(256) }, undefined],
    ['one of 257', { jti: 'x'.repeat(257) }, 'malformed_proof'],
    ['a nonce that nobody asked for', { nonce: 42 }, undefined],
    ['other claims', { aud: 1, sub: 0, 'urn:example': {} }, undefined],
    ['its own exp, in the tolerance', { exp: NOW - 4 }, undefined],
    ['its own exp, past', { exp: NOW - 5 }, 'proof_expired'],
    ['its own nbf, in the tolerance', { nbf: NOW + 5 }, undefined],
    ['its own nbf, to come', { nbf: NOW + 6 }, 'proof_in_future'],
    ['an exp that is no number', { exp: '9999999999' }, 'malformed_proof'],
    ['an nbf that is no number', { nbf: null }, 'malformed_proof'],
  ])('may have %s, or not', { tags: ['DPP-09', 'DPP-20'] }, async (_, claims, outcome) => {
    expect(await outcomeOfProof({ claims })).toBe(outcome);
  });

  it.each([
    [-60, undefined],
    [-60.1, 'proof_expired'],
    [-61, 'proof_expired'],
    [0, undefined],
    [5, undefined],
    [5.1, 'proof_in_future'],
    [6, 'proof_in_future'],
    [1e300, 'proof_in_future'],
    [-1e300, 'proof_expired'],
  ])('may be made %s seconds from now, or not', { tags: ['DPP-18'] }, async (seconds, outcome) => {
    expect(await outcomeOfProof({ claims: { iat: NOW + seconds } })).toBe(outcome);
  });

  it("may be older if that's configured", { tags: ['DPP-18'] }, async () => {
    const claims = { iat: NOW - 300 };
    expect(await outcomeOfProof({ claims }, { maxAgeSeconds: 300 })).toBeUndefined();
    expect(await outcomeOfProof({ claims }, { maxAgeSeconds: 299 })).toBe('proof_expired');
  });

  it("are never in time if the clock doesn't work", { tags: ['DPP-18'] }, async () => {
    expect(await outcomeOfProof({}, { clock: () => Number.NaN })).toBe('proof_expired');
  });

  it('have a date that is a finite number', { tags: ['DPP-09'] }, async () => {
    const header = await headerOfProof();
    const { iat: _, ...claims } = await claimsOfProof();
    const infinite = `${JSON.stringify(claims).slice(0, -1)},"iat":1e999}`;
    const [, , signature] = (await proof()).split('.');
    const text = [JSON.stringify(header), infinite].map((part) => Buffer.from(part).toString('base64url'));
    expect(await outcomeOf({ lines: [`${text.join('.')}.${signature}`] })).toBe('proof_missing_claim');
  });
});

describe('the order of checks', () => {
  // RFC 9449 §4.3: each proof has all the faults from its own on.
  const faults: readonly (readonly [reason: string, change: Partial<ProofRequest>])[] = [
    ['proof_missing_claim', { claims: { jti: undefined } }],
    ['proof_typ_mismatch', { header: { typ: 'JWT' } }],
    ['proof_alg_not_allowed', { header: { alg: 'none' } }],
    ['jwk_invalid', { header: { jwk: {} } }],
    ['htm_mismatch', { claims: { htm: 'POST' } }],
    ['htu_mismatch', { claims: { htu: 'https://evil.example/' } }],
    ['nonce_required', { claims: { nonce: 'x' } }],
    ['proof_expired', { claims: { iat: 1 } }],
    ['ath_mismatch', { claims: { ath: 'x' } }],
  ];

  it.each(faults.map(([reason], index) => [reason, index] as const))(
    'finds %s first',
    { tags: ['DPP-29'] },
    async (reason, index) => {
      const rest = faults.slice(index).map(([, change]) => change);
      const claims = Object.assign({}, ...rest.map((change) => change.claims));
      const header = Object.assign({}, ...rest.map((change) => change.header));
      const usual = { nonce: nonces.current(NOW), claims, header };
      expect(await outcomeOfProof(usual, { nonce }, { jkt: 'another key' })).toBe(reason);
    },
  );

  it('remembers a proof for as long as it could be used again, to the moment', {
    tags: ['DPP-19'],
  }, async () => {
    let now = NOW;
    const at = () => now * 1000;
    const replayStore = createMemoryReplayStore({ clock: at });
    const policy = { replayStore, clock: at, clockToleranceSeconds: 0 };
    const binding = bindingWith(policy);
    const lines = [await key.proof({ url: URL, token: TOKEN })];
    const request: RequestView = { method: 'GET', url: URL, header: () => lines };
    const use = () =>
      settle(() => binding(key.thumbprint, new Credentials(TOKEN, 'header', 'DPoP'), request));
    expect(await use()).toBeUndefined();
    now += 60;
    expect(await use()).toBe('proof_replayed');
    now += 0.001;
    expect(await use()).toBe('proof_expired');
  });

  it('remembers a proof after all of them', { tags: ['DPP-19'] }, async () => {
    const remembered: unknown[] = [];
    const replayStore = {
      remember: (...call: unknown[]) => {
        remembered.push(call);
        return true;
      },
    };
    expect(await outcomeOfProof({}, { replayStore }, { jkt: 'another key' })).toBe('jkt_mismatch');
    expect(remembered).toEqual([]);
    const claims = { jti: 'once', iat: NOW - 20, htu: 'https://API.example.com/stock/4%32?a=1' };
    expect(await outcomeOfProof({ claims }, { replayStore })).toBeUndefined();
    const digest = hash('sha256', `${key.thumbprint}\n${URL}\nonce`, 'base64url');
    expect(remembered).toEqual([[digest, 46]]);
  });
});

describe('the target URI', () => {
  it.each([
    ['below a base URL', 'https://api.example.com/inventory', 'http://internal:3000/stock/42?a', undefined],
    ['below none', undefined, 'http://internal:3000/stock/42', 'htu_mismatch'],
    ['of the whole server', undefined, '*', 'htu_mismatch'],
    ['of the whole server, below a base URL', 'https://api.example.com/inventory', '*', 'htu_mismatch'],
  ])('%s', { tags: ['DPP-13'] }, async (_, baseUrl, url, outcome) => {
    const htu = baseUrl === undefined ? URL : `${baseUrl}/stock/42`;
    expect(await outcomeOfProof({ url: htu }, { baseUrl }, { request: { url } })).toBe(outcome);
  });
});

describe('nonces', () => {
  it.each([undefined, 'eyJ7S_zG.eyJH0-Z.HX4w-7v'])(
    'are required: %s',
    { tags: ['DPP-22', 'DPP-24'] },
    async (given) => {
      expect(await outcomeOfProof(given === undefined ? {} : { nonce: given }, { nonce })).toBe(
        'nonce_required',
      );
    },
  );

  it('are renewed by the answer to a proof with the one before', { tags: ['DPP-25'] }, async () => {
    const fields = await outcomeOfProof({ nonce: nonces.current(NOW - 300) }, { nonce });
    expect(fields).toEqual({ 'DPoP-Nonce': nonces.current(NOW), 'Cache-Control': 'no-store' });
    expect(await outcomeOfProof({ nonce: nonces.current(NOW) }, { nonce })).toBeUndefined();
  });
});

/** A binding with the default settings, except for these. */
function bindingWith({
  clock: at = clock,
  clockToleranceSeconds = 5,
  ...settings
}: Policy = {}): DpopBinding {
  const defaults: DpopSettings = {
    isRequired: false,
    algorithms: ALGORITHMS,
    maxAgeSeconds: 60,
    replayStore: undefined,
    nonce: undefined,
    baseUrl: undefined,
  };
  return createDpopBinding({ ...defaults, ...settings }, { clock: at, clockToleranceSeconds });
}

/** What `act` comes to: a value, or the reason of the refusal. */
async function settle(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (isResourceServerError(error)) return error.reason;
    throw error;
  }
}

function proof(): Promise<string> {
  return key.proof({ url: URL, token: TOKEN });
}

async function headerOfProof(): Promise<Record<string, unknown> & { jwk: object }> {
  const [header = ''] = (await proof()).split('.');
  return JSON.parse(Buffer.from(header, 'base64url').toString());
}

async function claimsOfProof(): Promise<Record<string, unknown>> {
  const [, claims = ''] = (await proof()).split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}
