import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createResourceServer, type ResourceServerOptions } from '../../../src/index.js';
import { resolveOptions } from '../../../src/options/resolve.js';
import { createTestIssuer } from '../../../src/testing/index.js';

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

/** Options as a caller without types may give them. */
function resolve(changes: Record<string, unknown>) {
  const options: unknown = { issuer: trusted, audience: AUDIENCE, ...changes };
  return resolveOptions(options as ResourceServerOptions);
}

const resolveIssuer = (changes: Record<string, unknown>) => resolve({ issuer: { ...trusted, ...changes } });

describe('the defaults', () => {
  it('are those of the documentation', () => {
    const { issuers, bindings, ...others } = resolveOptions({ issuer: ISSUER, audience: AUDIENCE });
    expect(bindings).toEqual({ certificate: undefined, dpop: expect.any(Function) });
    expect(others).toMatchObject({
      algorithms: new Set([
        ...[
          'RS256',
          'RS384',
          'RS512',
          'PS256',
          'PS384',
          'PS512',
          'ES256',
          'ES384',
          'ES512',
          'EdDSA',
          'Ed25519',
        ],
      ]),
      clockToleranceSeconds: 5,
      bearerMethods: new Set(['header']),
      optional: false,
      maxTokens: 10_000,
      schemes: new Set(['Bearer', 'DPoP']),
      challenges: {
        realm: 'api',
        schemes: ['Bearer', 'DPoP'],
        proofAlgorithms: [...others.algorithms],
        resourceMetadata: undefined,
      },
      checkRevocation: undefined,
      errors: 'respond',
      clock: Date.now,
    });
    const { keySet: _keySet, ...issuer } = issuers.get(ISSUER) ?? {};
    expect(issuer).toEqual({
      issuer: ISSUER,
      audience: new Set([AUDIENCE]),
      clientIds: new Set(),
      algorithms: others.algorithms,
      tokenType: 'any',
      isAccessToken: undefined,
      scopeClaim: 'scope',
      clientIdClaim: 'client_id',
      scopeMayBeArray: false,
    });
  });

  it('allow no algorithm that is not asymmetric, so that no secret is ever compared', {
    tags: ['JWT-01', 'JWT-03', 'OPS-05'],
  }, () => {
    expect(
      [...resolve({}).algorithms].filter((name) => !/^(?:[REP]S(?:256|384|512)|EdDSA|Ed25519)$/.test(name)),
    ).toEqual([]);
  });

  it('hold for options that are there and undefined', () => {
    const absent = resolve({});
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
      ...['errors', 'allowInsecureRequests', 'fetch', 'clock'],
    ];
    const undefinedOnes = resolve(Object.fromEntries(names.map((name) => [name, undefined])));
    const withoutKeys = ({ issuers, bindings: _bindings, ...others }: ReturnType<typeof resolve>) => ({
      ...others,
      issuers: [...issuers.values()].map(({ keySet: _keySet, ...issuer }) => issuer),
    });
    expect(withoutKeys(undefinedOnes)).toEqual(withoutKeys(absent));

    const ofIssuer = [
      ...['jwksUri', 'metadataUrl', 'audience', 'clientIds', 'algorithms', 'tokenType', 'isAccessToken'],
      ...['scopeClaim', 'clientIdClaim', 'keys'],
    ];
    const undefinedOfIssuer = resolveIssuer(Object.fromEntries(ofIssuer.map((name) => [name, undefined])));
    expect(withoutKeys(undefinedOfIssuer)).toEqual(withoutKeys(absent));
    expect(() => resolve({ keys: { maxAgeSeconds: undefined, timeoutSeconds: undefined } })).not.toThrow();
  });
});

