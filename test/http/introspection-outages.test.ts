import { describe, expect, it, vi } from 'vitest';
import { channels, type IntrospectionMessage } from '../../src/index.js';
import {
  active,
  asking,
  client,
  INTROSPECT,
  inactive,
  opaque,
  publishEndpoint,
} from '../support/introspection.js';
import { keepAliveClient } from '../support/keep-alive-client.js';
import { listenTo } from '../support/listen-to.js';
import {
  type Behaviour,
  body,
  drip,
  endless,
  gzipped,
  hang,
  hangInBody,
  hangUp,
  heldBack,
  json,
  type MisbehavingIssuer,
  paths,
  redirect,
  reset,
  startMisbehavingIssuer,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { audience, type ProtectedApi, protect } from '../support/protected-api.js';
import { express5Harness } from './harnesses/express.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const HTML = { 'Content-Type': 'text/html' };
const GOOD = JSON.stringify({ active: true, aud: audience, client_id: 'x', exp: 4_102_444_800 });

/** What the endpoint does, why nothing can be told therefore, and how diagnostics put it. */
const failures: readonly (readonly [name: string, behaviour: Behaviour, reason: string, detail: string])[] = [
  [
    'refuses our credentials',
    status(401, { error: 'invalid_client' }),
    'introspection_auth_failed',
    'status 401, invalid_client',
  ],
  [
    'refuses our credentials with a challenge',
    (r) => r.writeHead(401, { ...HTML, 'WWW-Authenticate': 'Basic realm="as"' }).end('<h1>no'),
    'introspection_auth_failed',
    'status 401',
  ],
  [
    'forbids us to ask',
    status(403, { error: 'access_denied' }),
    'introspection_auth_failed',
    'status 403, access_denied',
  ],
  [
    'is that of a firewall',
    (r) => r.writeHead(403, HTML).end('<h1>Blocked'),
    'introspection_unavailable',
    'status 403',
  ],
  ['is a bare 401', (r) => r.writeHead(401, HTML).end('no'), 'introspection_auth_failed', 'status 401'],
  [
    'does not know us',
    status(400, { error: 'invalid_client' }),
    'introspection_auth_failed',
    'status 400, invalid_client',
  ],
  [
    'does not let us',
    status(400, { error: 'unauthorized_client' }),
    'introspection_auth_failed',
    'status 400, unauthorized_client',
  ],
  [
    'does not understand',
    status(400, { error: 'invalid_request' }),
    'introspection_unavailable',
    'status 400, invalid_request',
  ],
  [
    'says 400 and HTML',
    (r) => r.writeHead(400, HTML).end('<h1>Bad'),
    'introspection_unavailable',
    'status 400',
  ],
  ['is not there', status(404), 'introspection_unavailable', 'status 404'],
  ['wants another method', status(405), 'introspection_unavailable', 'status 405'],
  ['limits us', status(429), 'introspection_unavailable', 'status 429'],
  ['fails', status(500, { active: true }), 'introspection_unavailable', 'status 500'],
  ['has no upstream', status(502), 'introspection_unavailable', 'status 502'],
  ['is overloaded', status(503, { active: false }), 'introspection_unavailable', 'status 503'],
  ['fails and never ends', hangInBody('{', 503), 'introspection_unavailable', 'status 503'],
  ['says yes with 201', status(201, { active: true }), 'introspection_unavailable', 'status 201'],
  ['says nothing with 204', (r) => r.writeHead(204).end(), 'introspection_unavailable', 'status 204'],
  ['is HTML', body('<html>login</html>', HTML), 'introspection_unavailable', 'another media type'],
  ['is JSON called HTML', body(GOOD, HTML), 'introspection_unavailable', 'another media type'],
  ['has no media type', (r) => r.writeHead(200).end(GOOD), 'introspection_unavailable', 'another media type'],
  [
    'is a JWT',
    body('a.b.c', { 'Content-Type': 'application/token-introspection+jwt' }),
    'introspection_unavailable',
    'another media type',
  ],
  ['is empty', body('', JSON_TYPE), 'introspection_unavailable', 'not JSON'],
  ['is no JSON', body('active=true', JSON_TYPE), 'introspection_unavailable', 'not JSON'],
  ['is cut off', body(GOOD.slice(0, 20), JSON_TYPE), 'introspection_unavailable', 'not JSON'],
  ['is an array', json([{ active: true }]), 'introspection_unavailable', 'not a JSON object'],
  ['is null', json(null), 'introspection_unavailable', 'not a JSON object'],
  ['is a string', json('active'), 'introspection_unavailable', 'not a JSON object'],
  ['is an empty object', json({}), 'introspection_unavailable', 'active is not a boolean'],
  ['is an error', json({ error: 'invalid_token' }), 'introspection_unavailable', 'active is not a boolean'],
  ['is active as text', json({ active: 'true' }), 'introspection_unavailable', 'active is not a boolean'],
  ['is active as number', json({ active: 1 }), 'introspection_unavailable', 'active is not a boolean'],
  [
    'is active by inheritance',
    body('{"__proto__":{"active":true}}', JSON_TYPE),
    'introspection_unavailable',
    'active is not a boolean',
  ],
  ['sends us elsewhere', redirect(302, '/elsewhere'), 'introspection_unavailable', 'status 302'],
  [
    'moves us elsewhere with the form',
    redirect(307, '/elsewhere'),
    'introspection_unavailable',
    'status 307',
  ],
  ['moved for good', redirect(308, '/elsewhere'), 'introspection_unavailable', 'status 308'],
  ['resets the connection', reset, 'introspection_unavailable', 'ECONNRESET'],
  ['hangs up', hangUp, 'introspection_unavailable', 'UND_ERR_SOCKET'],
  ['breaks off', truncated('{"active":tr'), 'introspection_unavailable', 'the body broke off'],
  [
    'is too large',
    body(`{"active":true,"x":"${'x'.repeat(1_048_576)}"}`, JSON_TYPE),
    'introspection_unavailable',
    'larger than 1 MiB',
  ],
  [
    'is too large when unpacked',
    gzipped(`{"active":true,"x":"${'x'.repeat(1_048_576)}"}`),
    'introspection_unavailable',
    'larger than 1 MiB',
  ],
];

describe('an endpoint whose answer', () => {
  it.each(failures)(
    '%s is 503 for the client, and works again afterwards',
    { tags: ['INT-06', 'INT-07', 'OPS-10'] },
    async (_name, behaviour, reason, detail) => {
      const issuer = await startMisbehavingIssuer();
      const messages = listenTo<IntrospectionMessage>(channels.introspection);
      issuer.script('/elsewhere', active());
      issuer.script(INTROSPECT, behaviour);
      const api = protect(asking(issuer));

      expect(await api.get(opaque())).toBe(`503 ${reason}`);
      const failed = { event: 'failed', issuer: issuer.url, reason, detail, seconds: undefined };
      expect(messages).toEqual([{ ...failed, durationSeconds: expect.any(Number) }]);
      expect(issuer.count('/elsewhere')).toBe(0);

      issuer.script(INTROSPECT, active());
      expect(await api.get(opaque())).toBe('200'); // INT-15: the failure was not remembered
      issuer.script(INTROSPECT, behaviour);
      expect(await api.get(opaque())).toBe('200'); // INT-14: but the answer is
    },
  );

  it.each<[string, Behaviour]>([
    ['never comes', hang],
    ['never ends', hangInBody('{"active":')],
    ['comes in drops', drip],
  ])('%s is 503 in time', { tags: ['INT-03', 'INT-06'] }, async (_name, behaviour) => {
    const issuer = await startMisbehavingIssuer();
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    issuer.script(INTROSPECT, behaviour);
    const api = protect(asking(issuer, { timeoutSeconds: 0.2 }), { realTimers: true });
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    expect(messages).toMatchObject([{ event: 'failed', detail: 'time-out' }]);
    issuer.script(INTROSPECT, active());
    expect(await api.get(opaque())).toBe('200');
  });

  it('is endless is given up after 1 MiB', { tags: ['INT-03'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    const closed = new Promise<number>((resolve) => issuer.script(INTROSPECT, endless(resolve)));
    expect(await protect(asking(issuer)).get(opaque())).toBe('503 introspection_unavailable');
    expect(await closed).toBeLessThan(8 * 1_048_576); // what the buffers in between hold comes on top
  });

  it('is asked for once more if a kept connection broke', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, reset, active());
    expect(await protect(asking(issuer)).get(opaque())).toBe('200');
    expect(issuer.count(INTROSPECT)).toBe(2);
  });

  it('is missing because the connection is refused is 503', { tags: ['INT-06'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    const api = protect(asking(issuer));
    await issuer.stop();
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    expect(messages).toMatchObject([{ event: 'failed', detail: 'ECONNREFUSED' }]);
  });

  it.each([200, 401])(
    'comes from a fetch that followed a redirect is refused: %i',
    {
      tags: ['INT-03'],
    },
    async (code) => {
      const answer = { active: true, aud: audience, exp: 4_102_444_800 };
      const fetch: typeof globalThis.fetch = async () =>
        Object.defineProperty(Response.json(answer, { status: code }), 'redirected', { value: true });
      const introspection = { ...client, endpoint: 'https://as.example.com/introspect' };
      const api = protect({ issuer: { issuer: 'https://as.example.com', introspection }, fetch });
      expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    },
  );

  it('comes from a fetch that is out of order is 503', { tags: ['INT-06'] }, async () => {
    const introspection = { ...client, endpoint: 'https://as.example.com/introspect' };
    for (const wrong of [undefined, null, 'a string', { status: 200 }]) {
      const fetch = (() => Promise.resolve(wrong)) as unknown as typeof globalThis.fetch; // wrong on purpose
      const api = protect({ issuer: { issuer: 'https://as.example.com', introspection }, fetch });
      expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    }
  });
});

it.each([
  ['long lists', { authorization_details: Array.from({ length: 300_000 }, () => 0) }],
  ['a long scope', { scope: 'a '.repeat(400_000) }],
  ['many audiences', { aud: Array.from({ length: 100_000 }, () => audience.slice(0, 3)).concat(audience) }],
])('copes with an answer that has %s', { tags: ['OPS-07', 'OPS-10'] }, async (_name, claims) => {
  const issuer = await startMisbehavingIssuer();
  issuer.script(INTROSPECT, active(claims));
  expect(await protect(asking(issuer)).get(opaque())).toBe('200');
});

it.each([
  ['objects', '{"a":', '}'],
  ['lists', '[', ']'],
])('copes with an answer of %s in each other', { tags: ['OPS-10'] }, async (_name, open, close) => {
  const issuer = await startMisbehavingIssuer();
  const nested = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
  issuer.script(INTROSPECT, body(GOOD.replace('{', `{"act":{"sub":"orders","act":${nested}},`), JSON_TYPE));
  expect(await protect(asking(issuer)).get(opaque())).toBe('200');
});

/** Twenty tokens that the issuer has vouched for, and whose answers aren't remembered any more. */
async function prove(api: ProtectedApi, issuer: MisbehavingIssuer): Promise<() => number> {
  issuer.script(INTROSPECT, active());
  for (let number = 0; number < 20; number += 1) expect(await api.get(opaque(number))).toBe('200');
  api.step(30);
  const before = issuer.count(INTROSPECT);
  return () => issuer.count(INTROSPECT) - before;
}

describe('an endpoint that fails', () => {
  it('is left alone after five failures, asked once after a second, and then used as before', {
    tags: ['INT-17'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    const api = protect(asking(issuer));
    const asked = await prove(api, issuer);
    issuer.script(INTROSPECT, status(503));
    for (let number = 0; number < 20; number += 1)
      expect(await api.get(opaque(number))).toBe('503 introspection_unavailable');
    expect(asked()).toBe(5);
    expect(messages.at(-1)).toEqual({
      event: 'suspended',
      issuer: issuer.url,
      reason: 'introspection_unavailable',
      detail: 'status 503',
      seconds: 1,
      durationSeconds: undefined,
    });

    api.step(1);
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
    expect(asked()).toBe(6);
    expect(messages.at(-1)).toMatchObject({ event: 'suspended', seconds: 2 });

    issuer.script(INTROSPECT, active());
    api.step(2);
    expect(await Promise.all([1, 2].map((number) => api.get(opaque(number))))).toEqual([
      '200',
      '503 introspection_unavailable', // while one request tries
    ]);
    expect(await api.get(opaque(3))).toBe('200');
    const afterwards = messages.slice(-3).map(({ event }) => event);
    expect(afterwards).toEqual(['answered', 'resumed', 'answered']);
  });

  it('keeps the reason during the pause, and says when to come back', {
    tags: ['INT-07', 'INT-17'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, status(401, { error: 'invalid_client' }));
    const api = protect(asking(issuer));
    for (let number = 0; number < 6; number += 1) await api.get(opaque(number));
    await expect(api.server.verify(opaque())).rejects.toMatchObject({
      status: 503,
      reason: 'introspection_auth_failed',
      retryAfterSeconds: 1,
    });
    api.step(1);
    await api.get(opaque());
    await expect(api.server.verify(opaque())).rejects.toMatchObject({
      reason: 'introspection_auth_failed',
      retryAfterSeconds: 2,
    });
    expect(issuer.count(INTROSPECT)).toBe(6);
  });

  it('asks for no other secret because of a bare 401', { tags: ['INT-17'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, status(401));
    const clientSecret = vi.fn(() => 'secret');
    const api = protect(asking(issuer, { clientSecret }));
    for (let number = 0; number < 3; number += 1)
      expect(await api.get(opaque(number))).toBe('503 introspection_auth_failed');
    expect([clientSecret.mock.calls.length, issuer.count(INTROSPECT)]).toEqual([1, 3]);
  });

  it.each<[string, Behaviour]>([
    ['it cannot make sense of', status(400, { error: 'invalid_request' })],
    ['a firewall refuses with 401', status(401)],
  ])('is not held back by tokens that %s', { tags: ['INT-17'] }, async (_which, behaviour) => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, behaviour);
    const api = protect(asking(issuer));
    for (let number = 0; number < 20; number += 1) await api.get(opaque(number));
    expect(issuer.count(INTROSPECT)).toBe(20);
    issuer.script(INTROSPECT, active());
    expect(await api.get(opaque())).toBe('200');
  });

  it.each<[string, number]>([
    ['7', 7],
    ['300', 30],
    ['soon', 1],
  ])('heeds Retry-After: %s', { tags: ['INT-17'] }, async (value, seconds) => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, (response) => response.writeHead(429, { 'Retry-After': value }).end());
    const api = protect(asking(issuer));
    expect(await api.get(opaque(1))).toBe('503 introspection_unavailable');
    await expect(api.server.verify(opaque(2))).rejects.toMatchObject({ retryAfterSeconds: seconds });
    expect(issuer.count(INTROSPECT)).toBe(seconds === 1 ? 2 : 1);
  });

  it('goes on serving the tokens that are remembered', { tags: ['INT-14', 'INT-17'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, active(), status(503));
    const api = protect(asking(issuer));
    expect(await api.get(opaque(1))).toBe('200');
    for (let number = 2; number < 12; number += 1) await api.get(opaque(number));
    expect(await api.get(opaque(1))).toBe('200');
    api.step(30);
    expect(await api.get(opaque(1))).toBe('503 introspection_unavailable');
  });

  it('never mistakes an outage for a refusal', { tags: ['INT-15', 'INT-17'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, inactive, status(503));
    const api = protect(asking(issuer));
    expect(await api.get(opaque(1))).toBe('401 token_inactive');
    api.step(2);
    expect(await api.get(opaque(1))).toBe('503 introspection_unavailable');
  });

  it('gets at most eighty questions about new tokens at a time, and the others wait', {
    tags: ['INT-16', 'INT-17'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const { behaviour, release } = heldBack(active());
    issuer.script(INTROSPECT, behaviour);
    const api = protect(asking(issuer));
    const waiting = Array.from({ length: 300 }, (_, index) => api.get(opaque(index % 150)));
    await issuer.reached(INTROSPECT, 80);
    release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['200']));
    expect(issuer.count(INTROSPECT)).toBe(150); // one per token
  });

  it('answers the next good token although 150 invented ones are waited for', {
    tags: ['INT-17'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const api = protect(asking(issuer), { realTimers: true });
    const slow: Behaviour = (response) => void setTimeout(() => inactive(response), 300);
    issuer.script(INTROSPECT, active());
    expect(await api.get(opaque(1000))).toBe('200');
    api.step(30);
    issuer.script(INTROSPECT, slow);
    const junk = Array.from({ length: 150 }, (_, index) => api.get(opaque(index)));
    await issuer.reached(INTROSPECT, 81);
    issuer.script(INTROSPECT, active());
    expect(await Promise.all([api.get(opaque(1000)), api.get(opaque(2000))])).toEqual(['200', '200']);
    await Promise.all(junk);
  });

  it.each<[string, Behaviour]>([
    ['403', (response) => response.writeHead(403, HTML).end('blocked')],
    ['404', status(404)],
    ['500', status(500)],
    ['200 and HTML', body('<html>', HTML)],
    ['what is no JSON', body('x', JSON_TYPE)],
    ['a redirect', redirect(302, '/login')],
  ])(
    'goes on for everybody else if invented tokens make something before it answer %s',
    {
      tags: ['INT-17', 'OPS-10'],
    },
    async (_name, blocked) => {
      const issuer = await startMisbehavingIssuer();
      const api = protect(asking(issuer));
      issuer.script(INTROSPECT, active());
      expect(await api.get(opaque(1))).toBe('200');
      issuer.script(INTROSPECT, blocked);
      for (let number = 100; number < 150; number += 1)
        expect(await api.get(opaque(number))).toBe('503 introspection_unavailable');
      issuer.script(INTROSPECT, active());
      expect(await api.get(opaque(2))).toBe('200');
      api.step(30);
      expect(await api.get(opaque(1))).toBe('200');
    },
  );

  it.each([
    ['refuses to name the endpoint', status(500), 'metadata_unavailable'],
    ['names none', json({ issuer: 'replaced below' }), 'issuer_mismatch'],
  ])(
    'is 503 if the metadata %s, and works when that does',
    { tags: ['INT-06'] },
    async (_name, behaviour, reason) => {
      const issuer = await startMisbehavingIssuer();
      issuer.script(paths.oauth, behaviour);
      issuer.script(paths.openid, behaviour);
      issuer.script(INTROSPECT, active());
      const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
      expect(await api.get(opaque())).toBe(`503 ${reason}`);
      publishEndpoint(issuer);
      expect(await api.get(opaque())).toBe('200');
    },
  );
});

