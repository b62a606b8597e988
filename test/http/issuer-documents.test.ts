import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import {
  body,
  drip,
  endless,
  gzipped,
  hang,
  hangInBody,
  heldBack,
  json,
  type MisbehavingIssuer,
  paths,
  redirect,
  startMisbehavingIssuer,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { audience, protect, tokenBy } from '../support/protected-api.js';

const MEBIBYTE = 1_048_576;
let key: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
});

/** An issuer whose metadata and keys are fine, to be made worse. */
async function startIssuer(): Promise<{ issuer: MisbehavingIssuer; token: string }> {
  const issuer = await startMisbehavingIssuer();
  issuer.publish([key.jwk]);
  return { issuer, token: tokenBy(key, issuer.url) };
}

describe('metadata of another issuer', () => {
  it.each<[string, (url: string) => string, string, RegExp]>([
    [
      'a slash more',
      (url) => `${url}/`,
      'they differ only by a trailing slash',
      /^configure the issuer exactly/,
    ],
    [
      'another name of this machine',
      (url) => url.replace('127.0.0.1', 'localhost'),
      'localhost and 127.0.0.1 are this machine under two names, and must be spelled the same',
      /set metadataUrl$/,
    ],
    [
      'the name of a container',
      (url) => url.replace('127.0.0.1', 'keycloak'),
      '"keycloak" looks like the name of a container, which means nothing outside its network',
      /set metadataUrl$/,
    ],
    ['somebody else', () => 'https://user:hunter2@evil.example/?hunter2', '', /^is this the right server\?/],
  ])(
    'is told to the operator with both values, and not to the client: %s',
    { tags: ['KEY-01', 'KEY-06', 'OPS-02'] },
    async (_what, name, difference, hint) => {
      const { issuer, token } = await startIssuer();
      const named = name(issuer.url);
      issuer.script(paths.oauth, json({ issuer: named, jwks_uri: `${issuer.url}/jwks` }));
      issuer.script(paths.oauth, json({ issuer: named, jwks_uri: `${issuer.url}/jwks` }));
      const shown = named.includes('hunter2') ? 'https://[…]@evil.example/?[…]' : named;
      const both = `the metadata names the issuer "${shown}", and not "${issuer.url}"`;
      const message = difference === '' ? both : `${both}: ${difference}`;

      const { server, events } = protect({ issuer: issuer.url });
      const error: unknown = await server.ready().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        reason: 'issuer_mismatch',
        hint: expect.stringMatching(hint),
        cause: { message },
      });
      expect(events).toMatchObject([{ event: 'failed', reason: 'issuer_mismatch', detail: message }]);
      expect(inspect([error, events], { depth: 9 })).not.toContain('hunter2');

      const headers = { Authorization: `Bearer ${token}` };
      const decision = await server.authenticate(new Request(`${audience}/stock/42`, { headers }));
      expect(decision).toMatchObject({ kind: 'denied', answer: { status: 503 } });
      const answer = JSON.stringify(decision.kind === 'denied' && decision.answer);
      for (const word of [shown, issuer.url, 'evil', 'keycloak', 'differ'])
        expect(answer).not.toContain(word);
    },
  );
});

