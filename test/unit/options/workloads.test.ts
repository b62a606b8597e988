import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  channels,
  createResourceServer,
  entraWorkloads,
  githubActions,
  google,
  kubernetes,
  type PresetOverrides,
  type TrustedIssuer,
  type WarningMessage,
  type Workload,
  type Workloads,
} from '../../../src/index.js';
import { signedJws } from '../../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { listenTo } from '../../support/listen-to.js';
import { outcomeOf } from '../../support/outcome.js';
import { repeats } from '../../support/size.js';

const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000;
const API = 'https://api.example.com';
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const APPLICATION = '6E74172B-be56-4843-9ff4-e66a39bb12e3';
const ACCOUNT = '112233445566778899000';
const EMAIL = 'orders@shop.iam.gserviceaccount.com';
const CLUSTER = 'https://kubernetes.default.svc.cluster.local';
const key = await generateSigningKey('ES256', 'key');
const keys = { jwks: { keys: [key.jwk] } };

type Claims = Readonly<Record<string, unknown>>;

const orders: Workload = { clientId: 'order-service', scopes: ['read:inventory', 'write:orders'] };
const builds: Workload = { clientId: 'builds', scopes: ['read:inventory'] };

function tokenOf({ issuer }: TrustedIssuer, claims: Claims): string {
  const times = { iat: NOW - 60, exp: NOW + 300 };
  return signedJws({ alg: 'ES256', kid: 'key' }, { iss: issuer, aud: API, ...times, ...claims }, key);
}

const trust = (issuer: TrustedIssuer) =>
  createResourceServer({ issuer, audience: API, clock: () => NOW * 1000 });

/** `client: scopes`, or why the token is refused. */
async function admit(issuer: TrustedIssuer, claims: Claims): Promise<string> {
  const server = trust(issuer);
  const token = tokenOf(issuer, claims);
  const outcome = await outcomeOf(server, token);
  if (outcome !== 'allowed') return outcome;
  const { clientId, scopes } = await server.verify(token);
  return `${clientId}: ${scopes.join(' ')}`;
}

interface Case {
  readonly name: string;
  readonly preset: (workloads: Workloads, overrides?: PresetOverrides) => TrustedIssuer;
  readonly workload: string;
  readonly claims: Claims;
  /** Of others, and of tokens that look like one of this workload. */
  readonly others: readonly Claims[];
}

const cases: readonly Case[] = [
  {
    name: 'kubernetes',
    preset: (workloads, overrides) => kubernetes(CLUSTER, workloads, { ...keys, ...overrides }),
    workload: 'shop/orders',
    claims: { sub: 'system:serviceaccount:shop:orders', scope: 'admin', client_id: 'admin' },
    others: [
      { sub: 'system:serviceaccount:shop:orders2' },
      { sub: 'system:serviceaccount:shop2:orders' },
      { sub: 'shop/orders' },
      { sub: ['system:serviceaccount:shop:orders'] },
    ],
  },
  {
    name: 'google, by id',
    preset: (workloads, overrides) => google(workloads, { ...keys, ...overrides }),
    workload: ACCOUNT,
    claims: { sub: ACCOUNT, azp: ACCOUNT, email: EMAIL, email_verified: true },
    others: [{ sub: '1', azp: ACCOUNT, email: EMAIL, email_verified: true }, { azp: ACCOUNT }],
  },
  {
    name: 'google, by address',
    preset: (workloads, overrides) => google(workloads, { ...keys, ...overrides }),
    workload: EMAIL,
    claims: { sub: ACCOUNT, azp: ACCOUNT, email: EMAIL, email_verified: true },
    others: [
      { sub: ACCOUNT, email: EMAIL, email_verified: false },
      { sub: ACCOUNT, email: EMAIL },
    ],
  },
  {
    name: 'githubActions',
    preset: (workloads, overrides) => githubActions(workloads, { ...keys, ...overrides }),
    workload: 'Acme/App',
    claims: { sub: 'repo:acme/app:ref:refs/heads/main', repository: 'acme/APP' },
    others: [{ repository: 'acme/app2' }, { repository: ['acme/app'] }, { repository: 'acme' }],
  },
  {
    name: 'entraWorkloads',
    preset: (workloads, overrides) => entraWorkloads(TENANT, workloads, { ...keys, ...overrides }),
    workload: APPLICATION,
    claims: { azp: APPLICATION.toLowerCase(), oid: 'o', sub: 'o', roles: ['Stock.Admin'], tid: TENANT },
    others: [
      { azp: TENANT, oid: 'o', sub: 'o' },
      { azp: APPLICATION, oid: 'o', sub: 'pairwise', scp: 'access_as_user' },
      { azp: APPLICATION, oid: 'o', sub: 'o', scp: 'access_as_user' },
      { azp: APPLICATION, oid: 'o', sub: 'pairwise' },
      { azp: APPLICATION },
      { azp: [APPLICATION], oid: 'o', sub: 'o' },
    ],
  },
];