describe('what an issuer inherits', () => {
  it('are the common options, unless it has its own', () => {
    const { issuers, algorithms } = resolve({
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
    expect([...algorithms]).toEqual(['ES256', 'ES384']);
    expect(
      [...issuers.values()].map(({ issuer, audience, tokenType }) => ({ issuer, audience, tokenType })),
    ).toEqual([
      { issuer: 'https://one.example.com', audience: new Set([AUDIENCE]), tokenType: 'at+jwt' },
      { issuer: 'https://two.example.com', audience: new Set(['urn:two']), tokenType: 'any' },
    ]);
  });

  it('a claim for the scopes may be an array where the option names it', { tags: ['SCP-08'] }, () => {
    const scopes = (changes: Record<string, unknown>) =>
      resolveIssuer(changes).issuers.get(ISSUER)?.scopeMayBeArray;
    expect([scopes({}), scopes({ scopeClaim: 'scope' }), scopes({ scopeClaim: undefined })]).toEqual([
      false,
      true,
      false,
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
    expect(() => resolve(changes)).not.toThrow();
  });
});

const NUMBER = (name: string, least: number, most: number) =>
  `option "${name}" takes a number from ${least} to ${most}`;
const URL_RULE = 'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';
const ISSUER_RULE =
  'an absolute https URL without query and fragment (http only for loopback hosts, or with allowInsecureRequests)';
const AN_ISSUER = 'an issuer identifier, a trusted issuer, or a list of them';
const STRINGS = 'a non-empty string, or a list of at least one';
const ALGORITHMS =
  'a list of at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519';
const METHODS = 'a list of at least one of header, body, query';

type Wrong = readonly [tags: string | string[], changes: Record<string, unknown>, message: string];

describe('a wrong option', () => {
  const wrongOptions: readonly Wrong[] = [
    ['ATP-04', { audience: undefined }, `option "audience" takes ${STRINGS}, got undefined`],
    ['ATP-04', { audience: null }, `option "audience" takes ${STRINGS}, got null`],
    ['ATP-04', { audience: '' }, `option "audience" takes ${STRINGS}, got an empty string`],
    ['ATP-04', { audience: [] }, `option "audience" takes ${STRINGS}, got an empty list`],
    ['ATP-04', { audience: [''] }, `option "audience" takes ${STRINGS}, got a list with an empty string`],
    [['ATP-03', 'OPS-13'], { audience: /api/ }, `option "audience" takes ${STRINGS}, got object`],
    [
      ['ATP-03', 'OPS-13'],
      { audience: [/api/] },
      `option "audience" takes ${STRINGS}, got a list with object`,
    ],
    [
      'ATP-03',
      { audience: [AUDIENCE, 1] },
      `option "audience" takes ${STRINGS}, got a list with string, number`,
    ],
    [
      'ATP-03',
      { audience: [[AUDIENCE]] },
      `option "audience" takes ${STRINGS}, got a list with a list with string`,
    ],
    ['ATP-04', { audience: false }, `option "audience" takes ${STRINGS}, got boolean`],

    ['KEY-02', { issuer: undefined }, `option "issuer" takes ${AN_ISSUER}, got undefined`],
    ['KEY-02', { issuer: null }, `option "issuer" takes ${AN_ISSUER}, got null`],
    ['KEY-02', { issuer: 42 }, `option "issuer" takes ${AN_ISSUER}, got number`],
    [
      'KEY-02',
      { issuer: [] },
      'option "issuer" takes an issuer, or a list of at least one, got an empty list',
    ],
    ['KEY-02', { issuer: [ISSUER, undefined] }, `option "issuer[1]" takes ${AN_ISSUER}, got undefined`],
    ['KEY-02', { issuer: [[ISSUER]] }, `option "issuer[0]" takes ${AN_ISSUER}, got a list with string`],
    ['KEY-02', { issuer: '' }, `option "issuer" takes ${ISSUER_RULE}, got an empty string`],
    ['KEY-02', { issuer: SECRET }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: 'issuer.example.com' }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: '//issuer.example.com' }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: 'https:issuer.example.com' }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    [
      'KEY-02',
      { issuer: 'https:\\\\issuer.example.com' },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    ['KEY-02', { issuer: ` ${ISSUER}` }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: `${ISSUER}\n` }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    [
      'KEY-02',
      { issuer: 'https://issuer.example.com/a b' },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    [
      'KEY-02',
      { issuer: 'https://issuer.example.com/ü' },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    ['KEY-02', { issuer: 'ftp://issuer.example.com' }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: 'http://issuer.example.com' }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    [
      'KEY-02',
      { issuer: 'http://localhost.example.com' },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    [
      'KEY-02',
      { issuer: 'http://127.0.0.1.example.com' },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    ['KEY-02', { issuer: `${ISSUER}?a=1` }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: `${ISSUER}?` }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    ['KEY-02', { issuer: `${ISSUER}#` }, `option "issuer" takes ${ISSUER_RULE}, got string`],
    [
      'KEY-02',
      { issuer: `https://user:${SECRET}@issuer.example.com` },
      `option "issuer" takes ${ISSUER_RULE}, got string`,
    ],
    [
      'KEY-02',
      { issuer: { jwks: trusted.jwks } },
      `option "issuer.issuer" takes ${ISSUER_RULE}, got undefined`,
    ],
    [
      'KEY-02',
      { issuer: [{ ...trusted, issuer: 42 }] },
      `option "issuer[0].issuer" takes ${ISSUER_RULE}, got number`,
    ],
    [
      'JWT-18',
      { issuer: [trusted, trusted] },
      'option "issuer[1]" names an issuer that is in the list already',
    ],
    [
      'JWT-18',
      { issuer: [ISSUER, trusted] },
      'option "issuer[1]" names an issuer that is in the list already',
    ],

    ['JWT-03', { algorithms: ['HS256'] }, `option "algorithms" takes ${ALGORITHMS}, got a list with string`],
    [
      'JWT-04',
      { algorithms: ['RS256', 'HS512'] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with string`,
    ],
    ['JWT-02', { algorithms: ['none'] }, `option "algorithms" takes ${ALGORITHMS}, got a list with string`],
    [
      ['JWT-26', 'ATP-11'],
      { algorithms: ['RSA-OAEP'] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with string`,
    ],
    [
      'JWT-30',
      { algorithms: ['ML-DSA-44'] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with string`,
    ],
    ['JWT-29', { algorithms: ['ES256K'] }, `option "algorithms" takes ${ALGORITHMS}, got a list with string`],
    ['JWT-01', { algorithms: ['rs256'] }, `option "algorithms" takes ${ALGORITHMS}, got a list with string`],
    [
      'JWT-01',
      { algorithms: ['constructor'] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with string`,
    ],
    ['JWT-01', { algorithms: [] }, `option "algorithms" takes ${ALGORITHMS}, got an empty list`],
    ['JWT-01', { algorithms: 'RS256' }, `option "algorithms" takes ${ALGORITHMS}, got string`],
    [
      'JWT-01',
      { algorithms: [['RS256']] },
      `option "algorithms" takes ${ALGORITHMS}, got a list with a list with string`,
    ],

    ['JWT-23', { clockToleranceSeconds: 301 }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got 301`],
    ['JWT-23', { clockToleranceSeconds: -1 }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got -1`],
    ['JWT-23', { clockToleranceSeconds: Number.NaN }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got NaN`],
    ['JWT-23', { clockToleranceSeconds: '5' }, `${NUMBER('clockToleranceSeconds', 0, 300)}, got string`],
    ['ATP-01', { tokenType: 'jwt' }, `option "tokenType" takes 'any' or 'at+jwt', got string`],
    ['ATP-01', { tokenType: null }, `option "tokenType" takes 'any' or 'at+jwt', got null`],
    ['BRR-10', { bearerMethods: [] }, `option "bearerMethods" takes ${METHODS}, got an empty list`],
    [
      'BRR-12',
      { bearerMethods: ['cookie'] },
      `option "bearerMethods" takes ${METHODS}, got a list with string`,
    ],
    ['BRR-10', { bearerMethods: 'header' }, `option "bearerMethods" takes ${METHODS}, got string`],
    ['BRR-31', { optional: 'false' }, 'option "optional" takes true or false, got string'],
    ['BRR-31', { optional: 0 }, 'option "optional" takes true or false, got number'],
    ['BRR-23', { realm: '' }, 'option "realm" takes a non-empty string, got an empty string'],
    ['BRR-23', { realm: 42 }, 'option "realm" takes a non-empty string, got number'],
    ['OPS-04', { realm: 'a\r\nb' }, 'option "realm" takes printable ASCII characters, got string'],
    ['OPS-04', { realm: 'für' }, 'option "realm" takes printable ASCII characters, got string'],
    ['OPS-17', { errors: 'throw' }, `option "errors" takes 'respond' or 'next', got string`],
    [
      'KEY-02',
      { allowInsecureRequests: 1 },
      'option "allowInsecureRequests" takes true or false, got number',
    ],
    ['KEY-09', { fetch: {} }, 'option "fetch" takes a function, got object'],
    ['OPS-19', { clock: 1_900_000_000 }, 'option "clock" takes a function, got number'],
    ['OPS-07', { cache: true }, 'option "cache" takes an object, or false, got boolean'],
    ['OPS-07', { cache: null }, 'option "cache" takes an object, or false, got null'],
    ['OPS-07', { cache: 100 }, 'option "cache" takes an object, or false, got number'],
    ['OPS-07', { cache: { maxTokens: 0 } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got 0`],
    ['OPS-07', { cache: { maxTokens: 1e9 } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got 1000000000`],
    ['OPS-07', { cache: { maxTokens: Number.NaN } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got NaN`],
    ['OPS-07', { cache: { maxTokens: '10' } }, `${NUMBER('cache.maxTokens', 1, 1_000_000)}, got string`],
    ['OPS-07', { cache: { maxTokens: 1.5 } }, 'option "cache.maxTokens" takes a whole number, got number'],
    ['KEY-11', { keys: 600 }, 'option "keys" takes an object, got number'],
    ['KEY-11', { keys: null }, 'option "keys" takes an object, got null'],
    ['KEY-11', { keys: [] }, 'option "keys" takes an object, got an empty list'],
    ['KEY-11', { keys: { maxAgeSeconds: 0 } }, `${NUMBER('keys.maxAgeSeconds', 1, 31_536_000)}, got 0`],
    ['KEY-13', { keys: { cooldownSeconds: -1 } }, `${NUMBER('keys.cooldownSeconds', 0, 31_536_000)}, got -1`],
    [
      'KEY-15',
      { keys: { staleIfErrorSeconds: 1e12 } },
      `${NUMBER('keys.staleIfErrorSeconds', 0, 31_536_000)}, got 1000000000000`,
    ],
    ['KEY-08', { keys: { timeoutSeconds: 61 } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got 61`],
    ['KEY-08', { keys: { timeoutSeconds: 0 } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got 0`],
    ['KEY-08', { keys: { timeoutSeconds: '5' } }, `${NUMBER('keys.timeoutSeconds', 0.001, 60)}, got string`],
  ];

  for (const [tags, changes, message] of wrongOptions) {
    it(`refuses ${inspect(changes)}`, { tags }, () => {
      expect(() => resolve(changes)).toThrow(new TypeError(message));
    });
  }

  const wrongIssuers: readonly Wrong[] = [
    ['ATP-03', { audience: '' }, `option "issuer.audience" takes ${STRINGS}, got an empty string`],
    ['ATP-03', { audience: null }, `option "issuer.audience" takes ${STRINGS}, got null`],
    [
      'ATP-20',
      { clientIds: [] },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got an empty list',
    ],
    [
      'ATP-20',
      { clientIds: 'web' },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got string',
    ],
    [
      'ATP-20',
      { clientIds: [''] },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got a list with an empty string',
    ],
    [
      'ATP-20',
      { clientIds: null },
      'option "issuer.clientIds" takes a list of at least one non-empty string, got null',
    ],
    [
      'JWT-03',
      { algorithms: ['HS256'] },
      `option "issuer.algorithms" takes ${ALGORITHMS}, got a list with string`,
    ],
    ['ATP-01', { tokenType: 'JWT' }, `option "issuer.tokenType" takes 'any' or 'at+jwt', got string`],
    ['ATP-17', { isAccessToken: true }, 'option "issuer.isAccessToken" takes a function, got boolean'],
    [
      'SCP-08',
      { scopeClaim: '' },
      'option "issuer.scopeClaim" takes a non-empty string, got an empty string',
    ],
    [
      'SCP-08',
      { scopeClaim: ['scp', 'scope'] },
      'option "issuer.scopeClaim" takes a non-empty string, got a list with string',
    ],
    ['ATP-13', { clientIdClaim: 42 }, 'option "issuer.clientIdClaim" takes a non-empty string, got number'],
    [
      'KEY-03',
      { jwks: undefined, jwksUri: 'http://issuer.example.com/jwks' },
      `option "issuer.jwksUri" takes ${URL_RULE}, got string`,
    ],
    [
      'KEY-03',
      { jwks: undefined, jwksUri: '/jwks' },
      `option "issuer.jwksUri" takes ${URL_RULE}, got string`,
    ],
    [
      'KEY-03',
      { jwks: undefined, jwksUri: new URL('https://issuer.example.com/jwks') },
      `option "issuer.jwksUri" takes ${URL_RULE}, got object`,
    ],
    [
      'KEY-10',
      { jwks: undefined, metadataUrl: 'file:///etc/passwd' },
      `option "issuer.metadataUrl" takes ${URL_RULE}, got string`,
    ],
    [
      'KEY-10',
      { jwksUri: `${ISSUER}/jwks` },
      'option "issuer" takes one of jwks, jwksUri and metadataUrl, got jwks and jwksUri',
    ],
    [
      'KEY-10',
      { jwks: undefined, jwksUri: `${ISSUER}/a`, metadataUrl: `${ISSUER}/b` },
      'option "issuer" takes one of jwks, jwksUri and metadataUrl, got jwksUri and metadataUrl',
    ],
    [
      'KEY-11',
      { keys: { maxAgeSeconds: 'x' } },
      `${NUMBER('issuer.keys.maxAgeSeconds', 1, 31_536_000)}, got string`,
    ],
  ];

  for (const [tags, changes, message] of wrongIssuers) {
    it(`refuses ${inspect(changes)} of an issuer`, { tags }, () => {
      expect(() => resolveIssuer(changes)).toThrow(new TypeError(message));
    });
  }

  it.each<[Record<string, unknown>, RegExp]>([
    [{ secret: SECRET }, /^unknown option "secret" in options; known are issuer, audience, algorithms, /],
    [{ jwksUri: `${ISSUER}/jwks` }, /^unknown option "jwksUri" in options; /],
    [{ clockTolerance: 5 }, /^unknown option "clockTolerance" in options; /],
    [{ audiences: undefined }, /^unknown option "audiences" in options; /],
    [{ decrypt: {} }, /^unknown option "decrypt" in options; /],
    [{ __proto__: null, constructor: 1 }, /^unknown option "constructor" in options; /],
    [JSON.parse('{"__proto__":{"optional":true}}'), /^unknown option "__proto__" in options; /],
    [
      { issuer: { ...trusted, jwkUri: 'x' } },
      /^unknown option "jwkUri" in issuer; known are issuer, jwksUri, jwks, /,
    ],
    [{ issuer: [{ ...trusted, secret: SECRET }] }, /^unknown option "secret" in issuer\[0\]; /],
    [{ cache: { max: 5 } }, /^unknown option "max" in cache; known are maxTokens$/],
    [{ keys: { maxAge: 5 } }, /^unknown option "maxAge" in keys; known are maxAgeSeconds, /],
    [{ issuer: { ...trusted, keys: { ttl: 5 } } }, /^unknown option "ttl" in issuer.keys; /],
  ])('%j is refused for a name that nobody knows', { tags: ['OPS-09'] }, (changes, message) => {
    const options = Object.assign(Object.create(null), { issuer: trusted, audience: AUDIENCE });
    for (const name of Reflect.ownKeys(changes))
      Object.defineProperty(options, name, { value: Reflect.get(changes, name), enumerable: true });
    expect(() => resolveOptions(options)).toThrow(TypeError);
    expect(() => resolveOptions(options)).toThrow(message);
  });

  it.each([undefined, null, 'https://issuer.example.com', 42, [], () => ({})])(
    '%j is refused for the options themselves',
    { tags: ['OPS-09'] },
    (options) => {
      const given: unknown = options;
      expect(() => createResourceServer(given as ResourceServerOptions)).toThrow(
        /^option "options" takes an object, got /,
      );
    },
  );

  it('is never quoted, since it may be a secret in the wrong place', { tags: ['OPS-01'] }, () => {
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
      ...names.map((name) => () => resolve({ [name]: name === 'audience' ? [SECRET, 1] : SECRET })),
      ...ofIssuer.map((name) => () => resolve({ issuer: { issuer: ISSUER, [name]: SECRET } })),
      () => resolve({ realm: `${SECRET}\n` }),
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
