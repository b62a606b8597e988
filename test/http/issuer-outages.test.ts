import { beforeAll, describe, expect, it, vi } from 'vitest';
import { unsignedJws } from '../../src/testing/forged-jws.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import {
  type Behaviour,
  body,
  drip,
  hang,
  hangInBody,
  json,
  type MisbehavingIssuer,
  paths,
  redirect,
  reset,
  startMisbehavingIssuer,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { audience, type ProtectedApi, protect, tokenBy } from '../support/protected-api.js';
import { simulateWeb } from '../support/simulated-web.js';

const DAY = 86_400;
let key: SigningKey;
let next: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
  next = await generateSigningKey('ES256', 'key-2');
});

interface Scene {
  readonly issuer: MisbehavingIssuer;
  readonly api: ProtectedApi;
  /** By a published key. */
  readonly token: string;
  /** By a key that is not published yet. */
  readonly newToken: string;
}

/**
 * An API that has used its issuer's keys once, which are fetched from `jwksUri` so that every refresh is one
 * request.
 */
async function warm(keys = {}): Promise<Scene> {
  const scene = await cold(keys);
  expect(await scene.api.get(scene.token)).toBe('200');
  return scene;
}

async function cold(keys = {}): Promise<Scene> {
  const issuer = await startMisbehavingIssuer();
  issuer.publish([key.jwk]);
  const api = protect({ issuer: { issuer: issuer.url, jwksUri: `${issuer.url}${paths.jwks}` }, keys });
  return { issuer, api, token: tokenBy(key, issuer.url), newToken: tokenBy(next, issuer.url) };
}

/** A token with an invented key id. Its signature is no signature: nobody looks at it. */
function unknownKid(issuer: string, kid: unknown): string {
  const claims = { iss: issuer, aud: audience, client_id: 'attacker', exp: 4_102_444_800 };
  return unsignedJws({ alg: 'ES256', typ: 'at+jwt', kid }, claims, new Uint8Array(64));
}

/** Answers well that it has no keys: that's believed once the keys are as old as they may be. */
const withdrawals: readonly (readonly [string, Behaviour])[] = [
  ['answers 410', status(410)],
  ['has an empty set', json({ keys: [] })],
  ['has only unusable keys', json({ keys: [{ kty: 'unheard-of', kid: 'key-1' }, null, 7, { kty: 'EC' }] })],
  ['has only symmetric keys', json({ keys: [{ kty: 'oct', kid: 'key-1', k: 'c2VjcmV0' }] })],
];

const outages: readonly (readonly [string, Behaviour])[] = [
  ['answers 404', status(404)],
  ['answers 500', status(500)],
  ['answers 429', status(429)],
  ['redirects to a login page', redirect(302, '/login')],
  ['answers with HTML', body('<!doctype html>', { 'Content-Type': 'text/html' })],
  ['answers with something else', json({ error: 'maintenance' })],
  [
    'has 501 keys',
    json({ keys: Array.from({ length: 501 }, (_, index) => ({ kty: 'EC', kid: `${index}` })) }),
  ],
  ['resets connections', reset],
  ['breaks off', truncated('{"keys":')],
];

describe.each(withdrawals)('an issuer that %s', (_how, answer) => {
  it('ends the life of its keys with their age', { tags: ['KEY-15'] }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, answer);
    api.step(599);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);
    api.step(1);
    expect(await api.get(token)).toMatch(/^503 jwks_/);
    issuer.publish([key.jwk]);
    api.step(30);
    expect(await api.get(token)).toBe('200');
  });
});

describe.each(outages)('an issuer that %s', (_how, outage) => {
  it('does no harm while the last good keys may serve, and then 503', {
    tags: ['KEY-15', 'KEY-17'],
  }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, outage);

    api.step(600);
    expect(await api.get(token)).toBe('200');
    api.step(DAY - 1);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(3);
    api.step(1);
    expect(await api.get(token)).toMatch(/^503 jwks_/);
  });
});

