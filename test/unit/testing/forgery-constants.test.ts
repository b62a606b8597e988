import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import type { Forgery } from '../../../src/testing/forgeries/forgery.js';
import { createDpopKey, createTestIssuer } from '../../../src/testing/index.js';
import { createKeyRing, generateSigningKey } from '../../../src/testing/signing-key.js';
import { createTokenIssuer, type TokenIssuer } from '../../../src/testing/token-issuer.js';
import { decide, scope, trusting } from './decide.js';

/**
 * What a forgery puts in the place of a genuine value can be the genuine value of somebody: here every string
 * that the tables contain becomes one, so a new row is covered too.
 */
const standard = await createTestIssuer();
const parts = (await standard.forgeries({ scope })).flatMap(({ headers }) => readJson(headers.Authorization));
const strings = (name: string): readonly string[] =>
  [
    ...new Set(
      parts.flatMap((part) => part[name]).filter((value) => typeof value === 'string' && value !== ''),
    ),
  ] as string[]; // filtered

/** The header and the claims of a token, as far as they can be read. */
function readJson(text = ''): readonly Record<string, unknown>[] {
  return text.split('.').flatMap((part) => {
    try {
      const value: unknown = JSON.parse(Buffer.from(part.replace(/^\w+ /, ''), 'base64url').toString());
      return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
    } catch {
      return []; // some forgeries aren't JSON
    }
  });
}

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T; // no list is empty
}

async function outcomes(forgeries: readonly Forgery[], of: (forgery: Forgery) => Promise<string>) {
  const [found, expected]: string[][] = [[], []];
  for (const forgery of forgeries) {
    found?.push(`${forgery.name}: ${await of(forgery)}`);
    expected?.push(`${forgery.name}: ${forgery.status} ${forgery.reason}`);
  }
  return { found, expected };
}

async function expectRefusals(
  issuer: Pick<TokenIssuer, 'forgeries' | 'authorization'>,
  server: ReturnType<typeof trusting>,
  claims: Record<string, unknown>,
): Promise<void> {
  expect(await decide(server, await issuer.authorization(claims))).toBe('200');
  const { found, expected } = await outcomes(await issuer.forgeries(claims), ({ headers }) =>
    decide(server, headers),
  );
  expect(found).toEqual(expected);
}

