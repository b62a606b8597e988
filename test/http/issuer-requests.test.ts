import { beforeAll, describe, expect, it } from 'vitest';
import { encodePart, unsignedJws } from '../../src/testing/forged-jws.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import {
  hangUp,
  heldBack,
  json,
  type MisbehavingIssuer,
  paths,
  reset,
  startMisbehavingIssuer,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { audience, protect, tokenBy } from '../support/protected-api.js';

let key: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
});

async function startIssuer(): Promise<{ issuer: MisbehavingIssuer; token: string }> {
  const issuer = await startMisbehavingIssuer();
  issuer.publish([key.jwk]);
  return { issuer, token: tokenBy(key, issuer.url) };
}

describe('what is asked of an issuer', () => {
  it('is the metadata at the place of RFC 8414 first, then the keys', { tags: ['KEY-04'] }, async () => {
    const { issuer, token } = await startIssuer();

    expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
    expect(issuer.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /.well-known/oauth-authorization-server',
      'GET /jwks',
    ]);
  });

  it.each([
    [
      '/t1',
      [
        '/.well-known/oauth-authorization-server/t1',
        '/.well-known/openid-configuration/t1',
        '/t1/.well-known/openid-configuration',
      ],
    ],
    [
      '/t1/',
      [
        '/.well-known/oauth-authorization-server/t1',
        '/.well-known/openid-configuration/t1',
        '/t1/.well-known/openid-configuration',
      ],
    ],
    ['/', ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']],
    ['', ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']],
  ])(
    'is, for an issuer at "%s", each of %j, one after the other',
    { tags: ['KEY-04', 'KEY-05'] },
    async (path, expected) => {
      const { issuer } = await startIssuer();
      const identifier = `${issuer.url}${path}`;
      const last = expected.at(-1) ?? '';
      issuer.script(paths.oauth, status(404));
      issuer.script(last, json({ issuer: identifier, jwks_uri: `${issuer.url}${paths.jwks}` }));

      expect(await protect({ issuer: identifier }).get(tokenBy(key, identifier))).toBe('200');
      expect(issuer.requests.map((request) => request.path)).toEqual([...expected, paths.jwks]);
    },
  );

  it('is the next location only while there is no usable answer', { tags: ['KEY-05'] }, async () => {
    const { issuer } = await startIssuer();
    const identifier = `${issuer.url}/t1`;
    issuer.script(
      '/.well-known/oauth-authorization-server/t1',
      json({ issuer: identifier, jwks_uri: `${issuer.url}/jwks` }),
    );

    expect(await protect({ issuer: identifier }).get(tokenBy(key, identifier))).toBe('200');
    expect(issuer.requests.map((request) => request.path)).toEqual([
      '/.well-known/oauth-authorization-server/t1',
      '/jwks',
    ]);
  });

  it('is the next location if the connection breaks at one', {
    tags: ['KEY-05'],
  }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script(paths.openid, json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` }));
    for (const broken of [hangUp, reset, truncated('{"issuer":')]) {
      issuer.script(paths.oauth, broken);
      expect(await protect({ issuer: issuer.url }).get(token)).toBe('200');
    }
  });

  it("is no other location if the server isn't there", { tags: ['KEY-05'] }, async () => {
    const asked: string[] = [];
    const fetch = async (url: unknown) => {
      asked.push(String(url));
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });
    };

    expect(
      await protect({ issuer: 'https://gone.example.com', fetch }).get(
        tokenBy(key, 'https://gone.example.com'),
      ),
    ).toBe('503 metadata_unavailable');
    expect(asked).toEqual(['https://gone.example.com/.well-known/oauth-authorization-server']);
  });

  it('is nothing else for metadata with metadataUrl', { tags: ['KEY-05'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.script('/meta?tenant=1', json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }));
    const metadataUrl = `${issuer.url}/meta?tenant=1`;

    expect(await protect({ issuer: { issuer: issuer.url, metadataUrl } }).get(token)).toBe('200');
    expect(issuer.requests.map((request) => request.path)).toEqual(['/meta?tenant=1', '/jwks']);
  });

  it('compares the issuer even with metadataUrl', { tags: ['KEY-01'] }, async () => {
    const { issuer } = await startIssuer();
    const other = 'https://auth.example.com';
    const api = protect({ issuer: { issuer: other, metadataUrl: `${issuer.url}${paths.oauth}` } });

    expect(await api.get(tokenBy(key, other))).toBe('503 issuer_mismatch');
    expect(issuer.count(paths.jwks)).toBe(0);
  });

  it('is no metadata with jwksUri', { tags: ['KEY-10'] }, async () => {
    const { issuer, token } = await startIssuer();

    expect(await protect({ issuer: { issuer: issuer.url, jwksUri: `${issuer.url}/jwks` } }).get(token)).toBe(
      '200',
    );
    expect(issuer.requests.map((request) => request.path)).toEqual(['/jwks']);
  });

  it('comes with nothing of the client and nothing secret', { tags: ['KEY-09'] }, async () => {
    const { issuer, token } = await startIssuer();
    await protect({ issuer: issuer.url }).get(token);

    expect(issuer.requests).toHaveLength(2);
    for (const { headers } of issuer.requests) {
      expect(headers).toMatchObject({
        'user-agent': 'oauth-resource-server',
        accept: expect.stringContaining('application/json'),
      });
      expect(Object.keys(headers).sort()).toEqual([
        'accept',
        'accept-encoding',
        'accept-language',
        'connection',
        'host',
        'sec-fetch-mode',
        'user-agent',
      ]);
      expect(JSON.stringify(headers)).not.toContain(token);
    }
  });

  it('carries no cookie that the issuer set', { tags: ['KEY-09'] }, async () => {
    const { issuer, token } = await startIssuer();
    issuer.publish([key.jwk], { 'Set-Cookie': 'tracking=1; Path=/' });
    const api = protect({ issuer: issuer.url });
    await api.get(token);
    api.step(600);
    await api.get(token);

    expect(issuer.count(paths.jwks)).toBe(2);
    expect(issuer.requests.map(({ headers }) => headers.cookie)).not.toContain('tracking=1');
  });
});

describe('what is never asked', () => {
  const expired = { exp: 1_000_000_000 };

  it.each<[string, (issuer: MisbehavingIssuer) => string, string]>([
    ['of an unknown issuer', () => tokenBy(key, 'https://unknown.example.com'), '401 iss_mismatch'],
    ['of a tenant that is not listed', ({ url }) => tokenBy(key, `${url}/tenants/evil`), '401 iss_mismatch'],
    ['without issuer', ({ url }) => tokenBy(key, url, {}, { iss: undefined }), '401 iss_mismatch'],
    ['whose issuer is a list', ({ url }) => tokenBy(key, url, {}, { iss: [url] }), '401 iss_mismatch'],
    ['with alg none', ({ url }) => tokenBy(key, url, { alg: 'none' }), '401 alg_not_allowed'],
    ['with alg HS256', ({ url }) => tokenBy(key, url, { alg: 'HS256' }), '401 alg_not_allowed'],
    [
      'with an algorithm that does not exist',
      ({ url }) => tokenBy(key, url, { alg: 'toString' }),
      '401 alg_not_allowed',
    ],
    ['with a critical extension', ({ url }) => tokenBy(key, url, { crit: ['b64'] }), '401 crit_unsupported'],
    [
      'that is typed as something else',
      ({ url }) => tokenBy(key, url, { typ: 'dpop+jwt' }),
      '401 typ_mismatch',
    ],
    ['that expired', ({ url }) => tokenBy(key, url, {}, expired), '401 expired'],
    [
      'that is not valid yet',
      ({ url }) => tokenBy(key, url, {}, { nbf: 4_000_000_000 }),
      '401 not_yet_valid',
    ],
    [
      'for another audience',
      ({ url }) => tokenBy(key, url, {}, { aud: 'https://other.example.com' }),
      '401 aud_mismatch',
    ],
    [
      'that is an ID token',
      ({ url }) => tokenBy(key, url, { typ: 'JWT' }, { nonce: 'n' }),
      '401 not_an_access_token',
    ],
    ['that is no JWS', () => 'opaque-token', '401 malformed_token'],
    [
      'with claims that are no JSON',
      () => unsignedJws({ alg: 'ES256' }, 'claims', 'AA'),
      '401 malformed_token',
    ],
    [
      'that is too long',
      ({ url }) => tokenBy(key, url, {}, { padding: 'x'.repeat(20_000) }),
      '401 token_too_large',
    ],
  ])(
    'fetches nothing for a token %s',
    { tags: ['KEY-10', 'OPS-06', 'OPS-14'] },
    async (_what, forge, answer) => {
      const { issuer } = await startIssuer();

      expect(await protect({ issuer: issuer.url }).get(forge(issuer))).toBe(answer);
      expect(issuer.requests).toEqual([]);
    },
  );

  it('fetches nothing without credentials, with another scheme or with broken ones', {
    tags: ['KEY-10', 'OPS-06'],
  }, async () => {
    const { issuer } = await startIssuer();
    const { server } = protect({ issuer: issuer.url });
    for (const headers of [{}, { Authorization: 'Basic YTpi' }, { Authorization: 'Bearer a b' }]) {
      expect(await server.authenticate(new Request(audience, { headers }))).toMatchObject({ kind: 'denied' });
    }
    expect(issuer.requests).toEqual([]);
  });

  it('visits no address in a token', { tags: ['KEY-10'] }, async () => {
    const { issuer } = await startIssuer();
    const evil = await generateSigningKey('ES256', 'evil');
    issuer.script('/evil', json({ keys: [evil.jwk] }));
    const address = `${issuer.url}/evil`;
    const header = {
      kid: 'evil',
      jku: address,
      x5u: address,
      jwk: evil.jwk,
      x5c: [encodePart('certificate')],
    };
    const api = protect({ issuer: issuer.url });

    expect(await api.get(tokenBy(evil, issuer.url, header, { jwks_uri: address }))).toBe(
      '401 no_matching_key',
    );
    expect(await api.get(tokenBy(evil, issuer.url, { ...header, kid: 'key-1' }))).toBe(
      '401 signature_invalid',
    );
    expect(issuer.count('/evil')).toBe(0);
  });

  it('trusts each listed tenant under its own name, and fetches nothing for another', {
    tags: ['KEY-22'],
  }, async () => {
    const { issuer } = await startIssuer();
    const tenants = ['/tenants/1', '/tenants/2'].map((path) => `${issuer.url}${path}`);
    for (const [index, tenant] of tenants.entries()) {
      const document = { issuer: tenant, jwks_uri: `${issuer.url}/keys-${index}` };
      issuer.script(new URL(tenant).pathname.replace(/^/, paths.oauth), json(document));
    }
    const other = await generateSigningKey('ES256', 'key-1');
    issuer.script('/keys-0', json({ keys: [key.jwk] }));
    issuer.script('/keys-1', json({ keys: [other.jwk] }));
    const api = protect({ issuer: tenants });
    const [one = '', two = ''] = tenants;

    expect(await api.get(tokenBy(key, one))).toBe('200');
    expect(await api.get(tokenBy(other, two))).toBe('200');
    const before = issuer.requests.length;
    expect(before).toBe(4);
    expect(await api.get(tokenBy(key, two))).toBe('401 signature_invalid'); // one tenant's key does not speak for another
    expect(issuer.requests).toHaveLength(before + 1); // the second tenant may have replaced its key
    for (const unknown of ['/tenants/3', '/tenants/', '/tenants/1/', '/tenants/{tenantid}', '/tenants/*']) {
      expect(await api.get(tokenBy(key, `${issuer.url}${unknown}`))).toBe('401 iss_mismatch');
    }
    expect(issuer.requests).toHaveLength(before + 1);
  });
});

describe('how often it is asked', () => {
  it('fetches metadata and keys once for a hundred concurrent requests to a cold API', {
    tags: ['KEY-12'],
  }, async () => {
    const { issuer, token } = await startIssuer();
    const api = protect({ issuer: issuer.url });
    const ready = [api.server.ready(), api.server.ready()];
    const answers = await Promise.all(Array.from({ length: 100 }, () => api.get(token)));

    expect(new Set(answers)).toEqual(new Set(['200']));
    await Promise.all(ready);
    expect(issuer.requests.map(({ path }) => path)).toEqual([paths.oauth, paths.jwks]);
  });

  it('fails once for a hundred concurrent requests', { tags: ['KEY-12'] }, async () => {
    const { issuer, token } = await startIssuer();
    const slow = heldBack(status(500));
    issuer.script(paths.jwks, slow.behaviour);
    const api = protect({ issuer: issuer.url });
    const answers = Promise.all(Array.from({ length: 100 }, () => api.get(token)));
    await issuer.reached(paths.jwks, 1);
    slow.release();

    expect(new Set(await answers)).toEqual(new Set(['503 jwks_unavailable']));
    expect(issuer.count(paths.jwks)).toBe(1);
  });

  it("fetches the keys once while they're fresh", { tags: ['KEY-11'] }, async () => {
    const { issuer, token } = await startIssuer();
    const api = protect({ issuer: issuer.url });
    for (let minute = 0; minute < 8; minute += 1) {
      expect(await api.get(token)).toBe('200');
      api.step(59);
    }
    expect(issuer.count(paths.jwks)).toBe(1);
    expect(issuer.count(paths.oauth)).toBe(1);
  });
});

describe('a connection that breaks', () => {
  it('is tried once more when it was kept alive and the issuer closed it', { tags: ['KEY-14'] }, async () => {
    const { issuer, token } = await startIssuer();
    const api = protect({ issuer: { issuer: issuer.url, jwksUri: `${issuer.url}${paths.jwks}` } });
    expect(await api.get(token)).toBe('200');
    expect(issuer.connections).toBe(1);

    issuer.script(paths.jwks, reset, json({ keys: [key.jwk] }));
    api.step(600);
    expect(await api.get(token)).toBe('200');
    expect(issuer.count(paths.jwks)).toBe(3);
    expect(issuer.connections).toBe(2);
    expect(api.events.map(({ event }) => event)).toEqual(['loaded', 'loaded']);
  });

  it.each([
    ['reset', reset],
    ['ended', hangUp],
  ])(
    'is tried once more and no oftener when it is %s before an answer',
    { tags: ['KEY-14'] },
    async (_how, broken) => {
      const { issuer, token } = await startIssuer();
      issuer.script(paths.jwks, broken);

      expect(await protect({ issuer: issuer.url }).get(token)).toBe('503 jwks_unavailable');
      expect(issuer.count(paths.jwks)).toBe(2);
    },
  );

  it('is not tried again when the issuer refuses it', { tags: ['KEY-14'] }, async () => {
    const { issuer, token } = await startIssuer();
    await issuer.stop();
    let fetches = 0;
    const api = protect({
      issuer: issuer.url,
      fetch: (input, init) => {
        fetches += 1;
        return fetch(input, init);
      },
    });

    expect(await api.get(token)).toBe('503 metadata_unavailable');
    expect(api.events).toMatchObject([{ event: 'failed', detail: 'ECONNREFUSED' }]);
    expect(fetches).toBe(1);
  });
});
