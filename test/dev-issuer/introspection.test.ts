import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createKeyRing } from '../../src/testing/signing-key.js';
import { createTokenIssuer, type TokenIssuer } from '../../src/testing/token-issuer.js';
import { type DevIssuer, readKeysFile } from '../../tools/dev-issuer/index.js';
import { basic, getToken, inventory, post, start, temporaryFolder } from './support.js';

const api = basic('inventory-service', 'api-secret');

async function introspect({ introspectionEndpoint }: DevIssuer, token: string): Promise<unknown> {
  const { status, headers, body } = await post(introspectionEndpoint, [['token', token]], [api]);
  expect(status).toBe(200);
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
  return JSON.parse(body);
}

/** A development issuer, and who makes tokens with its keys. */
async function startWithTokens(): Promise<{ issuer: DevIssuer; tokens: TokenIssuer }> {
  const file = join(await temporaryFolder(), 'keys.json');
  const issuer = await start({ keys: file });
  const keys = await readKeysFile(file);
  if (keys === undefined) throw new Error('no keys');
  const settings = { audience: inventory, clientId: 'order-service', lifetimeSeconds: 60, clock: undefined };
  const ring = await createKeyRing('ES256', { keys });
  return { issuer, tokens: createTokenIssuer(issuer.issuer, settings, ring) };
}

describe('introspection (RFC 7662)', () => {
  it('tells the claims of an active token', async () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    const issuer = await start({}, { clock: () => now });
    expect(await introspect(issuer, await getToken(issuer, [['scope', 'read:inventory']]))).toEqual({
      active: true,
      token_type: 'Bearer',
      scope: 'read:inventory',
      client_id: 'order-service',
      sub: 'order-service',
      iss: issuer.issuer,
      aud: inventory,
      iat: now / 1000,
      exp: now / 1000 + 3600,
      jti: expect.any(String),
    });
  });

  it('calls a token inactive as soon as it expires', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const issuer = await start({ lifetimeSeconds: 60 }, { clock: () => now });
    const token = await getToken(issuer);
    now += 59_000;
    expect(await introspect(issuer, token)).toMatchObject({ active: true });
    now += 1000;
    expect(await introspect(issuer, token)).toEqual({ active: false });
  });

  it('calls the tokens of a withdrawn key inactive, and those of a published one active', async () => {
    const issuer = await start();
    const token = await getToken(issuer);
    await issuer.rotateKeys(true);
    expect(await introspect(issuer, token)).toMatchObject({ active: true });
    await issuer.rotateKeys(false);
    expect(await introspect(issuer, token)).toEqual({ active: false });
  });

  it('says nothing about forged tokens but that they are inactive', async () => {
    const { issuer, tokens } = await startWithTokens();
    const accepted = { client_id: 'order-service', scope: 'read:inventory' };
    expect(await introspect(issuer, await tokens.token(accepted))).toMatchObject({ active: true });
    let tried = 0;
    for (const { name, reason, headers } of await tokens.forgeries(accepted)) {
      const [, token] = /^Bearer (\S+)$/.exec(headers.Authorization ?? '') ?? [];
      // A token without the scope is a genuine one, and so are those that are sent wrongly or without their
      // key.
      if (token === undefined || /scope|credentials|dpop_downgrade|confirmation|certificate_/.test(reason))
        continue;
      expect([name, await introspect(issuer, token)]).toEqual([name, { active: false }]);
      tried += 1;
    }
    expect(tried).toBeGreaterThan(80);
  }, 30_000);

  it("calls its own JWT inactive if it isn't an access token by its type", async () => {
    const { issuer, tokens } = await startWithTokens();
    expect(await introspect(issuer, await tokens.token({}, { typ: 'JWT' }))).toEqual({ active: false });
  });

  it.each(['', 'opaque', 'a.b.c', 'x'.repeat(60_000)])(
    'calls anything else inactive, or asks for a token',
    async (token) => {
      const { introspectionEndpoint } = await start();
      const { status, body } = await post(introspectionEndpoint, [['token', token]], [api]);
      if (token === '') expect([status, JSON.parse(body).error]).toEqual([400, 'invalid_request']);
      else expect([status, JSON.parse(body)]).toEqual([200, { active: false }]);
    },
  );

  it('is for clients only', async () => {
    const issuer = await start();
    const token = await getToken(issuer);
    for (const headers of [
      [],
      [basic('inventory-service', 'wrong')],
      [['Authorization', `Bearer ${token}`]],
    ] as const) {
      const { status, body } = await post(issuer.introspectionEndpoint, [['token', token]], headers);
      expect([status, JSON.parse(body).error]).toEqual([401, 'invalid_client']);
    }
  });

  it('takes POST only, so that no token gets into a URL', { tags: ['INT-01'] }, async () => {
    const { introspectionEndpoint } = await start();
    expect((await fetch(`${introspectionEndpoint}?token=x`)).status).toBe(405);
    expect((await post(`${introspectionEndpoint}?token=x`, [], [api])).status).toBe(400);
  });
});