describe.each([...outages, ...withdrawals])('while it lasts: an issuer that %s', (_how, outage) => {
  it('answers 503, not 401, to an unknown key', {
    tags: ['KEY-15', 'KEY-24', 'OPS-10'],
  }, async () => {
    const { issuer, api, token, newToken } = await warm();
    issuer.script(paths.jwks, outage);

    expect(await api.get(newToken)).toMatch(/^503 jwks_/);
    expect(await api.get(unknownKid(issuer.url, 'other'))).toMatch(/^503 jwks_/);
    expect(await api.get(token)).toBe('200');
  });

  it('makes a cold API answer 503, and 200 when it is over', { tags: ['KEY-24'] }, async () => {
    const { issuer, api, token } = await cold();
    issuer.script(paths.jwks, outage);
    expect(await api.get(token)).toMatch(/^503 jwks_/);
    await expect(api.server.ready()).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });

    issuer.publish([key.jwk]);
    api.step(1);
    expect(await api.get(token)).toBe('200');
    await expect(api.server.ready()).resolves.toBeUndefined();
  });

  it('is asked again after 0.05, 0.1, 0.2, 1, 2, 4, 8, 16 and 30 seconds', { tags: ['KEY-14'] }, async () => {
    const { issuer, api, token } = await cold();
    issuer.script(paths.jwks, outage);
    // The channel also carries what servers of other tests in this process still do.
    const failures = () =>
      api.events.filter((message) => message.event === 'failed' && message.issuer === issuer.url).length;
    const askedAt: number[] = [];
    for (let step = 0; step < 620; step += 1) {
      const before = failures();
      for (let request = 0; request < 2; request += 1) expect(await api.get(token)).toMatch(/^503 jwks_/);
      const after = failures();
      for (let refresh = before; refresh < after; refresh += 1) askedAt.push(step / 10);
      api.step(0.1);
    }
    // Seen in steps of a tenth of a second.
    expect(askedAt).toEqual([0, 0.1, 0.2, 0.4, 1.4, 3.4, 7.4, 15.4, 31.4, 61.4]);
  });
});

describe('unknown key ids', () => {
  it('cause one refresh, which finds a key that was added', { tags: ['KEY-13'] }, async () => {
    const { issuer, api, token, newToken } = await warm();
    issuer.publish([key.jwk, next.jwk]);

    expect(await api.get(newToken)).toBe('200');
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(2);
  });

  it.each<[string, Behaviour, string]>([
    ['succeeds', (response) => json({ keys: [key.jwk] })(response), '401 no_matching_key'],
    ['fails', status(500), '503 jwks_unavailable'],
  ])(
    'cause no refresh for 30 seconds after one that %s',
    { tags: ['KEY-13'] },
    async (_how, behaviour, answer) => {
      const { issuer, api } = await warm();
      issuer.script(paths.jwks, behaviour);
      for (let second = 0; second < 30; second += 1) {
        expect(await api.get(unknownKid(issuer.url, `kid-${second}`))).toBe(answer);
        expect(issuer.count(paths.jwks)).toBe(2);
        api.step(1);
      }
      await api.get(unknownKid(issuer.url, 'one-more'));
      expect(issuer.count(paths.jwks)).toBe(3);
    },
  );

  it("cause one fetch in ten thousand requests, and don't touch the known keys", {
    tags: ['KEY-13', 'OPS-14'],
  }, async () => {
    const { issuer, api, token } = await warm();
    const flood = Array.from({ length: 10_000 }, (_, index) =>
      api.get(unknownKid(issuer.url, `kid-${index}`)),
    );

    expect(await api.get(token)).toBe('200');
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['401 no_matching_key']));
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(2);
  });

  it("don't delay requests with known keys while the refresh hangs", {
    tags: ['KEY-13'],
  }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, hang);
    const flood = Array.from({ length: 10_000 }, (_, index) =>
      api.get(unknownKid(issuer.url, `kid-${index}`)),
    );
    await issuer.reached(paths.jwks, 2);

    for (let request = 0; request < 50; request += 1) expect(await api.get(token)).toBe('200');
    expect(api.events.map(({ event }) => event)).toEqual(['loaded']); // still hanging
    vi.advanceTimersByTime(5_000);
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['503 jwks_unavailable']));
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(2);
  });

  it.each([[7], [null], [['key-1']], [{}], ['x'.repeat(600)]])(
    "cause no fetch if they can't be one: %j",
    { tags: ['KEY-13'] },
    async (kid) => {
      const { issuer, api } = await warm();
      expect(await api.get(unknownKid(issuer.url, kid))).toBe('401 no_matching_key');
      expect(issuer.count(paths.jwks)).toBe(1);
    },
  );

  it.each(['__proto__', 'constructor', 'toString', ''])(
    'may be named "%s"',
    { tags: ['KEY-13'] },
    async (kid) => {
      const { issuer, api } = await warm();
      expect(await api.get(unknownKid(issuer.url, kid))).toBe('401 no_matching_key');

      issuer.publish([{ ...key.jwk, kid }]);
      api.step(600);
      expect(await api.get(tokenBy(key, issuer.url, { kid }))).toBe('200');
    },
  );
});