describe.each(cases)('$name', ({ preset, workload, claims, others }) => {
  it('makes of a workload the client with the scopes that it stands for', {
    tags: ['ATP-13', 'SCP-08'],
  }, async () => {
    const issuer = preset({ [workload]: orders });
    expect(await admit(issuer, claims)).toBe('order-service: read:inventory write:orders');
    const auth = await trust(issuer).verify(tokenOf(issuer, claims));
    expect(auth.claims).toMatchObject(claims);
    expect(auth.subject).toBe(claims.sub);
    expect(await admit(preset({ [workload]: { clientId: 'order-service' } }), claims)).toBe(
      'order-service: ',
    );
  });

  it('refuses all others, whatever they say of client and scopes', { tags: ['ATP-17'] }, async () => {
    for (const other of others)
      for (const more of [{}, { client_id: 'order-service', scope: 'read:inventory', scp: undefined }])
        expect(await admit(preset({ [workload]: orders }), { ...more, ...other })).toBe(
          'not_an_access_token',
        );
  });

  it('refuses what can be told to be wrong when it is built', { tags: ['OPS-13'] }, () => {
    const wrong: readonly [unknown, string | RegExp][] = [
      [{}, 'got an empty object'],
      [new Map([[workload, orders]]), 'got an empty object'],
      [JSON.parse(`{"__proto__":{"clientId":"x"}}`), 'got "__proto__"'],
      [{ constructor: orders }, 'got "constructor"'],
      [{ ['__proto__']: { [workload]: orders } }, 'got "__proto__"'],
      [Object.create({ [workload]: orders }), 'got an empty object'],
      [{ [workload]: orders, '*': builds }, 'got "*" at [1]'],
      [{ [workload]: 'order-service' }, 'takes an object, got string'],
      [{ [workload]: null }, 'takes an object, got null'],
      [{ [workload]: ['order-service'] }, 'takes an object, got a list with string'],
      [{ [workload]: {} }, `${workload}.clientId" takes a non-empty string, got undefined`],
      [{ [workload]: { clientId: '' } }, `${workload}.clientId" takes a non-empty string`],
      [{ [workload]: { ...orders, scope: 'a' } }, /unknown option "scope" in .*; did you mean scopes\?/],
      [{ [workload]: { clientId: 'a', scopes: 'read:inventory' } }, 'takes a list of scopes, got string'],
      [{ [workload]: { clientId: 'a', scopes: ['read write'] } }, 'takes scopes without spaces'],
      [{ [workload]: { clientId: 'a', scopes: new Array(1) } }, 'takes scopes without spaces'],
    ];
    for (const [workloads, message] of wrong) {
      const build = () => preset(workloads as Workloads); // as an application without types may write it
      expect(build).toThrow(TypeError);
      expect(build).toThrow(message);
    }
    for (const overrides of [{ clientIdClaim: 'sub' }, { scopeClaim: 'scope' }])
      expect(() => preset({ [workload]: orders }, overrides)).toThrow(
        'does not take clientIdClaim or scopeClaim when workloads is an object',
      );
  });

  it('still takes a list', { tags: ['ATP-17'] }, async () => {
    expect(await admit(preset([workload]), claims)).toMatch(/^(?!order-service)[^ ]+: /);
    for (const other of others) expect(await admit(preset([workload]), other)).toBe('not_an_access_token');
  });

  it('can be made stricter, not looser', { tags: ['ATP-17'] }, async () => {
    const no = preset({ [workload]: orders }, { isAccessToken: () => false });
    expect(await admit(no, claims)).toBe('not_an_access_token');
    const yes = preset({ [workload]: orders }, { isAccessToken: () => true });
    expect(await admit(yes, others[0] ?? {})).toBe('not_an_access_token');
    expect(await admit(yes, claims)).toMatch('order-service');
  });

  it('does not see later changes of what it was given', { tags: ['OPS-11'] }, async () => {
    const given = { [workload]: { clientId: 'order-service', scopes: ['read:inventory'] } };
    const issuer = preset(given);
    given[workload]?.scopes.push('admin');
    given[workload] = { clientId: 'admin', scopes: [] };
    expect(await admit(issuer, claims)).toBe('order-service: read:inventory');
  });
});

