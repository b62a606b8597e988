import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createResourceServer, type ResourceServerOptions } from '../../../src/index.js';
import { describeGiven } from '../../../src/lib/public-text.js';
import { checkOptions } from '../../../src/options/options.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { optionErrorWith } from '../../support/option-error.js';

const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'https://api.example.com';
const SECRET = 'hunter2-do-not-print';
/** RFC 7515, appendix A.3. */
const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};
const trusted = { issuer: ISSUER, jwks: { keys: [jwk] } };
const EVERY_ALGORITHM = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Options as a caller without types may give them. */
function check(changes: Record<string, unknown>) {
  const options: unknown = { issuer: trusted, audience: AUDIENCE, ...changes };
  return checkOptions(options as ResourceServerOptions);
}

const checkIssuer = (changes: Record<string, unknown>) => check({ issuer: { ...trusted, ...changes } });

describe('the defaults', () => {
  const keys = { maxAgeSeconds: 600, staleIfErrorSeconds: 86_400, cooldownSeconds: 30, timeoutSeconds: 5 };

  it('are those of the documentation', () => {
    const { issuers, runtime, ...others } = checkOptions({ issuer: ISSUER, audience: AUDIENCE });
    expect(runtime).toEqual({
      clock: expect.any(Function),
      clockToleranceSeconds: 5,
      fetch: expect.any(Function),
      allowInsecureRequests: false,
    });
    expect(others).toEqual({
      issuerResolution: undefined,
      bearerMethods: new Set(['header']),
      optional: false,
      impliedScopes: {},
      maxTokens: 10_000,
      headerSchemes: new Set(['Bearer', 'DPoP']),
      schemes: ['Bearer', 'DPoP'],
      dpop: {
        isRequired: false,
        algorithms: EVERY_ALGORITHM,
        maxAgeSeconds: 60,
        replayStore: undefined,
        nonce: undefined,
        baseUrl: undefined,
      },
      proofAlgorithms: EVERY_ALGORITHM,
      certificate: undefined,
      acceptsCertificates: false,
      revocation: undefined,
      realm: 'api',
      resource: undefined,
      errors: 'respond',
      refusalWarnings: 'development',
    });
    expect([...issuers]).toEqual([
      [
        ISSUER,
        {
          rules: {
            issuer: ISSUER,
            audience: new Set([AUDIENCE]),
            clientIds: new Set(),
            algorithms: new Set(EVERY_ALGORITHM),
            tokenType: 'any',
            isAccessToken: undefined,
            scopeSource: 'standard',
            audienceMayBeClient: false,
            nonceMayBePresent: false,
            clientIdClaim: 'client_id',
          },
          keyOrigin: { kind: 'discovered' },
          keys,
          metadataUrl: undefined,
          introspection: undefined,
        },
      ],
    ]);
  });

  it('ask the process for the time', () => {
    const { clock } = check({}).runtime;
    const before = Date.now();
    const now = clock();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it('look the global fetch up at each request', async () => {
    const { fetch } = check({}).runtime;
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('stubbed'));
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    expect(await (await fetch('https://a.example')).text()).toBe('stubbed');
  });

  it('give isRevoked two seconds', { tags: ['STP-14'] }, () => {
    const isRevoked = () => false;
    expect(check({ isRevoked }).revocation).toEqual({ isRevoked, timeoutSeconds: 2 });
  });

  it('allow asymmetric algorithms only, so that no secret is ever compared', {
    tags: ['JWT-01', 'JWT-03', 'OPS-05'],
  }, () => {
    const algorithms = [...(check({}).issuers.get(ISSUER)?.rules.algorithms ?? [])];
    expect(algorithms).toHaveLength(EVERY_ALGORITHM.length);
    expect(algorithms.filter((name) => !/^(?:[REP]S(?:256|384|512)|EdDSA|Ed25519)$/.test(name))).toEqual([]);
  });

  it('apply to options that are undefined', () => {
    const absent = check({});
    const names = [
      ...[
        'algorithms',
        'clockToleranceSeconds',
        'tokenType',
        'bearerMethods',
        'optional',
        'realm',
        'keys',
        'cache',
        'dpop',
        'baseUrl',
      ],
      ...['errors', 'allowInsecureRequests', 'fetch', 'clock', 'mtls', 'resource'],
      ...['isRevoked', 'revocationTimeoutSeconds'],
    ];
    const undefinedOnes = check(Object.fromEntries(names.map((name) => [name, undefined])));
    // Two functions are made anew each time: they are compared by what they are.
    const comparable = ({ runtime, ...others }: ReturnType<typeof check>) => ({
      ...others,
      runtime: { ...runtime, clock: typeof runtime.clock, fetch: typeof runtime.fetch },
    });
    expect(comparable(undefinedOnes)).toEqual(comparable(absent));

    const ofIssuer = [
      ...['jwksUri', 'metadataUrl', 'audience', 'clientIds', 'algorithms', 'tokenType', 'isAccessToken'],
      ...['scopeClaim', 'clientIdClaim', 'keys', 'introspection'],
    ];
    const undefinedOfIssuer = checkIssuer(Object.fromEntries(ofIssuer.map((name) => [name, undefined])));
    expect(comparable(undefinedOfIssuer)).toEqual(comparable(absent));
    expect(() => check({ keys: { maxAgeSeconds: undefined, timeoutSeconds: undefined } })).not.toThrow();
  });
});

describe('what an issuer inherits', () => {
  it('includes the common options, unless it has its own', () => {
    const { issuers } = check({
      issuer: [
        { ...trusted, issuer: 'https://one.example.com' },
        {
          ...trusted,
          issuer: 'https://two.example.com',
          audience: ['urn:two'],
          algorithms: ['ES384'],
          tokenType: 'any',
        },
      ],
      algorithms: ['ES256'],
      tokenType: 'at+jwt',
    });
    expect([...issuers.values()].map(({ rules }) => rules)).toMatchObject([
      {
        issuer: 'https://one.example.com',
        audience: new Set([AUDIENCE]),
        algorithms: new Set(['ES256']),
        tokenType: 'at+jwt',
      },
      {
        issuer: 'https://two.example.com',
        audience: new Set(['urn:two']),
        algorithms: new Set(['ES384']),
        tokenType: 'any',
      },
    ]);
  });

  it('includes the option keys, member by member', { tags: ['KEY-11'] }, () => {
    const { issuers } = check({
      issuer: [
        { ...trusted, issuer: 'https://one.example.com' },
        { ...trusted, issuer: 'https://two.example.com', keys: { timeoutSeconds: 1 } },
      ],
      keys: { maxAgeSeconds: 60, timeoutSeconds: 2 },
    });
    expect([...issuers.values()].map(({ keys }) => keys)).toEqual([
      { maxAgeSeconds: 60, staleIfErrorSeconds: 86_400, cooldownSeconds: 30, timeoutSeconds: 2 },
      { maxAgeSeconds: 60, staleIfErrorSeconds: 86_400, cooldownSeconds: 30, timeoutSeconds: 1 },
    ]);
  });

  it('allows an array of scopes only if the option names the claim', { tags: ['SCP-08'] }, () => {
    const scopes = (changes: Record<string, unknown>) =>
      checkIssuer(changes).issuers.get(ISSUER)?.rules.scopeSource;
    expect([scopes({}), scopes({ scopeClaim: 'scope' }), scopes({ scopeClaim: undefined })]).toEqual([
      'standard',
      ['scope'],
      'standard',
    ]);
  });
});

describe('a good option', () => {
  it.each([
    [{ issuer: 'https://issuer.example.com/' }],
    [{ issuer: 'https://issuer.example.com/tenant' }],
    [{ issuer: 'https://issuer.example.com:8443/a/b%20c' }],
    [{ issuer: ['https://one.example.com', { issuer: 'https://two.example.com' }] }],
    [{ issuer: 'http://localhost:3000' }],
    [{ issuer: 'http://127.0.0.1/realms/x' }],
    [{ issuer: 'http://[::1]:8080' }],
    [{ issuer: 'http://auth.localhost' }],
    [{ issuer: 'http://auth.internal', allowInsecureRequests: true }],
    [{ issuer: { issuer: ISSUER, jwksUri: 'https://issuer.example.com/jwks?v=1' } }],
    [{ issuer: { issuer: ISSUER, jwksUri: 'http://localhost/jwks' } }],
    [{ issuer: { issuer: ISSUER, metadataUrl: 'https://cdn.example.com/metadata.json' } }],
    [{ issuer: { issuer: ISSUER, jwks: () => ({ keys: [] }) } }],
    ...['http://adfs.example.com/adfs/services/trust', 'urn:example:issuer', 'joe', 'a name', 'ü'].flatMap(
      (issuer): [Record<string, unknown>][] => [
        [{ issuer: { issuer, jwks: trusted.jwks } }],
        [{ issuer: { issuer, jwksUri: `${ISSUER}/keys` } }],
      ],
    ),
    [{ issuer: [ISSUER, () => undefined] }],
    [
      {
        issuer: ['http://sso.internal:8080', 'http://sso'],
        allowInsecureRequests: ['http://sso.internal:8080', 'HTTP://SSO:80'],
      },
    ],
    [{ audience: 'urn:api' }],
    [{ audience: ['urn:api', 'a name with spaces'] }],
    [{ algorithms: ['PS256', 'PS256'] }],
    [{ clockToleranceSeconds: 0 }],
    [{ clockToleranceSeconds: 300 }],
    [{ tokenType: 'at+jwt' }],
    [{ bearerMethods: ['header', 'body', 'query'] }],
    [{ optional: true }],
    [{ realm: 'the "inventory" \\ API' }],
    [{ errors: 'next' }],
    [{ cache: false }],
    [{ cache: {} }],
    [{ cache: { maxTokens: undefined } }],
    [{ cache: { maxTokens: 1_000_000 } }],
    [{ keys: { maxAgeSeconds: 1, staleIfErrorSeconds: 0, cooldownSeconds: 0, timeoutSeconds: 60 } }],
  ])('is %j', (changes) => {
    expect(() => check(changes)).not.toThrow();
  });
});

const NUMBER = (name: string, least: number, most: number) =>
  `option "${name}" takes a number from ${least} to ${most}`;
const URL_RULE = 'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';
const ISSUER_RULE =
  'an absolute https URL without query and fragment (http only for loopback hosts, or with allowInsecureRequests); with jwks or jwksUri any text';
const wrongIssuer = (shown: string, why: string) =>
  `option "issuer" takes ${ISSUER_RULE}, got "${shown}", which ${why}`;
const PLACEHOLDER = 'has a placeholder in it: an issuer is one string, and a function can name many';
const AN_ISSUER = 'an issuer identifier, a trusted issuer, a function, or a list of them';
const STRINGS = 'a non-empty string, or a list of at least one';
const ALGORITHMS =
  'a list of at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519';
const METHODS = 'a list of at least one of header, body, query';

describe('a wrong option', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ audience: undefined }, `option "audience" takes ${STRINGS}, got undefined`],
    [{ audience: null }, `option "audience" takes ${STRINGS}, got null`],
    [{ audience: '' }, `option "audience" takes ${STRINGS}, got an empty string`],
    [{ audience: [] }, `option "audience" takes ${STRINGS}, got an empty list`],
    [{ audience: [''] }, `option "audience" takes ${STRINGS}, got a list with an empty string`],
    [{ audience: 'urn:api\n' }, 'option "audience" ends with a line break'],
    [{ audience: ['urn:api', 'urn:other\r\n'] }, 'option "audience[1]" ends with a line break'],
    [{ audience: 'urn:\tapi' }, 'option "audience" has a control character'],
    [
      { issuer: { issuer: ISSUER, audience: ['urn:api\n'] } },
      'option "issuer.audience[0]" ends with a line break',
    ],
    [{ audience: /api/ }, `option "audience" takes ${STRINGS}, got a regular expression`],
    [{ audience: [/api/] }, `option "audience" takes ${STRINGS}, got a list with a regular expression`],
    [{ audience: Promise.resolve(AUDIENCE) }, `option "audience" takes ${STRINGS}, got a promise: await it`],
    [
      { jwksUri: `${ISSUER}/jwks` },
      'unknown option "jwksUri" in options; it belongs to an issuer: issuer: { issuer: \'…\', jwksUri: … }',
    ],
    [
      { introspection: {} },
      'unknown option "introspection" in options; it belongs to an issuer: issuer: { issuer: \'…\', introspection: … }',
    ],
    [
      { issuer: new URL(ISSUER) },
      'option "issuer" takes an issuer identifier, a trusted issuer, a function, or a list of them, got a URL object, not its text',
    ],
    [
      { audience: [AUDIENCE, 1] },
      `option "audience" takes ${STRINGS}, got a list with "${AUDIENCE}", number`,
    ],
    [
      { audience: [[AUDIENCE]] },
      `option "audience" takes ${STRINGS}, got a list with a list with "${AUDIENCE}"`,
    ],
    [{ audience: ['stock', 1] }, `option "audience" takes ${STRINGS}, got a list with string, number`],
    [{ audience: false }, `option "audience" takes ${STRINGS}, got boolean`],
  ])('refuses the audience of %j', { tags: ['ATP-03', 'ATP-04', 'OPS-13'] }, (changes, message) => {
    expect(() => check(changes)).toThrow(optionErrorWith(message));
  });

  it.each<[Record<string, unknown>, string]>([
    [{ issuer: undefined }, `option "issuer" takes ${AN_ISSUER}, got undefined`],
    [
      { issuer: { issuer: ISSUER, clientIds: ['order-service\n'] } },
      'option "issuer.clientIds[0]" ends with a line break',
    ],
    [
      { issuer: { issuer: 'urn:issuer\n', jwksUri: 'https://auth.example.com/jwks' } },
      'option "issuer.issuer" ends with a line break',
    ],
    [{ issuer: null }, `option "issuer" takes ${AN_ISSUER}, got null`],
    [{ issuer: 42 }, `option "issuer" takes ${AN_ISSUER}, got number`],
    [{ issuer: [] }, 'option "issuer" takes an issuer, or a list of at least one, got an empty list'],
    [{ issuer: [ISSUER, undefined] }, `option "issuer[1]" takes ${AN_ISSUER}, got undefined`],
    [{ issuer: [[ISSUER]] }, `option "issuer[0]" takes ${AN_ISSUER}, got a list with "${ISSUER}"`],
    [{ issuer: '' }, `option "issuer" takes ${ISSUER_RULE}, got an empty string`],
    [{ issuer: SECRET }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    [
      { issuer: 'issuer.example.com' },
      wrongIssuer('issuer.example.com', 'is not an absolute URL: did you mean "https://issuer.example.com"?'),
    ],
    [
      { issuer: 'localhost:4400/t1' },
      wrongIssuer('localhost:4400/t1', 'is not an absolute URL: did you mean "http://localhost:4400/t1"?'),
    ],
    [
      { issuer: '//issuer.example.com' },
      wrongIssuer(
        '//issuer.example.com',
        'is not an absolute URL: begin with https:// and a host, such as https://auth.example.com',
      ),
    ],
    [
      { issuer: 'https:issuer.example.com' },
      wrongIssuer(
        'https:issuer.example.com',
        'is not an absolute URL: begin with https:// and a host, such as https://auth.example.com',
      ),
    ],
    [
      { issuer: 'https:\\\\issuer.example.com' },
      wrongIssuer(
        'https:\\\\\\\\issuer.example.com',
        'is not an absolute URL: begin with https:// and a host, such as https://auth.example.com',
      ),
    ],
    [
      { issuer: ` ${ISSUER}` },
      wrongIssuer(' https://issuer.example.com', 'has spaces or line breaks around it: leave them out'),
    ],
    [
      { issuer: `${ISSUER}\n` },
      wrongIssuer('https://issuer.example.com\\n', 'has spaces or line breaks around it: leave them out'),
    ],
    [
      { issuer: 'https://issuer.example.com/a b' },
      wrongIssuer(
        'https://issuer.example.com/a b',
        'has characters that a URL cannot have: write it as RFC 3986 does',
      ),
    ],
    [
      { issuer: 'https://issuer.example.com/ü' },
      wrongIssuer(
        'https://issuer.example.com/ü',
        'has characters that a URL cannot have: write it as RFC 3986 does',
      ),
    ],
    [
      { issuer: 'ftp://issuer.example.com' },
      wrongIssuer(
        'ftp://issuer.example.com',
        'is not an absolute URL: begin with https:// and a host, such as https://auth.example.com',
      ),
    ],
    [
      { issuer: 'http://issuer.example.com' },
      wrongIssuer(
        'http://issuer.example.com',
        'is plain http: use https; for a host in a private network there is allowInsecureRequests: ["http://issuer.example.com"]',
      ),
    ],
    [
      { issuer: 'http://localhost.example.com' },
      wrongIssuer(
        'http://localhost.example.com',
        'is plain http: use https; for a host in a private network there is allowInsecureRequests: ["http://localhost.example.com"]',
      ),
    ],
    [
      { issuer: 'http://127.0.0.1.example.com' },
      wrongIssuer(
        'http://127.0.0.1.example.com',
        'is plain http: use https; for a host in a private network there is allowInsecureRequests: ["http://127.0.0.1.example.com"]',
      ),
    ],
    [
      { issuer: 'http://keycloak:8080/realms/shop' },
      wrongIssuer(
        'http://keycloak:8080/realms/shop',
        'is plain http: use https; for a host in a private network there is allowInsecureRequests: ["http://keycloak:8080"]',
      ),
    ],
    [
      { issuer: `${ISSUER}?a=${SECRET}` },
      wrongIssuer('https://issuer.example.com?[…]', 'has a query: leave out "?" and everything after it'),
    ],
    [
      { issuer: `${ISSUER}?` },
      wrongIssuer('https://issuer.example.com?', 'has a query: leave out "?" and everything after it'),
    ],
    [
      { issuer: `${ISSUER}#` },
      wrongIssuer('https://issuer.example.com#', 'has a fragment: leave out "#" and everything after it'),
    ],
    [
      { issuer: `${ISSUER}#access_token=${SECRET}` },
      wrongIssuer('https://issuer.example.com#[…]', 'has a fragment: leave out "#" and everything after it'),
    ],
    [
      { issuer: `https://user:${SECRET}@issuer.example.com` },
      wrongIssuer('https://[…]@issuer.example.com', 'has a user name or password in it: leave them out'),
    ],
    [
      { issuer: 'https://issuer.example.com/.well-known/openid-configuration' },
      'option "issuer" is the address of metadata, "https://issuer.example.com/.well-known/openid-configuration"; the issuer is "https://issuer.example.com"',
    ],
    [
      { issuer: 'https://issuer.example.com/.well-known/oauth-authorization-server' },
      'option "issuer" is the address of metadata, "https://issuer.example.com/.well-known/oauth-authorization-server"; the issuer is "https://issuer.example.com"',
    ],
    [
      { issuer: 'https://issuer.example.com/t1/.well-known/openid-configuration' },
      'option "issuer" is the address of metadata, "https://issuer.example.com/t1/.well-known/openid-configuration"; the issuer is "https://issuer.example.com/t1"',
    ],
    [
      { issuer: 'https://issuer.example.com/.well-known/oauth-authorization-server/t1' },
      'option "issuer" is the address of metadata, "https://issuer.example.com/.well-known/oauth-authorization-server/t1"; the issuer is "https://issuer.example.com/t1"',
    ],
    [
      { issuer: 'https://issuer.example.com/t1/.well-known/openid-configuration/' },
      'option "issuer" is the address of metadata, "https://issuer.example.com/t1/.well-known/openid-configuration/"; the issuer is "https://issuer.example.com/t1/"',
    ],
    [
      { issuer: { ...trusted, issuer: `${ISSUER}/.well-known/openid-configuration` } },
      `option "issuer.issuer" is the address of metadata, "${ISSUER}/.well-known/openid-configuration"; the issuer is "${ISSUER}"`,
    ],
    [{ issuer: { jwks: trusted.jwks } }, 'option "issuer.issuer" takes a non-empty string, got undefined'],
    [
      { issuer: [{ ...trusted, issuer: 42 }] },
      'option "issuer[0].issuer" takes a non-empty string, got number',
    ],
    [
      { issuer: { ...trusted, issuer: '' } },
      'option "issuer.issuer" takes a non-empty string, got an empty string',
    ],
    [{ issuer: { metadataUrl: ISSUER } }, `option "issuer.issuer" takes ${ISSUER_RULE}, got undefined`],
    [{ issuer: 'https://login.example.com/{tenantid}/v2.0' }, `option "issuer" ${PLACEHOLDER}`],
    [{ issuer: 'https://login.example.com/%7Btenantid%7D' }, `option "issuer" ${PLACEHOLDER}`],
    [{ issuer: [ISSUER, { ...trusted, issuer: 'urn:{name}' }] }, `option "issuer[1].issuer" ${PLACEHOLDER}`],
    [
      { issuer: [() => undefined, () => undefined] },
      'option "issuer[1]" is a second function; only one is allowed',
    ],
    [{ issuer: [trusted, trusted] }, 'option "issuer[1]" names an issuer that is in the list already'],
    [{ issuer: [ISSUER, trusted] }, 'option "issuer[1]" names an issuer that is in the list already'],
  ])('refuses the issuer of %j', { tags: ['JWT-18', 'KEY-02'] }, (changes, message) => {
    expect(() => check(changes)).toThrow(optionErrorWith(message));
  });

  it.each<[Record<string, unknown>, string]>([
    [{ algorithms: ['HS256'] }, `option "algorithms" takes ${ALGORITHMS}, got "HS256"`],
    [{ algorithms: ['RS256', 'HS512'] }, `option "algorithms" takes ${ALGORITHMS}, got "HS512"`],
    [{ algorithms: ['none'] }, `option "algorithms" takes ${ALGORITHMS}, got "none"`],
    [{ algorithms: ['RSA-OAEP'] }, `option "algorithms" takes ${ALGORITHMS}, got "RSA-OAEP"`],
    [{ algorithms: ['ML-DSA-44'] }, `option "algorithms" takes ${ALGORITHMS}, got "ML-DSA-44"`],
    [{ algorithms: ['ES256K'] }, `option "algorithms" takes ${ALGORITHMS}, got "ES256K"`],
    [{ algorithms: ['rs256'] }, `option "algorithms" takes ${ALGORITHMS}, got "rs256"; did you mean RS256?`],
    [{ algorithms: ['constructor'] }, `option "algorithms" takes ${ALGORITHMS}, got a list with string`],
    [{ algorithms: [] }, `option "algorithms" takes ${ALGORITHMS}, got an empty list`],
    [
      { algorithms: 'RS256' },
      `option "algorithms" takes ${ALGORITHMS}, got "RS256"; did you mean ["RS256"]?`,
    ],
    [
      { algorithms: [['RS256']] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with a list with string`,
    ],
  ])(
    'refuses the algorithms of %j',
    { tags: ['ATP-11', 'JWT-01', 'JWT-02', 'JWT-03', 'JWT-04', 'JWT-26', 'JWT-29', 'JWT-30'] },
    (changes, message) => {
      expect(() => check(changes)).toThrow(optionErrorWith(message));
    },
  );

  it.each<[Record<string, unknown>, string]>([
    [{ keys: 600 }, 'option "keys" takes an object, got number'],
    [{ keys: null }, 'option "keys" takes an object, got null'],
    [{ keys: [] }, 'option "keys" takes an object, got an empty list'],
    [{ keys: { maxAgeSeconds: 0 } }, `${NUMBER('keys.maxAgeSeconds', 1, 31_536_000)}, got 0`],
    [{ keys: { cooldownSeconds: -1 } }, `${NUMBER('keys.cooldownSeconds', 0, 31_536_000)}, got -1`],
    [
      { keys: { staleIfErrorSeconds: 1e12 } },
      `${NUMBER('keys.staleIfErrorSeconds', 0, 31_536_000)}, got 1000000000000`,
    ],
    [{ keys: { timeoutSeconds: 61 } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got 61`],
    [{ keys: { timeoutSeconds: 0 } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got 0`],
    [{ keys: { timeoutSeconds: '5' } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got string`],
  ])(
    'refuses the policy for keys of %j',
    { tags: ['KEY-08', 'KEY-11', 'KEY-13', 'KEY-15'] },
    (changes, message) => {
      expect(() => check(changes)).toThrow(optionErrorWith(message));
    },
  );

  it.each<[Record<string, unknown>, string]>([
    [{ cache: true }, 'option "cache" takes an object, or false, got boolean'],
    [{ cache: null }, 'option "cache" takes an object, or false, got null'],
    [{ cache: 100 }, 'option "cache" takes an object, or false, got number'],
    [{ cache: { maxTokens: 0 } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got 0`],
    [{ cache: { maxTokens: 1e9 } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got 1000000000`],
    [{ cache: { maxTokens: Number.NaN } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got NaN`],
    [{ cache: { maxTokens: '10' } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got string`],
    [{ cache: { maxTokens: 1.5 } }, 'option "cache.maxTokens" takes a whole number, got number'],
  ])('refuses the cache of %j', { tags: ['OPS-07'] }, (changes, message) => {
    expect(() => check(changes)).toThrow(optionErrorWith(message));
  });

  it.each<[Record<string, unknown>, string]>([
    [{ clockToleranceSeconds: 301 }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got 301`],
    [{ clockToleranceSeconds: -1 }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got -1`],
    [{ clockToleranceSeconds: Number.NaN }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got NaN`],
    [{ clockToleranceSeconds: '5' }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got string`],
    [{ tokenType: 'jwt' }, `option "tokenType" takes 'any' or 'at+jwt', got string`],
    [{ tokenType: null }, `option "tokenType" takes 'any' or 'at+jwt', got null`],
    [{ bearerMethods: [] }, `option "bearerMethods" takes ${METHODS}, got an empty list`],
    [{ bearerMethods: ['cookie'] }, `option "bearerMethods" takes ${METHODS}, got a list with string`],
    [
      { bearerMethods: 'header' },
      `option "bearerMethods" takes ${METHODS}, got "header"; did you mean ["header"]?`,
    ],
    [{ optional: 'false' }, 'option "optional" takes true or false, got string'],
    [{ optional: 0 }, 'option "optional" takes true or false, got number'],
    [{ realm: '' }, 'option "realm" takes printable ASCII characters, got an empty string'],
    [{ realm: 42 }, 'option "realm" takes printable ASCII characters, got number'],
    [{ realm: 'a\r\nb' }, 'option "realm" takes printable ASCII characters, got string'],
    [{ realm: 'für' }, 'option "realm" takes printable ASCII characters, got string'],
    [{ errors: 'throw' }, `option "errors" takes 'respond' or 'next', got string`],
    [
      { allowInsecureRequests: 1 },
      'option "allowInsecureRequests" takes true, false or a list of http origins, got number',
    ],
    [
      { allowInsecureRequests: [] },
      'option "allowInsecureRequests" takes true, false or a list of http origins, got an empty list',
    ],
    ...(
      [
        ['https://sso', '"https://sso"'],
        ['http://sso/path', '"http://sso/path"; did you mean "http://sso"?'],
        ['http://*.internal', '"http://*.internal"'],
        ['http://*', '"http://*"'],
        ['*', 'string'],
        ['sso:8080', 'string'],
        ['sso.internal:8080', '"sso.internal:8080"; did you mean "http://sso.internal:8080"?'],
        [`http://user:${SECRET}@sso`, '"http://[…]@sso"; did you mean "http://sso"?'],
        ['http://sso?a', '"http://sso?[…]"; did you mean "http://sso"?'],
        ['http://sso#', '"http://sso#"; did you mean "http://sso"?'],
        ['http://{host}', '"http://{host}"'],
        ['', 'an empty string'],
        [42, 'number'],
        [undefined, 'undefined'],
      ] as const
    ).map(([origin, got]): [Record<string, unknown>, string] => [
      { allowInsecureRequests: ['http://sso.internal', origin] },
      `option "allowInsecureRequests[1]" takes an http origin such as http://sso.internal:8080, got ${got}`,
    ]),
    [{ fetch: {} }, 'option "fetch" takes a function, got object'],
    [{ clock: 1_900_000_000 }, 'option "clock" takes a function, got number'],
  ])(
    'refuses %j',
    {
      tags: [
        'ATP-01',
        'BRR-10',
        'BRR-12',
        'BRR-23',
        'BRR-31',
        'JWT-23',
        'KEY-02',
        'KEY-09',
        'OPS-04',
        'OPS-17',
        'OPS-19',
      ],
    },
    (changes, message) => {
      expect(() => check(changes)).toThrow(optionErrorWith(message));
    },
  );

  it.each<[Record<string, unknown>, string]>([
    [{ audience: '' }, `option "issuer.audience" takes ${STRINGS}, got an empty string`],
    [{ audience: null }, `option "issuer.audience" takes ${STRINGS}, got null`],
    [
      { clientIds: [] },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got an empty list',
    ],
    [
      { clientIds: 'web' },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got string',
    ],
    [
      { clientIds: [''] },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got a list with an empty string',
    ],
    [
      { clientIds: null },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got null',
    ],
    [{ algorithms: ['HS256'] }, `option "issuer.algorithms" takes ${ALGORITHMS}, got "HS256"`],
    [{ tokenType: 'JWT' }, `option "issuer.tokenType" takes 'any' or 'at+jwt', got string`],
    [{ isAccessToken: true }, 'option "issuer.isAccessToken" takes a function, got boolean'],
    ...['', [], ['scp', ''], ['scp', 1], [['scp']], new Array(2), 42, null, {}].map(
      (scopeClaim): [Record<string, unknown>, string] => [
        { scopeClaim },
        `option "issuer.scopeClaim" takes the name of a claim, a list of at least one, or a function, got ${describeGiven(scopeClaim)}`,
      ],
    ),
    [
      { clientIdClaim: 42 },
      'option "issuer.clientIdClaim" takes a non-empty string, or a function, got number',
    ],
  ])(
    'refuses an issuer with %j',
    { tags: ['ATP-01', 'ATP-03', 'ATP-13', 'ATP-17', 'ATP-20', 'JWT-03', 'SCP-08'] },
    (changes, message) => {
      expect(() => checkIssuer(changes)).toThrow(optionErrorWith(message));
    },
  );

  it.each<[Record<string, unknown>, string]>([
    [
      { jwks: undefined, jwksUri: 'http://issuer.example.com/jwks' },
      `option "issuer.jwksUri" takes ${URL_RULE}, got "http://issuer.example.com/jwks", which is plain http: use https; for a host in a private network there is allowInsecureRequests: ["http://issuer.example.com"]`,
    ],
    [{ jwks: undefined, jwksUri: '/jwks' }, `option "issuer.jwksUri" takes ${URL_RULE}, got string`],
    [
      { jwks: undefined, jwksUri: new URL('https://issuer.example.com/jwks') },
      `option "issuer.jwksUri" takes ${URL_RULE}, got a URL object, not its text`,
    ],
    [
      { jwks: undefined, metadataUrl: 'file:///etc/passwd' },
      `option "issuer.metadataUrl" takes ${URL_RULE}, got "file:///etc/passwd", which is not an absolute URL: begin with https:// and a host, such as https://auth.example.com`,
    ],
    [
      { jwksUri: `${ISSUER}/jwks` },
      'option "issuer" takes one of jwks, jwksUri and metadataUrl, got jwks and jwksUri',
    ],
    [
      { jwks: undefined, jwksUri: `${ISSUER}/a`, metadataUrl: `${ISSUER}/b` },
      'option "issuer" takes one of jwks, jwksUri and metadataUrl, got jwksUri and metadataUrl',
    ],
    [{ keys: { maxAgeSeconds: 'x' } }, `${NUMBER('issuer.keys.maxAgeSeconds', 1, 31_536_000)}, got string`],
  ])('refuses keys of an issuer with %j', { tags: ['KEY-03', 'KEY-10', 'KEY-11'] }, (changes, message) => {
    expect(() => checkIssuer(changes)).toThrow(optionErrorWith(message));
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ secret: SECRET }, /^unknown option "secret" in options; known are issuer, audience, algorithms, /],
    [{ jwksUri: `${ISSUER}/jwks` }, /^unknown option "jwksUri" in options; /],
    [
      { clockTolerance: 5 },
      /^unknown option "clockTolerance" in options; did you mean clockToleranceSeconds\? Known are issuer, /,
    ],
    [{ audiences: undefined }, /^unknown option "audiences" in options; did you mean audience\? Known /],
    [{ decrypt: {} }, /^unknown option "decrypt" in options; known /],
    [{ __proto__: null, constructor: 1 }, /^unknown option "constructor" in options; /],
    [JSON.parse('{"__proto__":{"optional":true}}'), /^unknown option "__proto__" in options; /],
    [
      { issuer: { ...trusted, jwkUri: 'x' } },
      /^unknown option "jwkUri" in issuer; did you mean jwksUri\? Known are issuer, jwksUri, jwks, /,
    ],
    [{ issuer: [{ ...trusted, secret: SECRET }] }, /^unknown option "secret" in issuer\[0\]; /],
    [{ cache: { max: 5 } }, /^unknown option "max" in cache; did you mean maxTokens\? Known are maxTokens$/],
    [
      { keys: { maxAge: 5 } },
      /^unknown option "maxAge" in keys; did you mean maxAgeSeconds\? Known are maxAgeSeconds, /,
    ],
    [{ issuer: { ...trusted, keys: { ttl: 5 } } }, /^unknown option "ttl" in issuer.keys; /],
  ])('refuses %j for an unknown name', { tags: ['OPS-09'] }, (changes, message) => {
    const options = Object.assign(Object.create(null), { issuer: trusted, audience: AUDIENCE });
    for (const name of Reflect.ownKeys(changes))
      Object.defineProperty(options, name, { value: Reflect.get(changes, name), enumerable: true });
    expect(() => checkOptions(options)).toThrow(TypeError);
    expect(() => checkOptions(options)).toThrow(message);
  });

  it.each([undefined, null, 'https://issuer.example.com', 42, [], () => ({})])(
    'refuses %j as options',
    { tags: ['OPS-09'] },
    (options) => {
      const given: unknown = options;
      expect(() => createResourceServer(given as ResourceServerOptions)).toThrow(
        /^option "options" takes an object, got /,
      );
    },
  );

  it('never appears in the message, since it may be a secret', { tags: ['OPS-01'] }, () => {
    const names = [
      ...[
        'issuer',
        'audience',
        'algorithms',
        'clockToleranceSeconds',
        'tokenType',
        'bearerMethods',
        'optional',
      ],
      ...['keys', 'errors', 'allowInsecureRequests', 'fetch', 'clock'],
    ];
    const ofIssuer = [
      'jwksUri',
      'jwks',
      'metadataUrl',
      'algorithms',
      'tokenType',
      'isAccessToken',
      'clientIds',
      'keys',
    ];
    const mistakes = [
      ...names.map((name) => () => check({ [name]: name === 'audience' ? [SECRET, 1] : SECRET })),
      ...ofIssuer.map((name) => () => check({ issuer: { issuer: ISSUER, [name]: SECRET } })),
      () => check({ realm: `${SECRET}\n` }),
    ];
    for (const mistake of mistakes) {
      const message = messageOf(mistake);
      expect(message).toMatch(/^option "/);
      expect(message).not.toContain(SECRET);
    }
  });
});

function messageOf(mistake: () => unknown): string {
  try {
    mistake();
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

it('tells apart where the keys come from', { tags: ['KEY-10'] }, () => {
  const origin = (given: Record<string, unknown>) =>
    check({ issuer: { issuer: ISSUER, ...given } }).issuers.get(ISSUER)?.keyOrigin;
  const load = () => ({ keys: [] });
  expect(origin({})).toEqual({ kind: 'discovered' });
  expect(origin({ metadataUrl: `${ISSUER}/metadata` })).toEqual({ kind: 'discovered' });
  expect(origin({ jwksUri: `${ISSUER}/jwks` })).toEqual({ kind: 'url', jwksUri: `${ISSUER}/jwks` });
  expect(origin({ jwks: load })).toEqual({ kind: 'function', load });
  expect(origin({ jwks: { keys: [jwk] } })).toEqual({ kind: 'fixed', members: [jwk] });
});

describe('createResourceServer', () => {
  it('does not notice changes of the options afterwards', { tags: ['OPS-09'] }, async () => {
    const issuer = await createTestIssuer();
    const audience = [issuer.options.audience];
    const algorithms: ['ES256'] = ['ES256'];
    const server = createResourceServer({ ...issuer.options, audience, algorithms });
    audience.push('urn:other');
    algorithms.pop();
    await expect(server.verify(await issuer.token())).resolves.toBeDefined();
    await expect(server.verify(await issuer.token({ aud: 'urn:other' }))).rejects.toMatchObject({
      reason: 'aud_mismatch',
    });
  });

  it('takes the frozen options of the testing kit', async () => {
    const issuer = await createTestIssuer();
    expect(Object.isFrozen(issuer.options)).toBe(true);
    expect(() => createResourceServer(issuer.options)).not.toThrow();
  });
});