it('asks about none of 10,000 hostile values, and never answers 500', {
  tags: ['INT-18', 'INT-23', 'OPS-10'],
  timeout: 60_000,
}, async () => {
  const issuer = await startMisbehavingIssuer();
  issuer.script(INTROSPECT, active());
  const { server } = protect(asking(issuer));
  const api = await express5Harness.start(server);
  const http = keepAliveClient(api.url);
  try {
    for (let number = 0; number < 10_000; number += 1) {
      const line = hostile(number);
      const request = {
        method: 'GET',
        url: audience,
        header: (name: string) => (name === 'authorization' ? line : []),
      };
      const decision = await server.authenticate(request);
      expect([400, 401], line).toContain(decision.kind === 'denied' && decision.answer.status);
      if (number % 20 !== 0) continue;
      const { status: code } = await http.send({
        path: '/whoami',
        headers: [['Authorization', hostile(number / 20)]],
      });
      expect([400, 401], hostile(number / 20)).toContain(code);
    }
    expect(issuer.requests).toEqual([]);
    expect(api.handled()).toBe(0);
  } finally {
    http.close();
    await api.close();
  }
});

const SPECIAL = [
  '"',
  ',',
  ';',
  '\t',
  '%00',
  '%0d%0a',
  '{',
  '}',
  '\\',
  "'",
  '<',
  '@',
  ':',
  '(',
  '\u00e9',
  '&',
  '#',
  '?',
  '$',
  '*',
];

/**
 * Values for an Authorization line that cannot be an opaque token: other characters, too long, or a JWT by
 * its looks.
 */
function hostile(number: number): string {
  const filler = opaque(number);
  const special = SPECIAL[number % SPECIAL.length];
  switch (number % 8) {
    case 0:
      return `Bearer ${filler}${special}${filler}`;
    case 1:
      return `Bearer ${special}`;
    case 2:
      return `Bearer ${'='.repeat((number % 7) + 1)}`;
    case 3:
      return `Bearer ${filler} ${filler}`;
    case 4:
      return `Bearer ${Buffer.from(`{"alg":"none","n":${number}}`).toString('base64url')}.e30.`;
    case 5:
      return `Bearer ${Buffer.from(` {"alg":"ES256","n":${number}`).toString('base64url')}.${filler}.${filler}`;
    case 6:
      return `Bearer ${Buffer.from('{"alg":"dir","enc":"A128GCM"}').toString('base64url')}..${filler}.${filler}.x`;
    default:
      return `Bearer ${filler}==${filler}`;
  }
}