describe('the more specific name', () => {
  it('of a repository counts before its owner', { tags: ['ATP-13'] }, async () => {
    for (const workloads of [
      { 'acme/app': orders, 'acme/*': builds },
      { 'acme/*': builds, 'Acme/App': orders },
    ]) {
      const issuer = githubActions(workloads, keys);
      expect(await admit(issuer, { repository: 'acme/app' })).toMatch('order-service');
      expect(await admit(issuer, { repository: 'ACME/other' })).toMatch('builds');
      expect(await admit(issuer, { repository: 'acme2/app' })).toBe('not_an_access_token');
      expect(await admit(issuer, { repository: 'evil/acme' })).toBe('not_an_access_token');
    }
  });

  it('of an account is its id', { tags: ['ATP-13'] }, async () => {
    const issuer = google({ [EMAIL]: builds, [ACCOUNT]: orders }, keys);
    const claims = { azp: 'x', email: EMAIL, email_verified: true };
    expect(await admit(issuer, { ...claims, sub: ACCOUNT })).toMatch('order-service');
    expect(await admit(issuer, { ...claims, sub: '1' })).toMatch('builds');
  });

  it('has to be the only one in any case of letters', { tags: ['OPS-13'] }, () => {
    expect(() => githubActions({ 'acme/app': orders, 'Acme/App': builds })).toThrow('got Acme/App twice');
    const ids = { [APPLICATION]: orders, [APPLICATION.toLowerCase()]: builds };
    expect(() => entraWorkloads(TENANT, ids)).toThrow('twice');
  });
});

describe('any object of repositories', () => {
  const names = ['acme/app', 'acme/web', 'octo/app', 'acme/*', 'octo/*', 'constructor/*'];
  const repository = fc.oneof(
    fc.constantFrom(
      ...names,
      'ACME/App',
      'toString/__proto__',
      'constructor/x',
      '__proto__',
      'acme',
      'acme/',
    ),
    fc.string(),
  );
  const workload = fc.record({
    clientId: fc.constantFrom('a', 'b', 'constructor'),
    scopes: fc.subarray(['r', 'w', '__proto__']),
  });

  it('admits those that it names, as what it says', { tags: ['ATP-17', 'SCP-08', 'OPS-11'] }, async () => {
    const given = fc.dictionary(fc.constantFrom(...names), workload, { minKeys: 1 });
    await fc.assert(
      fc.asyncProperty(given, repository, async (workloads, name) => {
        const lower = name.toLowerCase();
        const own = Object.entries(workloads);
        const [, expected] =
          own.find(([one]) => one === lower) ?? own.find(([one]) => one === `${lower.split('/')[0]}/*`) ?? [];
        const outcome = await admit(githubActions(workloads, keys), { repository: name });
        expect(outcome).toBe(
          expected ? `${expected.clientId}: ${expected.scopes.join(' ')}` : 'not_an_access_token',
        );
      }),
      { numRuns: repeats(2000) },
    );
  });
});

