import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import {
  channels,
  type DecisionMessage,
  type IntrospectionFunctionOptions,
  type IntrospectionMessage,
  type TrustedIssuer,
} from '../../../src/index.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { IntrospectionVerifier } from '../../../src/verification/introspection.js';
import { activeClaims, EXPIRES, opaque } from '../../support/introspection.js';
import { listenTo } from '../../support/listen-to.js';
import { audience, type ProtectedApi, protect, tokenBy } from '../../support/protected-api.js';
import { simulateWeb } from '../../support/simulated-web.js';

const ISSUER = 'https://issuer.example.com';
const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000; // where the clock of a protected API starts
const key = await generateSigningKey('ES256', 'key-1');

interface AskedApi extends ProtectedApi {
  /** What the issuer was asked about. */
  readonly asked: readonly string[];
}

/** An API whose issuer says `answer` about every token. */
function ask(
  answer: object | ((token: string) => object | Promise<object>),
  introspection: Partial<IntrospectionFunctionOptions> = {},
  issuer: Partial<TrustedIssuer> = {},
  options: Partial<ResourceServerOptions> = {},
): AskedApi {
  const asked: string[] = [];
  const endpoint = (token: string) => {
    asked.push(token);
    return typeof answer === 'function' ? answer(token) : answer;
  };
  const trusted: TrustedIssuer = {
    issuer: ISSUER,
    jwks: { keys: [key.jwk] },
    introspection: { endpoint, ...introspection },
    ...issuer,
  };
  const api = protect({ fetch: simulateWeb({}).fetch, ...options, issuer: trusted });
  return Object.assign(api, { asked });
}