describe('an issuer that hangs', () => {
  const stalls: readonly (readonly [string, Behaviour])[] = [
    ['before the header', hang],
    ['in the body', hangInBody('{"keys":[')],
    ['and drips', drip],
  ];

  it.each(stalls)(
    'makes only the first request with stale keys wait: %s',
    { tags: ['KEY-08', 'KEY-15'] },
    async (_where, stall) => {
      const { issuer, api, token } = await warm();
      issuer.script(paths.jwks, stall);
      api.step(600);
      const first = api.get(token);
      await issuer.reached(paths.jwks, 2);
      vi.advanceTimersByTime(5_000);
      expect(await first).toBe('200');

      for (let minute = 0; minute < 10; minute += 1) {
        api.step(60);
        expect(await api.get(token)).toBe('200'); // a refresh hangs meanwhile, and no timer ends it
        await issuer.reached(paths.jwks, 3);
      }
      expect(issuer.count(paths.jwks)).toBe(3);
    },
  );

  it('does so on the real clock too', { tags: ['KEY-08'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    const jwksUri = `${issuer.url}${paths.jwks}`;
    const short = { timeoutSeconds: 0.05 };
    const api = protect({ issuer: { issuer: issuer.url, jwksUri, keys: short } }, { realTimers: true });
    issuer.script(paths.jwks, hang);

    expect(await api.get(tokenBy(key, issuer.url))).toBe('503 jwks_unavailable');
  });
});

describe('background refresh', () => {
  it('renews keys from four fifths of their age on, while requests are answered at once', {
    tags: ['KEY-11'],
  }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, hang);
    api.step(479);
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(1);
    api.step(1);
    for (let request = 0; request < 20; request += 1) expect(await api.get(token)).toBe('200');
    await issuer.reached(paths.jwks, 2);
    expect(issuer.count(paths.jwks)).toBe(2);
    expect(api.events).toHaveLength(1);
  });

  it('applies what it finds', { tags: ['KEY-11', 'KEY-16'] }, async () => {
    const { issuer, api, token, newToken } = await warm();
    issuer.publish([next.jwk]);
    api.step(480);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);
    expect(await api.get(newToken)).toBe('200');
    expect(await api.get(token)).toBe('401 no_matching_key');
  });

  it('backs off when it fails, and starts again when the issuer is back', { tags: ['KEY-14'] }, async () => {
    const { issuer, api, token, newToken } = await warm();
    issuer.script(paths.jwks, status(503));
    api.step(480);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);
    for (let request = 0; request < 20; request += 1) expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(2);

    issuer.publish([key.jwk, next.jwk]);
    api.step(1);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(3);
    expect(await api.get(newToken)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(3);
  });
});