describe('metadata', () => {
  it.each<[string, (url: string) => unknown, string]>([
    [
      'another issuer',
      (url) => ({ issuer: 'https://evil.example.com', jwks_uri: `${url}/jwks` }),
      'issuer_mismatch',
    ],
    ['the issuer with a slash', (url) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` }), 'issuer_mismatch'],
    [
      'the issuer in capitals',
      (url) => ({ issuer: url.toUpperCase(), jwks_uri: `${url}/jwks` }),
      'issuer_mismatch',
    ],
    ['no issuer', (url) => ({ jwks_uri: `${url}/jwks` }), 'metadata_invalid'],
    ['a list of issuers', (url) => ({ issuer: [url], jwks_uri: `${url}/jwks` }), 'metadata_invalid'],
  ])(
    "isn't used if it's the document of %s",
    { tags: ['KEY-01', 'KEY-06'] },
    async (_what, document, reason) => {
      const { issuer, token } = await startIssuer();
      issuer.script(paths.oauth, json(document(issuer.url)));

      expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${reason}`);
      expect(issuer.count(paths.jwks)).toBe(0);
    },
  );

  it("doesn't hide the right issuer at the next location behind a wrong one", {
    tags: ['KEY-01'],
  }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(
      paths.oauth,
      json({ issuer: 'https://evil.example.com', jwks_uri: `${issuer.url}/evil-keys` }),
    );
    issuer.script(paths.openid, json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` }));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
    expect(issuer.requests.map(({ path }) => path)).toEqual([paths.oauth, paths.openid, paths.jwks]);
  });

  it.each<[string, (url: string) => Record<string, unknown>]>([
    ['no jwks_uri', () => ({ jwks_uri: undefined })],
    ['a jwks_uri that is null', () => ({ jwks_uri: null })],
    ['a jwks_uri that is a number', () => ({ jwks_uri: 1 })],
    ['a jwks_uri that is a list', (url) => ({ jwks_uri: [`${url}/jwks`] })],
    ['a relative jwks_uri', () => ({ jwks_uri: '/jwks' })],
    ['a token_endpoint that is a number', () => ({ token_endpoint: 1 })],
    ['an authorization_endpoint that is a list', () => ({ authorization_endpoint: [] })],
    ['an introspection_endpoint that is an object', () => ({ introspection_endpoint: {} })],
  ])("isn't used with %s", { tags: ['KEY-06'] }, async (_what, change) => {
    const { issuer, token } = await startIssuer();
    const document = { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...change(issuer.url) };
    issuer.script(paths.oauth, json(document));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('503 metadata_invalid');
    expect(issuer.count(paths.jwks)).toBe(0);
  });

  it.each<[string, (url: string) => string]>([
    ['file:', () => 'file:///etc/keys.json'],
    ['data:', () => 'data:application/json,{"keys":[]}'],
    ['http at another host', () => 'http://keys.example.com/jwks'],
    ['http with a user name', (url) => `${url.replace('//', '//user@')}/jwks`],
    ['a fragment', (url) => `${url}/jwks#keys`],
  ])("isn't used if its jwks_uri has %s", { tags: ['KEY-03'] }, async (_what, jwksUri) => {
    const { issuer, token } = await startIssuer();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: jwksUri(issuer.url) }));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('503 metadata_invalid');
    expect(issuer.count(paths.jwks)).toBe(0);
  });

  it('may have unknown members', { tags: ['KEY-06'] }, async () => {
    const { issuer, token } = await startIssuer();
    const strange = { signed_metadata: 1, jwks: null, constructor: [], toString: 1 };
    const document = { ...strange, issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` };
    issuer.script(paths.oauth, body(`{"__proto__":{"issuer":"x"},${JSON.stringify(document).slice(1)}`));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
  });

  it('may have null for whatever there is none of, and so may a key', {
    tags: ['KEY-06', 'KEY-18'],
  }, async () => {
    const { issuer, token } = await startIssuer();
    const none = { authorization_endpoint: null, token_endpoint: null, introspection_endpoint: null };
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}`, ...none }));
    issuer.script(paths.jwks, json({ keys: [{ ...key.jwk, use: null, key_ops: null, d: null, n: null }] }));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
    expect(issuer.requests.map(({ path }) => path)).toEqual([paths.oauth, paths.jwks]);
  });

  it('is not taken from what the document inherits', { tags: ['KEY-06'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(
      paths.oauth,
      body(`{"__proto__":{"issuer":"${issuer.url}","jwks_uri":"${issuer.url}/jwks"}}`),
    );

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('503 metadata_invalid');
  });
});