describe('no forgery of a token is a genuine one', () => {
  const odd = {
    issuer: strings('iss'),
    audience: [...strings('aud'), 'https://third-api.example', 'a', '/', 'API'],
    clientId: [...strings('aud'), ...strings('client_id')],
    kid: [...strings('kid'), 'foreign-key'],
    scope: [...strings('scope'), 'other', 'x', '* read:inventory', 'READ read'],
    now: [undefined, 0, 1000],
  };
  // Each round has the next value of each list.
  const rounds = Array.from(
    { length: Math.max(...Object.values(odd).map((list) => list.length)) },
    (_, at) => ({
      issuer: pick(odd.issuer, at),
      audience: pick(odd.audience, at),
      clientId: pick(odd.clientId, at),
      kid: pick(odd.kid, at),
      scope: pick(odd.scope, at),
      now: at < 3 ? odd.now[at] : undefined,
    }),
  );

  it.each(rounds)('of %j', async ({ issuer: identifier, audience, clientId, kid, scope: more, now }) => {
    const key = await generateSigningKey('ES256', kid);
    const ring = await createKeyRing('ES256', { keys: [key] });
    const clock = now === undefined ? undefined : () => now;
    const issuer = createTokenIssuer(identifier, { audience, clientId, lifetimeSeconds: 60, clock }, ring);
    const server = createResourceServer({
      issuer: { issuer: identifier, jwks: ring.published },
      audience,
      refusalWarnings: 'off',
      ...(clock && { clock }),
    });
    await expectRefusals(issuer, server, { scope: `${more} ${scope}` });
  });

  it('of a token for another audience than the usual one', async () => {
    for (const aud of [
      'https://other-api.example',
      ['https://third-api.example', 'https://api.example.com'],
    ]) {
      const server = createResourceServer({ ...standard.options, audience: [aud].flat() });
      const genuine = await standard.authorization({ scope, aud });
      expect(await decide(server, genuine)).toBe('200');
      for (const { name, headers } of await standard.forgeries({ scope, aud }))
        expect(`${name}: ${await decide(server, headers)}`).not.toBe(`${name}: 200`);
    }
  });

  it('of a token with claims that a forgery adds, or that mark an access token', async () => {
    const server = trusting(standard);
    const isAccepted = async (claims: object) =>
      (await decide(server, await standard.authorization({ ...claims, scope }))) === '200';
    const sets: Record<string, unknown>[] = [{ token_use: 'access', typ: 'Bearer' }];
    for (const name of new Set(parts.flatMap((part) => Object.keys(part)))) {
      let at = 0;
      // The first value of each claim into the first set, the second into the second, and so on.
      for (const value of new Set(parts.map((part) => part[name]))) {
        if (value === undefined || !(await isAccepted({ [name]: value }))) continue;
        sets[at] = { [name]: value, ...sets[at] };
        at += 1;
      }
    }
    expect(Object.keys(sets[0] ?? {})).toEqual(expect.arrayContaining(['scp', 'urn:example:extra']));
    for (const claims of sets) await expectRefusals(standard, server, { ...claims, scope });
    const unscoped = await standard.forgeries(sets[0]);
    const unmarked = unscoped.find(({ name }) => name === 'JWT without scope and client');
    expect(await decide(server, unmarked?.headers ?? {})).toBe('401 not_an_access_token');
  });
});

describe('no forgery of a proof is a genuine one', async () => {
  const usual = { method: 'GET', url: 'https://api.example.com/stock/42' };
  const proofs = (await standard.dpopForgeries(usual)).flatMap(({ headers }) => readJson(headers.DPoP));
  const urls = proofs.flatMap(({ htu }) =>
    URL.canParse(String(htu)) ? new URL(String(htu).trim()).href : [],
  );
  const odd = [
    ...[
      'https://localhost:4443/stock',
      'https://localhost:8443/',
      'https://attacker.example',
      'http://[::1]:4443/a',
    ],
    ...['https://attacker.example:8443/*', 'https://localhost:8443//a', 'https://localhost/a%20b/?x=1'],
  ];
  const methods = ['GET', 'get', 'DELETE', 'PATCH', 'M-SEARCH'];
  const settings = [...new Set([...urls, ...odd])].map((url, at) => ({
    url,
    method: pick(methods, at),
    now: at < 3 ? [undefined, 0, 2000][at] : undefined,
    claims: at % 2 === 0 ? {} : { cnf: { jkt: 'A'.repeat(43) } },
  }));

  it.each(settings)('of %j', async ({ url, method, now, claims }) => {
    const options = now === undefined ? {} : { clock: () => now };
    const issuer = await createTestIssuer(options);
    const server = createResourceServer(issuer.options);
    // What `fetch` and supertest send.
    const { origin, pathname, search } = new URL(url);
    const sent = { method: method.toUpperCase(), url: `${origin}${pathname}${search}` };
    const send = async (headers: Readonly<Record<string, string>>) => {
      const fields = new Headers(headers);
      const decision = await server.authenticate({
        ...sent,
        header: (name) => fields.get(name) ?? undefined,
      });
      return decision.kind === 'allowed' ? '200' : `${decision.answer.status} ${decision.error.reason}`;
    };
    const forgeries = await issuer.dpopForgeries({ method, url }, claims);
    const { found, expected } = await outcomes(forgeries, ({ headers }) => send(headers));
    expect(found).toEqual(expected);
    const key = await createDpopKey(options);
    const token = await issuer.token({ cnf: key.confirmation });
    expect(await send(await key.headers({ ...sent, token }))).toBe('200');
  });
});