describe('a long outage', () => {
  it('ends the keys with their age if staleIfErrorSeconds is 0', { tags: ['KEY-15'] }, async () => {
    const { issuer, api, token } = await warm({ staleIfErrorSeconds: 0 });
    issuer.script(paths.jwks, status(503));
    api.step(599);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);
    api.step(1);
    expect(await api.get(token)).toBe('503 jwks_unavailable');
  });

  it('ends with the first answer of the issuer, without a restart', {
    tags: ['KEY-15', 'KEY-24'],
  }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, status(503));
    for (let hour = 0; hour < 30; hour += 1) {
      api.step(3_600);
      expect(await api.get(token)).toMatch(hour < 24 ? /^200$/ : /^503 jwks_unavailable$/);
      await api.refreshes(hour + 2);
    }
    issuer.publish([next.jwk]);
    api.step(30);
    expect(await api.get(tokenBy(next, issuer.url))).toBe('200');
    expect(await api.get(token)).toBe('401 no_matching_key');
  });

  it("ends the keys from before it if the issuer wasn't asked for a long time", {
    tags: ['KEY-16'],
  }, async () => {
    const { issuer, api, token } = await warm();
    issuer.script(paths.jwks, status(503));
    api.step(480);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);

    issuer.publish([next.jwk]); // key-1 is withdrawn, and nobody calls the API for hours
    api.step(10 * 3_600);
    expect(await api.get(token)).toBe('401 no_matching_key');
  });

  it('is not made endless by a clock that is set back', { tags: ['KEY-24'] }, async () => {
    const { issuer, api, token } = await cold();
    issuer.script(paths.jwks, status(503));
    expect(await api.get(token)).toBe('503 jwks_unavailable');

    issuer.publish([key.jwk]);
    api.step(-365 * DAY);
    expect(await api.get(token)).toBe('200');
  });
});

describe('an issuer whose every other answer fails', () => {
  it.each([
    ['jwksUri', (url: string) => ({ issuer: url, jwksUri: `${url}${paths.jwks}` })],
    ['discovery', (url: string) => ({ issuer: url })],
    ['metadataUrl', (url: string) => ({ issuer: url, metadataUrl: `${url}${paths.oauth}` })],
  ])('refuses few requests of the first two seconds: %s', { tags: ['KEY-14'] }, async (_, issuerOf) => {
    for (const first of [0, 1]) {
      const issuer = await startMisbehavingIssuer();
      issuer.publish([key.jwk]);
      let answers = first;
      issuer.interrupt(() => (answers++ % 2 === 0 ? status(503) : undefined));
      const api = protect({ issuer: issuerOf(issuer.url) });
      const token = tokenBy(key, issuer.url);
      let accepted = 0;
      for (let request = 0; request < 100; request += 1) {
        if ((await api.get(token)) === '200') accepted += 1;
        api.step(0.02);
      }
      expect(accepted).toBeGreaterThanOrEqual(80);
    }
  });

  it.each([
    ['at the root', ''],
    ['below a path', '/tenants/1'],
  ])(
    'is asked at most ten times in three seconds of an outage: %s',
    { tags: ['KEY-14'] },
    async (_, path) => {
      const issuer = await startMisbehavingIssuer();
      let asked = 0;
      issuer.interrupt(() => {
        asked += 1;
        return status(503);
      });
      const identifier = `${issuer.url}${path}`;
      const api = protect({ issuer: identifier });
      for (let request = 0; request < 150; request += 1) {
        expect(await api.get(tokenBy(key, identifier))).toMatch(/^503/);
        api.step(0.02);
      }
      expect(asked).toBeLessThanOrEqual(10);
      expect(asked).toBeGreaterThanOrEqual(5);
    },
  );

  it('is found at its last location if the others are out of order for good', {
    tags: ['KEY-14'],
  }, async () => {
    const web = simulateWeb({
      'https://sso.example.com/.well-known/oauth-authorization-server/t1': () =>
        new Response(null, { status: 500 }),
      'https://sso.example.com/.well-known/openid-configuration/t1': () =>
        new Response(null, { status: 500 }),
      'https://sso.example.com/t1/.well-known/openid-configuration': () =>
        web.visited.length < 4
          ? new Response(null, { status: 503 })
          : Response.json({ issuer: 'https://sso.example.com/t1', jwks_uri: 'https://sso.example.com/keys' }),
      'https://sso.example.com/keys': { keys: [key.jwk] },
    });
    const api = protect({ issuer: 'https://sso.example.com/t1', fetch: web.fetch });
    const token = tokenBy(key, 'https://sso.example.com/t1');
    const outcomes: string[] = [];
    for (let step = 0; step < 8; step += 1) {
      outcomes.push(await api.get(token));
      api.step(0.1);
    }
    expect(outcomes.at(-1)).toBe('200');
  });
});