/** Both documents come through the same door. */
describe.each([
  { document: 'metadata', path: paths.oauth },
  { document: 'jwks', path: paths.jwks },
] as const)('the $document document', ({ document, path }) => {
  const good = (url: string): unknown =>
    document === 'metadata' ? { issuer: url, jwks_uri: `${url}${paths.jwks}` } : { keys: [key.jwk] };

  it.each([201, 204, 206, 400, 401, 403, 404, 429, 500, 502, 503])(
    "isn't used with status %i, whatever its body",
    { tags: ['KEY-06'] },
    async (code) => {
      const { issuer, token } = await startIssuer();
      issuer.script(path, status(code, good(issuer.url)));

      expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_unavailable`);
    },
  );

  it.each([301, 302, 303, 307, 308])(
    "isn't looked for at the target of a %i",
    { tags: ['KEY-07'] },
    async (code) => {
      const { issuer, token } = await startIssuer();
      issuer.script('/elsewhere', json(good(issuer.url)));
      issuer.script(path, redirect(code, `${issuer.url}/elsewhere`));

      expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_unavailable`);
      expect(issuer.count('/elsewhere')).toBe(0);
    },
  );

  it.each([
    ['empty', ''],
    ['cut off', '{"keys":['],
    ['HTML', '<!doctype html><title>Sign in</title>'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"keys"'],
    ['a number', '7'],
    ['nested too deep to make sense', '['.repeat(MEBIBYTE - 1)],
  ])("isn't used if it's %s", { tags: ['KEY-06'] }, async (_what, content) => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, body(content));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_invalid`);
  });

  it.each(['text/plain', 'application/octet-stream', 'text/html; charset=iso-8859-1'])(
    'may call itself %s',
    { tags: ['KEY-06'] },
    async (type) => {
      const { issuer, token } = await startIssuer();
      issuer.script(path, json(good(issuer.url), { 'Content-Type': type }));

      expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
    },
  );

  it('may be compressed, and begin with a byte order mark', { tags: ['KEY-06'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, gzipped(`\uFEFF${JSON.stringify(good(issuer.url))}`));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
  });

  it('may have 1 MiB', { tags: ['KEY-08'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, body(JSON.stringify(good(issuer.url)).padEnd(MEBIBYTE)));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
  });

  it('is not used when it has a byte more than 1 MiB', { tags: ['KEY-08'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, body(JSON.stringify(good(issuer.url)).padEnd(MEBIBYTE + 1)));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_invalid`);
  });

  it('is counted while it is read: of one without end not much more than 1 MiB is taken', {
    tags: ['KEY-08'],
  }, async () => {
    const { issuer, token } = await startIssuer();
    const sent = new Promise<number>((resolve) => issuer.script(path, endless(resolve)));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_invalid`);
    expect(await sent).toBeLessThan(16 * MEBIBYTE); // what fits into the buffers of two sockets is out of our hands
  });

  it('is counted as it is after decompression', { tags: ['KEY-08'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, gzipped(JSON.stringify(good(issuer.url)).padEnd(8 * MEBIBYTE)));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_invalid`);
  });

  it('causes an outage if it breaks off', { tags: ['KEY-24'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, truncated('{"keys":'));

    expect(await protect({ issuer: issuer.url }).get(token)).toBe(`503 ${document}_unavailable`);
  });

  it.each([
    ['before the header', hang],
    ['in the middle of the body', hangInBody('{"keys":[')],
    ['byte by byte', drip],
  ])('is waited for 5 seconds when the issuer stalls %s', { tags: ['KEY-08'] }, async (_where, stall) => {
    const { issuer, token } = await startIssuer();
    issuer.script(path, stall);
    let answer: string | undefined;
    const request = protect({ issuer: issuer.url })
      .get(token)
      .then((outcome) => {
        answer = outcome;
      });

    await issuer.reached(path, 1);
    await turns(20);
    vi.advanceTimersByTime(4_999);
    await turns(20);
    expect(answer).toBeUndefined();
    vi.advanceTimersByTime(1);
    await request;
    expect(answer).toBe(`503 ${document}_unavailable`);
    expect(issuer.count(path)).toBe(1);
  });
});

it.each([hang, hangInBody('{'), drip])(
  'waits for keys.timeoutSeconds on the real clock',
  { tags: ['KEY-08'] },
  async (stall) => {
    const { issuer, token } = await startIssuer();
    issuer.script(paths.oauth, stall);
    const api = protect({ issuer: issuer.url, keys: { timeoutSeconds: 0.05 } }, { realTimers: true });

    expect(await api.get(token)).toBe('503 metadata_unavailable');
  },
);

it('share one time limit between metadata and keys', { tags: ['KEY-08'] }, async () => {
  const { issuer, token } = await startIssuer();
  const slow = heldBack(json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` }));
  issuer.script(paths.oauth, slow.behaviour);
  issuer.script(paths.jwks, hang);
  const request = protect({ issuer: issuer.url }).get(token);

  await issuer.reached(paths.oauth, 1);
  vi.advanceTimersByTime(4_000);
  slow.release();
  await issuer.reached(paths.jwks, 1);
  vi.advanceTimersByTime(1_000);
  expect(await request).toBe('503 jwks_unavailable');
});

/** Lets the event loop go round, so that what has arrived is read. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}