describe('what the issuer says', () => {
  it.each<[unknown, string]>([
    [true, '200'],
    [false, '401 token_inactive'],
    ['true', '503 introspection_unavailable'],
    [1, '503 introspection_unavailable'],
    [null, '503 introspection_unavailable'],
    [{}, '503 introspection_unavailable'],
    [undefined, '503 introspection_unavailable'],
  ])('decides by active: %j → %s', { tags: ['INT-04', 'INT-05', 'INT-06'] }, async (active, outcome) => {
    expect(await ask(activeClaims({ active })).get(opaque())).toBe(outcome);
  });

  it.each<[string, unknown]>([
    ['an array', [activeClaims()]],
    ['null', null],
    ['a string', 'active'],
    ['nothing', undefined],
    ['what is no JSON', { active: true, exp: 1n }],
    ['what inherits active', Object.create({ active: true })],
  ])('treats %s as no answer', { tags: ['INT-06'] }, async (_name, answer) => {
    expect(await ask(() => answer as object).get(opaque())).toBe('503 introspection_unavailable'); // wrong on purpose
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['expired long ago', { exp: NOW - 60 }, '401 expired'],
    ['expired within the tolerance', { exp: NOW - 4 }, '200'],
    ['expired by the tolerance', { exp: NOW - 5 }, '401 expired'],
    ['exp as a string', { exp: String(EXPIRES) }, '401 invalid_claim'],
    ['exp null', { exp: null }, '401 missing_claim'],
    ['exp infinite', { exp: Number.MAX_VALUE }, '401 invalid_claim'],
    ['no exp', { exp: undefined }, '401 missing_claim'],
    ['nbf in the future', { nbf: NOW + 6 }, '401 not_yet_valid'],
    ['nbf within the tolerance', { nbf: NOW + 5 }, '200'],
    ['iat in the future', { iat: NOW + 6 }, '401 issued_in_future'],
    ['iat within the tolerance', { iat: NOW + 5 }, '200'],
    ['iat as a string', { iat: '1' }, '401 invalid_claim'],
  ])('looks at dates itself: %s → %s', { tags: ['INT-08'] }, async (_name, claims, outcome) => {
    expect(await ask(activeClaims(claims)).get(opaque())).toBe(outcome);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['no issuer', {}, '200'],
    ['the issuer', { iss: ISSUER }, '200'],
    ['with a slash', { iss: `${ISSUER}/` }, '401 iss_mismatch'],
    ['another issuer', { iss: 'https://other.example.com' }, '401 iss_mismatch'],
    ['null', { iss: null }, '200'],
    ['an array', { iss: [ISSUER] }, '401 iss_mismatch'],
  ])("compares the issuer if it's named: %s → %s", { tags: ['INT-09'] }, async (_name, claims, outcome) => {
    expect(await ask(activeClaims(claims)).get(opaque())).toBe(outcome);
  });

  it.each<[string, unknown, string, string]>([
    ['this API', audience, '200', '200'],
    ['this API and another', ['https://other.example.com', audience], '200', '200'],
    ['another API', 'https://other.example.com', '401 aud_mismatch', '401 aud_mismatch'],
    ['a longer name', `${audience}/`, '401 aud_mismatch', '401 aud_mismatch'],
    ['nobody', undefined, '401 aud_mismatch', '200'],
    ['an empty list', [], '401 aud_mismatch', '200'],
    ['null', null, '401 aud_mismatch', '200'],
    ['an object', { [audience]: true }, '401 invalid_claim', '401 invalid_claim'],
    ['a list with a number', [audience, 1], '401 invalid_claim', '401 invalid_claim'],
  ])(
    'requires its audience: %s → %s, with mayBeAbsent %s',
    { tags: ['INT-10'] },
    async (_name, aud, outcome, relaxed) => {
      expect(await ask(activeClaims({ aud })).get(opaque())).toBe(outcome);
      expect(await ask(activeClaims({ aud }), { mayBeAbsent: ['aud'] }).get(opaque())).toBe(relaxed);
    },
  );

  it.each([
    ['aud', { exp: undefined }, '401 missing_claim'],
    ['exp', { aud: undefined }, '401 aud_mismatch'],
  ] as const)(
    'lets nothing else be absent than %s',
    { tags: ['INT-10'] },
    async (member, claims, outcome) => {
      expect(await ask(activeClaims(claims), { mayBeAbsent: [member] }).get(opaque())).toBe(outcome);
    },
  );

  it('takes no member from the prototype of every object', { tags: ['INT-04', 'OPS-11'] }, async () => {
    const api = ask({ client_id: 'order-service' });
    Object.defineProperty(Object.prototype, 'active', { value: true, configurable: true });
    try {
      expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    } finally {
      Reflect.deleteProperty(Object.prototype, 'active');
    }
  });

  it('says in diagnostics what an answer lacks, and what accepts it', { tags: ['INT-10'] }, async () => {
    const decisions = listenTo<DecisionMessage>(channels.decision);
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    await ask(activeClaims({ aud: undefined })).get(opaque());
    await ask(activeClaims({ exp: undefined })).get(opaque());
    expect(decisions.map(({ reason, hint }) => [reason, hint])).toEqual([
      [
        'aud_mismatch',
        'the introspection response has no "aud"; an issuer that sends none needs clientIds or mayBeAbsent',
      ],
      [
        'missing_claim',
        'the introspection response has no "exp"; an issuer that sends none needs mayBeAbsent',
      ],
    ]);
    const lenient = ask(activeClaims({ aud: undefined, exp: undefined }), { mayBeAbsent: ['aud', 'exp'] });
    expect(await lenient.get(opaque())).toBe('200');
    const absences = messages.filter(({ event }) => event !== 'answered');
    expect(absences).toEqual(
      ['aud', 'exp'].map((detail) => ({
        event: 'member_absent',
        issuer: ISSUER,
        reason: undefined,
        detail,
        seconds: undefined,
        durationSeconds: undefined,
      })),
    );
  });

  it('says nothing of the kind about a token that is refused after all', { tags: ['INT-10'] }, async () => {
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    const issuer = { clientIdClaim: () => undefined };
    const api = ask(activeClaims({ aud: undefined }), { mayBeAbsent: ['aud'] }, issuer);
    expect(await api.get(opaque())).toBe('401 not_an_access_token');
    expect(messages.map(({ event }) => event)).toEqual(['answered']);
  });

  it.each<[string, Record<string, unknown>, Partial<TrustedIssuer>]>([
    ['none', { aud: undefined }, {}],
    ['an empty list', { aud: [] }, {}],
    ['none, and the client under another name in its JWTs', { aud: undefined }, { clientIdClaim: 'azp' }],
  ])(
    'accepts answers without audience of listed clients: %s',
    { tags: ['INT-10'] },
    async (_name, claims, issuer) => {
      const get = (clientIds: readonly string[]) =>
        ask(activeClaims(claims), {}, { ...issuer, clientIds }).get(opaque());
      expect(await get(['order-service'])).toBe('200');
      expect(await get(['other-service'])).toBe('401 aud_mismatch');
    },
  );

  it.each<[string, Record<string, unknown>, string]>([
    ['none', {}, '200'],
    ['Bearer', { token_type: 'Bearer' }, '200'],
    ['bearer', { token_type: 'bearer' }, '200'],
    ['DPoP without key', { token_type: 'DPoP' }, '401 token_type_mismatch'],
    ['Bearer with key', { token_type: 'Bearer', cnf: { jkt: 'x' } }, '401 token_type_mismatch'],
    ['access_token, as the kind of token', { token_type: 'access_token' }, '200'],
    ['refresh_token', { token_type: 'refresh_token' }, '401 token_type_mismatch'],
    ['N_A', { token_type: 'N_A' }, '401 token_type_mismatch'],
    ['an array', { token_type: ['Bearer'] }, '401 token_type_mismatch'],
    ['null', { token_type: null }, '200'],
    ['the use access_token', { token_use: 'access_token' }, '200'],
    ['the use access', { token_use: 'access' }, '200'],
    ['the use refresh_token', { token_use: 'refresh_token' }, '401 not_an_access_token'],
    ['the use id', { token_use: 'id' }, '401 not_an_access_token'],
    ['the typ Bearer', { typ: 'Bearer' }, '200'],
    ['the typ Refresh', { typ: 'Refresh' }, '401 not_an_access_token'],
    ['the typ ID', { typ: 'ID' }, '401 not_an_access_token'],
  ])('refuses tokens of another type: %s → %s', { tags: ['INT-11'] }, async (_name, claims, outcome) => {
    expect(await ask(activeClaims(claims)).get(opaque())).toBe(outcome);
  });

  it.each([
    [
      'to a DPoP key',
      { token_type: 'DPoP', cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
      'dpop_downgrade',
    ],
    [
      'to a certificate',
      { cnf: { 'x5t#S256': 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0' } },
      'unsupported_confirmation',
    ],
    ['to nobody knows what', { cnf: { 'urn:example:method': 'x' } }, 'unsupported_confirmation'],
    ['to null', { cnf: null }, 'unsupported_confirmation'],
  ])(
    'refuses a token that is bound %s, also when it is remembered',
    { tags: ['INT-12'] },
    async (_name, claims, reason) => {
      const api = ask(activeClaims(claims));
      expect(await api.get(opaque())).toBe(`401 ${reason}`);
      expect(await api.get(opaque())).toBe(`401 ${reason}`);
      expect(api.asked).toHaveLength(1);
      await expect(api.server.verify(opaque())).rejects.toMatchObject({ status: 401 });
    },
  );

  it.each<[string, Record<string, unknown>, Partial<IntrospectionFunctionOptions>, readonly string[]]>([
    ['none', {}, {}, []],
    ['empty', { scope: '' }, {}, []],
    ['two', { scope: 'read:inventory write:orders' }, {}, ['read:inventory', 'write:orders']],
    ['repeated', { scope: 'a  b a' }, {}, ['a', 'b']],
    ['with commas', { scope: 'a,b' }, {}, ['a,b']],
    ['an array', { scope: ['a'] }, {}, []],
    ['an array where that was named', { scope: ['a'] }, { scopeClaim: 'scope' }, ['a']],
    ['a path', { realm_access: { roles: ['a'] } }, { scopeClaim: 'realm_access.roles' }, ['a']],
  ])('reads scopes like those of a JWT: %s', { tags: ['INT-13'] }, async (_name, claims, options, scopes) => {
    const auth = await ask(activeClaims(claims), options).server.verify(opaque());
    expect(auth.scopes).toEqual(scopes);
  });

  it('reads scopes from the claim for JWTs, and always names the client', {
    tags: ['INT-13'],
  }, async () => {
    const claims = activeClaims({ scope: 'a', scp: ['b'] });
    const issuer = { scopeClaim: 'scp', clientIdClaim: 'cid' };
    expect(await ask(claims, {}, issuer).server.verify(opaque())).toMatchObject({
      scopes: ['b'],
      clientId: 'order-service',
    });
    expect((await ask(claims, { scopeClaim: 'scope' }, issuer).server.verify(opaque())).scopes).toEqual([
      'a',
    ]);
  });
});

describe('who acts', () => {
  it('is in the answer', { tags: ['ATP-13'] }, async () => {
    const act = { sub: 'orders', act: { sub: 'shop' } };
    const auth = await ask(activeClaims({ act })).server.verify(opaque());
    expect(auth.actor).toEqual({ subject: 'orders', issuer: undefined, clientId: undefined });
    expect(auth.claims.act).toEqual(act);
    expect((await ask(activeClaims()).server.verify(opaque())).actor).toBeUndefined();
  });

  it.each([['orders'], [{}], [[{ sub: 'orders' }]], [{ sub: 42 }]])(
    'can be read, or the token is refused: %j',
    { tags: ['ATP-07'] },
    async (act) => {
      expect(await ask(activeClaims({ act })).get(opaque())).toBe('401 invalid_claim');
    },
  );
});

describe('what the application gets', () => {
  const personal = { username: 'jane.doe', email: 'jane@example.com', name: 'Jane Doe' };

  it('has only the members that it needs', { tags: ['INT-22'] }, async () => {
    const said = {
      scope: 'a',
      sub: 'u-1',
      iat: NOW,
      jti: 'j',
      acr: 'gold',
      authorization_details: [{ type: 'x' }],
    };
    const api = ask(activeClaims({ ...said, ...personal, tenant: 'acme' }), { claims: ['tenant'] });
    const auth = await api.server.verify(opaque());
    expect(auth.claims).toEqual({
      ...said,
      iss: ISSUER,
      aud: audience,
      client_id: 'order-service',
      exp: EXPIRES,
      tenant: 'acme',
    });
    expect(auth).toMatchObject({
      header: {},
      issuer: ISSUER,
      subject: 'u-1',
      clientId: 'order-service',
      audience: [audience],
      scopes: ['a'],
      expiresAt: EXPIRES,
      token: opaque(),
    });
  });

  it("doesn't find personal data or tokens in errors and diagnostics", {
    tags: ['INT-22', 'OPS-01', 'OPS-02'],
  }, async () => {
    const messages = [...Object.values(channels).map((channel) => listenTo<unknown>(channel))];
    const answers: object[] = [
      activeClaims({ ...personal, aud: 'https://other.example.com' }),
      activeClaims({ ...personal, active: 'yes' }),
      { ...personal, active: false },
      activeClaims({ ...personal, token_type: 'jane@example.com' }),
    ];
    for (const answer of answers) {
      const error: unknown = await ask(answer)
        .server.verify(opaque(7))
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      const shown = [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join();
      expect(shown).not.toMatch(/jane/i);
      expect(shown).not.toContain(opaque(7));
    }
    await ask(() => {
      throw Object.assign(new Error('jane@example.com'), { config: { data: opaque(7) } });
    })
      .server.verify(opaque(7))
      .catch((error: unknown) => expect(inspect(error, { depth: 9 })).not.toMatch(/jane|opaque-access/));
    expect(messages.flat().length).toBeGreaterThan(4);
    expect(inspect(messages, { depth: 9 })).not.toMatch(/jane|opaque-access/i);
  });

  it('is frozen, and not the object that the application gave', { tags: ['OPS-11'] }, async () => {
    const answer = activeClaims(JSON.parse('{"cnf2":1,"__proto__":{"polluted":true}}'));
    const { claims } = await ask(answer, { claims: ['cnf2', '__proto__'] }).server.verify(opaque());
    expect(Object.isFrozen(claims)).toBe(true);
    expect(Object.isFrozen(answer)).toBe(false);
    expect('polluted' in claims).toBe(false);
    expect(Object.hasOwn(claims, '__proto__')).toBe(true);
  });
});

describe('memory', () => {
  it('asks about a token once per cacheSeconds, and answers from memory', {
    tags: ['INT-14'],
  }, async () => {
    const api = ask(activeClaims(), { cacheSeconds: 10 });
    expect(await api.get(opaque())).toBe('200');
    api.step(9.999);
    expect(await api.get(opaque())).toBe('200');
    expect(api.asked).toHaveLength(1);
    api.step(0.001);
    expect(await api.get(opaque())).toBe('200');
    expect(api.asked).toHaveLength(2);
  });

  it('remembers for half a minute by default', { tags: ['INT-14'] }, async () => {
    const api = ask(activeClaims());
    await api.get(opaque());
    api.step(29);
    await api.get(opaque());
    expect(api.asked).toHaveLength(1);
    api.step(1);
    await api.get(opaque());
    expect(api.asked).toHaveLength(2);
  });

  it('never remembers beyond exp, whatever the tolerance', { tags: ['INT-14'] }, async () => {
    const answers = [activeClaims({ exp: NOW + 10 }), { active: false }];
    const api = ask(() => answers.shift() ?? { active: false });
    expect(await api.get(opaque())).toBe('200');
    api.step(9);
    expect(await api.get(opaque())).toBe('200');
    api.step(1);
    expect(await api.get(opaque())).toBe('401 token_inactive');
    expect(api.asked).toHaveLength(2);
  });

  it.each([
    ['cacheSeconds 0', { cacheSeconds: 0 }, {}],
    ['cache false', {}, { cache: false } as const],
  ])('asks each time with %s', { tags: ['INT-14'] }, async (_name, introspection, options) => {
    const api = ask(activeClaims(), introspection, {}, options);
    for (let time = 0; time < 3; time += 1) expect(await api.get(opaque())).toBe('200');
    expect(api.asked).toHaveLength(3);
  });

  it('sees at the next question that a token was revoked', { tags: ['INT-14'] }, async () => {
    let isRevoked = false;
    const api = ask(() => (isRevoked ? { active: false } : activeClaims()));
    expect(await api.get(opaque())).toBe('200');
    isRevoked = true;
    expect(await api.get(opaque())).toBe('200');
    api.step(30);
    expect(await api.get(opaque())).toBe('401 token_inactive');
  });

  it('tells tokens apart that differ in one character', { tags: ['INT-14', 'OPS-08'] }, async () => {
    const api = ask((token) => (token === opaque(1) ? activeClaims() : { active: false }));
    expect(await api.get(opaque(1))).toBe('200');
    expect(await api.get(opaque(2))).toBe('401 token_inactive');
    expect(await api.get(opaque(1).toUpperCase())).toBe('401 token_inactive');
    expect(await api.get(`${opaque(1)}=`)).toBe('401 token_inactive');
  });

  it('forgets what it knew when the clock was set back', { tags: ['INT-14', 'OPS-19'] }, async () => {
    const api = ask(activeClaims());
    await api.get(opaque());
    api.step(-60);
    await api.get(opaque());
    expect(api.asked).toHaveLength(2);
  });

  it('keeps no more tokens than cache.maxTokens', { tags: ['INT-14', 'OPS-07'] }, async () => {
    const api = ask(activeClaims(), {}, {}, { cache: { maxTokens: 2 } });
    for (const number of [1, 2, 3]) await api.get(opaque(number));
    await api.get(opaque(3));
    expect(api.asked).toHaveLength(3);
    await api.get(opaque(1));
    expect(api.asked).toHaveLength(4);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a long text', { sub: 'x'.repeat(100_000) }],
    ['many scopes', { scope: Array.from({ length: 5000 }, (_, index) => `s${index}`).join(' ') }],
  ])(
    'keeps nothing that takes more memory than it may: %s',
    { tags: ['INT-14', 'OPS-07'] },
    async (_name, claims) => {
      const api = ask(activeClaims(claims), {}, {}, { cache: { maxTokens: 10 } });
      await api.get(opaque());
      await api.get(opaque());
      expect(api.asked).toHaveLength(2);
    },
  );

  it('remembers a token without exp for cacheSeconds', async () => {
    const api = ask(activeClaims({ exp: undefined }), { mayBeAbsent: ['exp'], cacheSeconds: 20 });
    const auth = await api.server.verify(opaque());
    expect(auth.expiresAt).toBe(NOW + 20);
    expect(auth.claims.exp).toBe(NOW + 20);
    api.step(19);
    await api.get(opaque());
    expect(api.asked).toHaveLength(1);
    api.step(1);
    expect(await api.get(opaque())).toBe('200');
    expect(api.asked).toHaveLength(2);
  });

  it('accepts a token without exp even if nothing is remembered', async () => {
    const api = ask(
      activeClaims({ exp: undefined }),
      { mayBeAbsent: ['exp'], cacheSeconds: 0 },
      {},
      { clockToleranceSeconds: 0 },
    );
    expect(await api.get(opaque())).toBe('200');
    expect(await api.get(opaque())).toBe('200');
    expect(api.asked).toHaveLength(2);
  });

  it.each([
    ['inactive', { active: false }, '401 token_inactive'],
    ['for another API', activeClaims({ aud: 'https://other.example.com' }), '401 aud_mismatch'],
  ])('remembers for two seconds that a token is %s', { tags: ['INT-15'] }, async (_name, answer, outcome) => {
    const api = ask(answer);
    expect(await api.get(opaque())).toBe(outcome);
    api.step(1.9);
    expect(await api.get(opaque())).toBe(outcome);
    expect(api.asked).toHaveLength(1);
    api.step(0.1);
    expect(await api.get(opaque())).toBe(outcome);
    expect(api.asked).toHaveLength(2);
  });

  it('remembers no refusal with negativeCacheSeconds 0', { tags: ['INT-15'] }, async () => {
    const api = ask({ active: false }, { negativeCacheSeconds: 0 });
    await api.get(opaque());
    await api.get(opaque());
    expect(api.asked).toHaveLength(2);
  });

  it('never mistakes a failure for a refusal', { tags: ['INT-15'] }, async () => {
    let isDown = true;
    const api = ask(() => (isDown ? Promise.reject(new Error('down')) : activeClaims()));
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    isDown = false;
    expect(await api.get(opaque())).toBe('200');
  });

  it('remembers refusals apart from valid tokens, and a thousand at most', {
    tags: ['INT-15', 'OPS-07'],
  }, async () => {
    const good = opaque(-1);
    const api = ask(
      (token) => (token === good ? activeClaims() : { active: false }),
      {},
      {},
      { cache: { maxTokens: 1 } },
    );
    expect(await api.get(good)).toBe('200');
    for (let number = 0; number < 1001; number += 1) await api.get(opaque(number));
    expect(api.asked).toHaveLength(1002);
    await api.get(good);
    await api.get(opaque(1000));
    expect(api.asked).toHaveLength(1002);
    await api.get(opaque(0));
    expect(api.asked).toHaveLength(1003);
  });

  it.each([
    ['with memory', {}],
    ['without', { cache: false } as const],
  ])(
    'asks once for requests that come at the same time, %s',
    { tags: ['INT-16'] },
    async (_name, options) => {
      const api = ask(async () => activeClaims(), {}, {}, options);
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => api.get(opaque())));
      expect(new Set(outcomes)).toEqual(new Set(['200']));
      expect(api.asked).toHaveLength(1);
    },
  );

  /** By timers that the test moves on. */
  const answeredAfter = <T>(seconds: number, read: () => T): Promise<T> =>
    new Promise((resolve) => {
      setTimeout(() => resolve(read()), seconds * 1000);
    });
  const answerAfter = (seconds: number) => (): Promise<object> => answeredAfter(seconds, activeClaims);

  /** Moves clock and timers on together. */
  async function pass(api: ProtectedApi, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      api.step(1);
      await vi.advanceTimersByTimeAsync(1000);
    }
  }

  it.each<[string, number, Partial<ResourceServerOptions>]>([
    ['longer than ten seconds', 12, {}],
    ['nearly as long as it may', 29, {}],
    ['longer than ten seconds, and nothing is remembered', 12, { cache: false }],
  ])(
    'asks once, however long the issuer takes: %s',
    { tags: ['INT-16'] },
    async (_name, seconds, options) => {
      const api = ask(answerAfter(seconds), { timeoutSeconds: 30 }, {}, options);
      const outcomes = [api.get(opaque())];
      await pass(api, 1);
      outcomes.push(api.get(opaque()), api.get(opaque()));
      await pass(api, seconds - 1);
      expect(await Promise.all(outcomes)).toEqual(['200', '200', '200']);
      expect(api.asked).toHaveLength(1);
    },
  );

  it('asks once too if it waited for keys and for a slot first', { tags: ['INT-16', 'INT-17'] }, async () => {
    const slow = () => answeredAfter(4, () => ({ keys: [key.jwk] }));
    const api = ask(answerAfter(4), { tokens: ['opaque', 'jwt'] }, { jwks: slow });
    const token = tokenBy(key, ISSUER);
    const outcomes = [api.get(token), api.get(token)];
    await pass(api, 3);
    const others = Array.from({ length: 80 }, (_, number) => api.get(opaque(number))); // take the slots
    await pass(api, 8);
    expect(await Promise.all(outcomes)).toEqual(['200', '200']);
    expect(new Set(await Promise.all(others))).toEqual(new Set(['200']));
    expect(api.asked.filter((asked) => asked === token)).toHaveLength(1);
  });

  it("isn't asked for a request that waited in vain, if another was quicker", {
    tags: ['INT-16'],
  }, async () => {
    const api = ask(activeClaims());
    const verify = vi.spyOn(IntrospectionVerifier.prototype, 'verify');
    verify.mockReturnValueOnce(new Promise(() => undefined)); // lost, as on Workers with its request
    void api.get(opaque());
    const waiting = api.get(opaque());
    api.step(600);
    expect(await api.get(opaque())).toBe('200');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(await waiting).toBe('200');
    expect(api.asked).toHaveLength(1);
  });

  it('is over for all of them when the time limit is', { tags: ['INT-16'] }, async () => {
    const api = ask(answerAfter(31), { timeoutSeconds: 30 });
    const outcomes = [1, 2, 3].map(() => api.get(opaque()));
    await pass(api, 30);
    const failed = '503 introspection_unavailable';
    expect(await Promise.all(outcomes)).toEqual([failed, failed, failed]);
    expect(api.asked).toHaveLength(1);
  });

  it('asks an issuer once that a function named meanwhile', { tags: ['INT-16', 'JWT-18'] }, async () => {
    let asked = 0;
    const endpoint = () => {
      asked += 1;
      return answerAfter(25)();
    };
    const resolve = async (issuer: string): Promise<TrustedIssuer> => {
      await answerAfter(4)();
      const introspection = { endpoint, tokens: ['jwt'] as const, timeoutSeconds: 30 };
      return { issuer, jwks: { keys: [key.jwk] }, introspection };
    };
    const api = protect({ issuer: resolve });
    const token = tokenBy(key, ISSUER);
    const outcomes = [1, 2, 3].map(() => api.get(token));
    await pass(api, 29);
    expect(await Promise.all(outcomes)).toEqual(['200', '200', '200']);
    expect(asked).toBe(1);
  });

  it('gives each of them its own error', { tags: ['INT-16'] }, async () => {
    const api = ask(async () => ({ active: false }));
    const errors = await Promise.all(
      [1, 2].map(() => api.server.verify(opaque()).catch((error: unknown) => error)),
    );
    expect(errors[0]).toMatchObject({ reason: 'token_inactive' });
    expect(errors[0]).not.toBe(errors[1]);
    expect(api.asked).toHaveLength(1);
  });
});

describe('what is asked about', () => {
  const both = { tokens: ['opaque', 'jwt'] } as const;
  const keyless = { jwks: undefined } as object; // as if it weren't there
  const jwt = (claims: object = {}, header: object = {}) =>
    tokenBy(key, ISSUER, { ...header }, { ...claims });

  it.each<[string, string, string]>([
    ['empty', '', '401 malformed_token'],
    ['padding alone', '==', '401 malformed_token'],
    ['a space', 'two words', '401 malformed_token'],
    ['a quote', '"token"', '401 malformed_token'],
    ['a line end', 'token\r\nX-Injected: yes', '401 malformed_token'],
    ['an ampersand', 'token&client_id=other', '401 malformed_token'],
    ['other scripts', 'tøken', '401 malformed_token'],
    ['padding in the middle', 'to=ken', '401 malformed_token'],
    ['NUL', 'token\0', '401 malformed_token'],
    ['too long', 'x'.repeat(16_385), '401 token_too_large'],
  ])("doesn't ask about what can't be a token: %s", { tags: ['INT-18'] }, async (_name, token, outcome) => {
    const api = ask(activeClaims());
    const refusal: unknown = await api.server.verify(token).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 401 });
    expect(`401 ${(refusal as { reason: string }).reason}`).toBe(outcome); // it has the members of our errors
    expect(api.asked).toEqual([]);
  });

  it('asks about the longest token', { tags: ['INT-18'] }, async () => {
    expect(await ask(activeClaims()).get('x'.repeat(16_384))).toBe('200');
  });

  it('never asks about JWTs by default', { tags: ['INT-23'] }, async () => {
    const api = ask(activeClaims());
    expect(await api.get(jwt())).toBe('200');
    expect(await api.get(jwt({ exp: NOW - 60 }))).toBe('401 expired');
    expect(await api.get(jwt({ iss: 'https://other.example.com' }))).toBe('401 iss_mismatch');
    expect(await api.get(jwt({}, { kid: 'key-2' }))).toBe('401 no_matching_key');
    expect(await api.get(`${jwt().slice(0, -4)}AAAA`)).toBe('401 signature_invalid');
    expect(api.asked).toEqual([]);
  });

  it.each([
    ['two parts', 'eyJhbGciOiJub25lIn0.e30'],
    ['no signature', 'eyJhbGciOiJub25lIn0.e30.'],
    ['five parts, encrypted', 'eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIn0.a.b.c.d'],
    ['four parts', 'eyJhbGciOiJFUzI1NiJ9.e30.AA.AA'],
    ['header cut off', 'eyJhbGciOiJ.e30.AA'],
    ['white space in front', 'IAp7ImFsZyI6IkVTMjU2In0.e30.AA'],
    ['a byte order mark in front', '77u_eyJhbGciOiJFUzI1NiJ9.e30.AA'],
  ])('treats what looks like a JWT as one: %s', { tags: ['INT-23'] }, async (_name, token) => {
    for (const tokens of [['opaque'], ['opaque', 'jwt']] as const) {
      const api = ask(activeClaims(), { tokens });
      expect(await api.get(token)).toMatch(/^401 (malformed_token|alg_not_allowed|iss_mismatch)$/);
      expect(api.asked).toEqual([]);
    }
  });

  it.each([
    'ory_at_hBJ7lA0bcXJ7lA0bcXJ7.FqhVEWPuXdFW3QhHd0aBqQ',
    'glpat-LqgdXmmVdQVwQvPJ3fQx.01.0w1k9v3xq',
    'v2.local.QAxIpVe-ECVNI1z4xQbm_qQYomyT3h8FtV8bxkz8pBJWkT8f7HtlOpbroPDEZUKop_vaglyp76CzYy375cHmKCW8e1CCkV0Lflu4GTDyXMqQdpZMM1E6OaoQW27gaRSvWBrR3IgbFIa0AkuUFw.UGFyYWdvbiBJbml0aWF0aXZlIEVuZ2luZWVyaW5n',
    'e.e.e',
    'eyJ1bmRvdHRlZCI6dHJ1ZX0',
    'AQIC5wM2LY4SfczntBbXVEAoECbqMY3J4NW3byH6bwgkGE8~x+/=',
  ])('still treats a token with dots as opaque: %s', { tags: ['INT-23'] }, async (token) => {
    const api = ask(activeClaims());
    expect(await api.get(token)).toBe('200');
    expect(api.asked).toEqual([token]);
  });

  it("doesn't parse opaque tokens without introspection, and doesn't ask if the keys fail", {
    tags: ['INT-23'],
  }, async () => {
    const asked: string[] = [];
    const api = ask(
      (token) => {
        asked.push(token);
        return activeClaims();
      },
      {},
      { jwks: () => Promise.reject(new Error('down')) },
    );
    expect(await api.get(jwt())).toBe('503 jwks_unavailable');
    expect(asked).toEqual([]);
  });

  it('asks about opaque tokens only if the issuer is configured for them', {
    tags: ['INT-23'],
  }, async () => {
    const api = ask(activeClaims(), { tokens: ['jwt'] });
    expect(await api.get(opaque())).toBe('401 malformed_token');
    expect(await api.get(jwt())).toBe('200');
    expect(api.asked).toHaveLength(1);
  });

  it("asks about JWTs as well if that's configured, once the signature was checked", {
    tags: ['INT-23'],
  }, async () => {
    const trusting = ask(activeClaims({ scope: 'a' }), both);
    const stranger = await generateSigningKey('ES256', 'key-9');
    const sameName = await generateSigningKey('ES256', 'key-1');
    expect(await trusting.get(tokenBy(stranger, ISSUER))).toBe('401 no_matching_key');
    expect(await trusting.get(tokenBy(sameName, ISSUER))).toBe('401 signature_invalid');
    expect(await trusting.get(jwt({}, { alg: 'HS256' }))).toBe('401 alg_not_allowed');
    expect(trusting.asked).toEqual([]);
    const token = jwt();
    expect(await trusting.get(token)).toBe('200');
    expect(trusting.asked).toEqual([token]);
    const auth = await trusting.server.verify(token);
    expect(auth.header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' });
    expect(auth.scopes).toEqual(['a']);

    const refusing = ask({ active: false }, both);
    expect(await refusing.get(jwt())).toBe('401 token_inactive');
    const failing = ask(() => Promise.reject(new Error('down')), both);
    expect(await failing.get(jwt())).toBe('503 introspection_unavailable');
  });

  it.each<[string, object, object, string]>([
    ['of another issuer', { iss: 'https://other.example.com' }, {}, '401 iss_mismatch'],
    ['without issuer', { iss: undefined }, {}, '401 iss_mismatch'],
    ['expired', { exp: NOW - 60 }, {}, '401 expired'],
    ['an ID token', { nonce: 'n', aud: 'order-service' }, { typ: 'JWT' }, '401 not_an_access_token'],
    ['a DPoP proof', {}, { typ: 'dpop+jwt' }, '401 typ_mismatch'],
    ['an introspection response', {}, { typ: 'token-introspection+jwt' }, '401 typ_mismatch'],
    ['with an extension', {}, { crit: ['x'], x: 1 }, '401 crit_unsupported'],
    ['with a registered name as an extension', {}, { crit: ['exp'] }, '401 crit_unsupported'],
    ['with an empty list of extensions', {}, { crit: [] }, '401 crit_unsupported'],
    ['with extensions that are none', {}, { crit: null }, '401 crit_unsupported'],
    ['with unencoded claims', {}, { crit: ['b64'], b64: false }, '401 crit_unsupported'],
    ['with unencoded claims, not marked critical', {}, { b64: false }, '401 crit_unsupported'],
    ['without algorithm', {}, { alg: undefined }, '401 alg_not_allowed'],
    ['not signed', {}, { alg: 'none' }, '401 alg_not_allowed'],
    ['not signed, in other letters', {}, { alg: 'nOnE' }, '401 alg_not_allowed'],
  ])(
    "doesn't ask about a JWT that can't be valid: %s",
    { tags: ['INT-21', 'INT-23', 'JWT-02', 'JWT-15', 'JWT-16'] },
    async (_name, claims, header, outcome) => {
      const token = jwt(claims, header);
      const unreachable = () => Promise.reject(new Error('down'));
      for (const issuer of [{}, keyless, { jwks: unreachable }])
        for (const tokens of [['opaque', 'jwt'], ['jwt']] as const) {
          const api = ask(activeClaims(), { tokens }, issuer);
          for (const _time of ['first', 'again']) expect(await api.get(token)).toBe(outcome);
          expect(api.asked).toEqual([]);
          expect(await api.get(jwt())).toBe('200');
          expect(await api.get(token)).toBe(outcome);
          expect(api.asked).toHaveLength(1);
        }
    },
  );

  it('still asks about a JWT with encoded claims, or with an algorithm that only its issuer can check', {
    tags: ['INT-23'],
  }, async () => {
    expect(await ask(activeClaims(), both).get(jwt({}, { b64: true }))).toBe('200');
    expect(await ask(activeClaims(), both, keyless).get(jwt({}, { alg: 'HS256' }))).toBe('200');
  });

  it.each<[string, object, object]>([
    ['an extension', {}, { crit: ['x'] }],
    ['unencoded claims', {}, { b64: false }],
    ['another type', {}, { typ: 'dpop+jwt' }],
    ['an algorithm of shared keys', {}, { alg: 'HS256' }],
    ['no end', { exp: undefined }, {}],
    ['a date that is none', { nbf: 'soon' }, {}],
    ['a beginning in the future', { nbf: NOW + 60 }, {}],
    ['a time of issue in the future', { iat: NOW + 60 }, {}],
  ])(
    'gives the same answer whether the issuer was named before or not: a JWT with %s',
    { tags: ['INT-23', 'JWT-18'] },
    async (_name, claims, header) => {
      const endpoint = () => activeClaims({ nbf: NOW - 1, iat: NOW - 1 });
      // Without keys, only its answer counts.
      const resolve = (issuer: string): TrustedIssuer => ({
        issuer,
        introspection: { endpoint, tokens: ['jwt'] },
      });
      const api = protect({ issuer: resolve, fetch: simulateWeb({}).fetch });
      const token = jwt(claims, header);
      const before = await api.get(token);
      expect(before).toMatch(/^401 /);
      expect(await api.get(jwt())).toBe('200');
      expect(await api.get(token)).toBe(before);
    },
  );

  it.each<[string, object, Record<string, unknown>, string]>([
    ['of the client, for another API', { aud: 'https://other.example.com' }, {}, '401 aud_mismatch'],
    ['of the client, for this API', { aud: audience }, {}, '200'],
    ['of the client, for none', { aud: undefined }, {}, '200'],
    ['for another API, which the issuer corrects', { aud: 'urn:other' }, { aud: audience }, '200'],
  ])(
    'lets the clients in whose tokens need no audience, but not with another one: %s',
    { tags: ['INT-10', 'INT-23'] },
    async (_name, claims, said, outcome) => {
      const answer = activeClaims({ aud: undefined, ...said });
      expect(await ask(answer, both, { clientIds: ['order-service'] }).get(jwt(claims))).toBe(outcome);
    },
  );

  it.each(['exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])(
    "requires the profile's claims of a JWT that must follow it, in the token or in the answer: %s",
    { tags: ['ATP-06', 'INT-23'] },
    async (name) => {
      const profile = { sub: 'order-service', client_id: 'order-service', iat: NOW, jti: '1' };
      const { [name]: value, ...others } = { exp: EXPIRES, aud: audience, ...profile } as Record<
        string,
        unknown
      >;
      const strict = { tokenType: 'at+jwt' } as const;
      const lenient = { ...both, mayBeAbsent: ['aud'] } as const;
      const bare = { exp: undefined, aud: undefined, sub: undefined, client_id: undefined, ...others };
      const silent = { active: true, exp: EXPIRES, ...others };
      expect(await ask(silent, lenient, strict).get(jwt({ ...bare, [name]: value }))).toBe('200');
      expect(await ask({ ...silent, [name]: value }, lenient, strict).get(jwt(bare))).toBe('200');
      const outcome = await ask({ active: true, exp: EXPIRES }, lenient, strict).get(jwt(bare));
      expect(outcome).toBe(name === 'exp' ? '200' : '401 missing_claim'); // every answer has an end
      expect(await ask({ active: true, exp: EXPIRES }, lenient).get(jwt(bare))).toBe('200');
    },
  );

  it.each<[string, object, Record<string, unknown>, string]>([
    ['bound to a DPoP key', { cnf: { jkt: 'x' } }, {}, '401 dpop_downgrade'],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }, {}, '401 unsupported_confirmation'],
    ['for another API', { aud: 'https://other.example.com' }, { aud: undefined }, '401 aud_mismatch'],
    ['for this API', { aud: audience }, { aud: undefined }, '200'],
    ['without audience', { aud: undefined }, { aud: undefined }, '200'],
    ['not valid yet', { nbf: NOW + 60 }, {}, '401 not_yet_valid'],
    ['with a date that is none', { nbf: 'soon' }, {}, '401 invalid_claim'],
    ["with an actor that can't be read", { act: 'orders' }, {}, '401 invalid_claim'],
  ])(
    'believes what a JWT says against itself if the issuer leaves it out: %s',
    { tags: ['INT-12', 'INT-23'] },
    async (_name, claims, said, outcome) => {
      const api = ask(activeClaims(said), { ...both, mayBeAbsent: ['aud'] });
      expect(await api.get(jwt(claims))).toBe(outcome);
      expect(api.asked).toHaveLength(1);
    },
  );

  it('remembers a JWT no longer than to its own end', { tags: ['INT-14', 'INT-23'] }, async () => {
    const api = ask(activeClaims({ exp: undefined }), { ...both, mayBeAbsent: ['exp'], cacheSeconds: 3600 });
    const token = jwt({ exp: NOW + 10 });
    expect((await api.server.verify(token)).expiresAt).toBe(NOW + 10);
    api.step(9);
    expect(await api.get(token)).toBe('200');
    expect(api.asked).toHaveLength(1);
    api.step(7); // past the tolerance
    expect(await api.get(token)).toBe('401 expired');
  });

  it('refuses an introspection response that is sent as an access token', { tags: ['INT-21'] }, async () => {
    const api = ask(activeClaims());
    const response = jwt(
      { token_introspection: activeClaims(), exp: undefined },
      { typ: 'token-introspection+jwt' },
    );
    expect(await api.get(response)).toBe('401 typ_mismatch');
    expect(await api.get(jwt({}, { typ: 'application/Token-Introspection+JWT' }))).toBe('401 typ_mismatch');
    expect(api.asked).toEqual([]);
  });

  it("doesn't lose who acts if only the JWT says so", { tags: ['INT-12', 'INT-23'] }, async () => {
    const acting = jwt({ act: { sub: 'orders' } });
    const silent = ask(activeClaims(), both);
    expect((await silent.server.verify(acting)).actor).toMatchObject({ subject: 'orders' });
    const other = ask(activeClaims({ act: { sub: 'shop' } }), both);
    expect((await other.server.verify(acting)).actor).toMatchObject({ subject: 'shop' });
  });

  it('lets the own rule of an issuer decide about its JWTs, after it was asked', async () => {
    const seen: unknown[] = [];
    const rule = (header: object, claims: object) => {
      seen.push(header, claims);
      return 'kind' in claims && claims.kind === 'access';
    };
    const api = ask(activeClaims(), both, { isAccessToken: rule });
    expect(await api.get(jwt({ kind: 'access' }))).toBe('200');
    expect(await api.get(jwt({ kind: 'other' }))).toBe('401 not_an_access_token');
    expect(api.asked).toHaveLength(2);
    expect(seen).toHaveLength(4);
    expect(await api.get(opaque())).toBe('200');
    expect(seen).toHaveLength(4);
  });

  it('sends each token to the issuer that it is for, and to no other', { tags: ['INT-23'] }, async () => {
    const asked: string[] = [];
    const endpointOf = (name: string) => (token: string) => {
      asked.push(name);
      return { ...activeClaims(), jti: token };
    };
    const one: TrustedIssuer = { issuer: ISSUER, introspection: { endpoint: endpointOf('one') } };
    const other: TrustedIssuer = {
      issuer: 'https://other.example.com',
      introspection: { endpoint: endpointOf('other'), tokens: ['jwt'] },
    };
    const api = protect({ issuer: [{ ...one, jwks: { keys: [key.jwk] } }, other] });
    expect(await api.get(opaque())).toBe('200');
    expect(await api.get(tokenBy(key, 'https://other.example.com'))).toBe('200');
    expect(await api.get(tokenBy(key, ISSUER))).toBe('200');
    expect(asked).toEqual(['one', 'other']);
  });
});