describe('an issuer found by discovery', () => {
  async function discovered(): Promise<Scene> {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    const api = protect({ issuer: issuer.url });
    const token = tokenBy(key, issuer.url);
    expect(await api.get(token)).toBe('200');
    return { issuer, api, token, newToken: tokenBy(next, issuer.url) };
  }

  it('is asked for its metadata again when that is as old as keys may be', { tags: ['KEY-11'] }, async () => {
    const { issuer, api, token } = await discovered();
    api.step(599);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(2);
    expect(issuer.count(paths.oauth)).toBe(1);
    api.step(600);
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.oauth)).toBe(2);
    expect(issuer.count(paths.jwks)).toBe(3);
  });

  it.each<[string, Behaviour]>([
    ['answers 503', status(503)],
    ['answers with HTML', body('<!doctype html>')],
    ['breaks connections', reset],
    ['redirects', redirect(302, '/elsewhere')],
  ])(
    'keeps its keys up to date if its metadata endpoint %s later on',
    { tags: ['KEY-15'] },
    async (_how, outage) => {
      const { issuer, api, token, newToken } = await discovered();
      issuer.script(paths.oauth, outage);
      issuer.script(paths.jwks, json({ keys: [next.jwk] }));
      api.step(600);

      expect(await api.get(newToken)).toBe('200');
      expect(await api.get(token)).toBe('401 no_matching_key');
    },
  );

  it('keeps the keys it has, and fetches no more by it, once its metadata names another issuer', {
    tags: ['KEY-01', 'KEY-15'],
  }, async () => {
    const { issuer, api, token, newToken } = await discovered();
    const foreign = { issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/jwks' };
    issuer.script(paths.oauth, json(foreign));
    issuer.script(paths.jwks, status(404));
    api.step(600);
    expect(await api.get(token)).toBe('200');
    expect(await api.get(newToken)).toBe('503 issuer_mismatch');

    issuer.script(paths.jwks, json({ keys: [next.jwk] }));
    const fetched = issuer.count(paths.jwks);
    api.step(60);
    expect(await api.get(newToken)).toBe('503 issuer_mismatch');
    expect(issuer.count(paths.jwks)).toBe(fetched);
  });

  it.each([
    ['before the header', hang],
    ['in the body', hangInBody('{')],
  ])(
    'keeps its keys up to date if its metadata endpoint hangs %s later on',
    { tags: ['KEY-15'] },
    async (_where, stall) => {
      const { issuer, api, newToken } = await discovered();
      issuer.script(paths.oauth, stall);
      issuer.script(paths.jwks, json({ keys: [next.jwk] }));
      api.step(600);
      const request = api.get(newToken);

      await issuer.reached(paths.oauth, 2);
      vi.advanceTimersByTime(4_999); // less than the time limit of the whole
      expect(await request).toBe('200');
    },
  );

  it.each([
    ['before the header', hang],
    ['in the body', hangInBody('{"issuer":')],
    ['and drips', drip],
  ])(
    'is found at the next location if the first one hangs %s',
    { tags: ['KEY-05'] },
    async (_where, stall) => {
      const issuer = await startMisbehavingIssuer();
      issuer.publish([key.jwk]);
      issuer.script(paths.openid, json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` }));
      issuer.script(paths.oauth, stall);
      const api = protect({ issuer: issuer.url });
      const request = api.get(tokenBy(key, issuer.url));

      await issuer.reached(paths.oauth, 1);
      vi.advanceTimersByTime(1_700); // a third of the time limit
      expect(await request).toBe('200');
    },
  );

  it('is waited for if its first location is slow and there is no other', {
    tags: ['KEY-05'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    let answer: (() => void) | undefined;
    issuer.script(paths.oauth, (response) => {
      answer = () => json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` })(response);
    });
    const api = protect({ issuer: issuer.url });
    const request = api.get(tokenBy(key, issuer.url));

    await issuer.reached(paths.oauth, 1);
    vi.advanceTimersByTime(1_700);
    await issuer.reached(paths.openid, 1);
    answer?.();
    expect(await request).toBe('200');
  });

  it("keeps its keys no longer than old keys serve if its metadata can't be renewed", {
    tags: ['KEY-15'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    const api = protect({ issuer: issuer.url, keys: { staleIfErrorSeconds: 1200 } });
    const token = tokenBy(key, issuer.url);
    expect(await api.get(token)).toBe('200');
    issuer.script(paths.oauth, json({ issuer: 'https://other.example.com', jwks_uri: `${issuer.url}/jwks` }));
    const outcomes: string[] = [];
    for (let minute = 10; minute <= 50; minute += 10) {
      api.step(600);
      outcomes.push(await api.get(token));
    }
    // The metadata serves for 30 minutes, and keys that are fetched with it serve on; when the renewal in the
    // background is through decides about the fourth.
    expect(outcomes.slice(0, 3)).toEqual(['200', '200', '200']);
    expect(outcomes.at(-1)).toBe('503 issuer_mismatch');
  });

  it('keeps its keys if its metadata move them to a bad address', {
    tags: ['KEY-01'],
  }, async () => {
    const { issuer, api, newToken } = await discovered();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: 'http://169.254.169.254/latest/' }));
    issuer.script(paths.jwks, json({ keys: [next.jwk] }));
    api.step(600);

    expect(await api.get(newToken)).toBe('200');
  });

  it('is looked up again if the old address of its keys is gone', { tags: ['KEY-15'] }, async () => {
    const { issuer, api, token, newToken } = await discovered();
    issuer.script(paths.jwks, status(404));
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` }));
    issuer.script('/moved', json({ keys: [key.jwk, next.jwk] }));
    api.step(599);
    expect(await api.get(token)).toBe('200'); // and renews the keys in the background
    await api.refreshes(2);
    expect(await api.get(newToken)).toBe('200');
    expect(issuer.requests.slice(2).map(({ path }) => path)).toEqual([paths.jwks, paths.oauth, '/moved']);
  });

  it('is looked up again for an unknown key, while the old address of its keys has only the old ones', {
    tags: ['KEY-13'],
  }, async () => {
    const { issuer, api, token, newToken } = await discovered();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` }));
    issuer.script('/moved', json({ keys: [key.jwk, next.jwk] }));
    expect(await api.get(newToken)).toBe('200');
    expect(await api.get(token)).toBe('200');
    expect(issuer.requests.slice(2).map(({ path }) => path)).toEqual([paths.oauth, '/moved']);
    for (const kid of ['a', 'b'])
      expect(await api.get(unknownKid(issuer.url, kid))).toBe('401 no_matching_key');
    expect(issuer.requests).toHaveLength(4);
  });

  it('is looked up again for an unknown key at once if its keys are old, too', {
    tags: ['KEY-13'],
  }, async () => {
    const { issuer, api, newToken } = await discovered();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` }));
    issuer.script('/moved', json({ keys: [key.jwk, next.jwk] }));
    api.step(601);
    expect(await api.get(newToken)).toBe('200');
  });

  it('is looked up again at once if an old key has only the name of the one that signed', {
    tags: ['KEY-13'],
  }, async () => {
    const { issuer, api } = await discovered();
    const renamed = await generateSigningKey('RS256', 'key-1');
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` }));
    issuer.script('/moved', json({ keys: [renamed.jwk] }));
    api.step(601);
    expect(await api.get(tokenBy(renamed, issuer.url))).toBe('200');
  });

  it('is looked up again if the old address of its keys hangs', { tags: ['KEY-15'] }, async () => {
    const { issuer, api, token, newToken } = await discovered();
    issuer.script(paths.jwks, hang);
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` }));
    issuer.script('/moved', json({ keys: [key.jwk, next.jwk] }));
    api.step(599);
    expect(await api.get(token)).toBe('200'); // and renews the keys in the background
    await issuer.reached(paths.jwks, 2);
    vi.advanceTimersByTime(5_000);
    await api.refreshes(2);

    api.step(1);
    expect(await api.get(token)).toBe('200');
    await api.refreshes(3);
    expect(await api.get(newToken)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(2);
  });

  it('is asked for metadata and keys once per attempt if its keys are gone for good', {
    tags: ['KEY-14'],
  }, async () => {
    const { issuer, api, newToken } = await discovered();
    issuer.script(paths.jwks, status(404));
    expect(await api.get(newToken)).toBe('503 jwks_unavailable');
    api.step(30);
    expect(await api.get(newToken)).toBe('503 jwks_unavailable');

    expect(issuer.count(paths.oauth)).toBe(3);
    expect(issuer.count(paths.jwks)).toBe(3);
  });

  it('recovers from an outage at the start', { tags: ['KEY-24'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    const token = tokenBy(key, issuer.url);
    const api = protect({ issuer: issuer.url });
    expect(await api.get(token)).toBe('503 metadata_unavailable');
    issuer.publish([key.jwk]);
    expect(await api.get(token)).toBe('503 metadata_unavailable'); // not asked again within the back-off
    expect(issuer.count(paths.oauth)).toBe(1);

    api.step(1);
    expect(await api.get(token)).toBe('200');
  });
});

describe('several issuers', () => {
  it("don't share an outage", { tags: ['KEY-24'] }, async () => {
    const up = await startMisbehavingIssuer();
    const down = await startMisbehavingIssuer();
    up.publish([key.jwk]);
    down.script(paths.oauth, hang);
    const api = protect({ issuer: [up.url, down.url] });
    const stuck = api.get(tokenBy(key, down.url));
    await down.reached(paths.oauth, 1);

    expect(await api.get(tokenBy(key, up.url))).toBe('200');
    vi.advanceTimersByTime(5_000);
    expect(await stuck).toBe('503 metadata_unavailable');
    await expect(api.server.ready()).rejects.toMatchObject({
      reason: 'metadata_unavailable',
      hint: `the issuer is "${down.url}"`,
    });
  });

  it('each can have its own policy, member by member', { tags: ['KEY-11'] }, async () => {
    const issuers = [await startMisbehavingIssuer(), await startMisbehavingIssuer()] as const;
    const [often, usual] = issuers;
    for (const issuer of issuers) issuer.publish([key.jwk]);
    const api = protect({
      issuer: [{ issuer: often.url, keys: { maxAgeSeconds: 60 } }, usual.url],
      keys: { maxAgeSeconds: 300, staleIfErrorSeconds: 0 },
    });
    const both = () => Promise.all(issuers.map((issuer) => api.get(tokenBy(key, issuer.url))));
    expect(await both()).toEqual(['200', '200']);
    api.step(60);
    expect(await both()).toEqual(['200', '200']);
    expect(issuers.map((issuer) => issuer.count(paths.jwks))).toEqual([2, 1]);

    for (const issuer of issuers) issuer.script(paths.jwks, status(500));
    api.step(60);
    expect(await both()).toEqual(['503 jwks_unavailable', '200']); // staleIfErrorSeconds holds for both
  });
});