describe('a function in clientIdClaim', () => {
  const issuer = { issuer: 'https://issuer.example.com', ...keys };
  const named = (clientIdClaim: unknown, more: object = {}): TrustedIssuer =>
    ({ ...issuer, ...more, clientIdClaim }) as TrustedIssuer; // as an application without types may write it

  it('names the client once per token, of claims that were verified', { tags: ['ATP-13'] }, async () => {
    const name = vi.fn((claims: Claims) => `svc:${claims.workload}`);
    const server = trust(named(name));
    const token = tokenOf(issuer, { workload: 'orders' });
    for (let count = 0; count < 3; count += 1)
      expect((await server.verify(token)).clientId).toBe('svc:orders');
    expect(name).toHaveBeenCalledTimes(1);
    expect(Object.isFrozen(name.mock.calls[0]?.[0])).toBe(true);
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    expect(await outcomeOf(server, forged)).toBe('signature_invalid');
    expect(await outcomeOf(server, tokenOf(issuer, { exp: NOW - 60 }))).toBe('expired');
    expect(await outcomeOf(server, tokenOf(issuer, { aud: 'https://other.example' }))).toBe('aud_mismatch');
    expect(await outcomeOf(server, tokenOf(issuer, { nonce: 'n' }))).toBe('not_an_access_token');
    expect(name).toHaveBeenCalledTimes(1);
  });

  it.each<[string, () => unknown, string?]>([
    ['nothing', () => undefined],
    ['an empty name', () => ''],
    ['null', () => null, 'object'],
    ['a number', () => 42, 'number'],
    ['a promise', async () => 'order-service', 'promise'],
    ['a rejection', () => Promise.reject(new Error('no')), 'promise'],
    [
      'an exception',
      () => {
        throw new RangeError('no');
      },
      'RangeError',
    ],
  ])('that returns %s lets nobody in', { tags: ['OPS-10', 'ATP-17'] }, async (_what, name, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    for (const more of [{}, { isAccessToken: () => true }])
      expect(await admit(named(name, more), { client_id: 'web', scope: 'read' })).toBe('not_an_access_token');
    const told = detail === undefined ? [] : [{ source: 'clientIdClaim', detail }];
    expect(warnings).toEqual([...told, ...told]);
  });

  it('is for one issuer', { tags: ['JWT-18'] }, async () => {
    const other = { issuer: 'https://other.example.com', ...keys };
    const server = createResourceServer({
      issuer: [named(() => 'mapped'), other],
      audience: API,
      clock: () => NOW * 1000,
    });
    expect((await server.verify(tokenOf(issuer, {}))).clientId).toBe('mapped');
    expect((await server.verify(tokenOf(other, { client_id: 'web' }))).clientId).toBe('web');
  });

  it('names the client of opaque tokens too', { tags: ['INT-13', 'ATP-17'] }, async () => {
    const answer = { active: true, aud: API, exp: NOW + 60, client_id: 'web', workload: 'orders' };
    const introspection = { endpoint: (token: string) => ({ ...answer, workload: token }) };
    const server = trust(
      named(({ workload }: Claims) => (workload === 'orders' ? 'order-service' : undefined), {
        introspection,
      }),
    );
    expect((await server.verify('orders')).clientId).toBe('order-service');
    expect(await outcomeOf(server, 'other')).toBe('not_an_access_token');
  });

  it("can't go with clientIds, which are read before anything is verified", { tags: ['ATP-20'] }, () => {
    expect(() => trust(named(() => 'a', { clientIds: ['a'] }))).toThrow(
      'option "issuer.clientIds" needs clientIdClaim to be the name of a claim, got a function',
    );
  });
});
