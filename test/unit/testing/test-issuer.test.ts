import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { decide, scope, steppedClock, trusting } from './decide.js';

const now = Date.parse('2030-01-01T00:00:00Z') / 1000;

describe('a token of the test issuer', () => {
  it('has every header parameter and claim of RFC 9068', { tags: ['ATP-06'] }, async () => {
    const { clock } = steppedClock();
    const issuer = await createTestIssuer({ clock });
    const token = await issuer.token();
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' });
    expect(decodeJwt(token)).toEqual({
      iss: 'https://issuer.example.com',
      aud: 'https://api.example.com',
      sub: 'test-client',
      client_id: 'test-client',
      iat: now,
      exp: now + 300,
      jti: expect.any(String),
    });
  });

  it('says what the options of the issuer say', async () => {
    const { clock } = steppedClock();
    const issuer = await createTestIssuer({
      audience: 'https://inventory.example.com',
      issuer: 'https://auth.example.com',
      algorithm: 'EdDSA',
      clientId: 'order-service',
      lifetimeSeconds: 60,
      clock,
    });
    const token = await issuer.token();
    expect(issuer.identifier).toBe('https://auth.example.com');
    expect(decodeProtectedHeader(token).alg).toBe('EdDSA');
    expect(decodeJwt(token)).toMatchObject({
      iss: 'https://auth.example.com',
      aud: 'https://inventory.example.com',
      sub: 'order-service',
      client_id: 'order-service',
      exp: now + 60,
    });
  });

  it('is another one each time', async () => {
    const issuer = await createTestIssuer();
    expect(decodeJwt(await issuer.token()).jti).not.toBe(decodeJwt(await issuer.token()).jti);
  });

  it('takes claims and header parameters, and leaves those out that are undefined', async () => {
    const issuer = await createTestIssuer();
    const token = await issuer.token(
      { tenant: 'acme', aud: undefined, exp: 5 },
      { typ: 'JWT', kid: undefined },
    );
    expect(decodeJwt(token)).toMatchObject({ tenant: 'acme', exp: 5 });
    expect(decodeJwt(token)).not.toHaveProperty('aud');
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT' });
  });

  it('has the client for its subject, unless it says otherwise', async () => {
    const issuer = await createTestIssuer();
    expect(decodeJwt(await issuer.token({ client_id: 'order-service' })).sub).toBe('order-service');
    expect(decodeJwt(await issuer.token({ client_id: 'web', sub: 'alice' })).sub).toBe('alice');
  });

  it.each([
    ['a string', 'read:inventory'],
    ['null', null],
    ['an array', []],
  ])('takes no claims that are %s', async (_, claims) => {
    const issuer = await createTestIssuer();
    const wrong = claims as unknown as Record<string, unknown>; // as a caller without types would
    await expect(issuer.token(wrong)).rejects.toThrow(TypeError);
    await expect(issuer.authorization(wrong)).rejects.toThrow(TypeError);
    await expect(issuer.forgeries(wrong)).rejects.toThrow(TypeError);
    await expect(issuer.token({}, wrong)).rejects.toThrow(TypeError);
  });
});

describe('the options of the test issuer', () => {
  it.each([
    ['an unknown option', { audiences: 'x' }, 'unknown option "audiences" in createTestIssuer'],
    ['an audience that is no string', { audience: ['x'] }, 'audience'],
    ['an empty audience', { audience: '' }, 'audience'],
    ['an issuer that is no string', { issuer: 1 }, 'issuer'],
    ['a symmetric algorithm', { algorithm: 'HS256' }, "takes 'RS256' or 'RS384'"],
    ['an algorithm that every object has', { algorithm: 'toString' }, "takes 'RS256' or 'RS384'"],
    ['an empty client', { clientId: '' }, 'clientId'],
    ['a lifetime of nothing', { lifetimeSeconds: 0 }, 'lifetimeSeconds'],
    ['an endless lifetime', { lifetimeSeconds: Infinity }, 'lifetimeSeconds'],
    ['a clock that is no function', { clock: 5 }, 'clock'],
    ['no object', 'https://api.example.com', 'takes an object'],
  ])('refuse %s', async (_, options, message) => {
    // As a caller without types would.
    const refused = createTestIssuer(options as Parameters<typeof createTestIssuer>[0]);
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(message);
  });

  it('are ready for createResourceServer, alone and with others', async () => {
    const issuer = await createTestIssuer();
    const authorization = await issuer.authorization({ scope });
    expect(authorization).toEqual({ Authorization: expect.stringMatching(/^Bearer [\w.-]+$/) });
    expect(await decide(trusting(issuer), authorization)).toBe('200');
    const optional = createResourceServer({ ...issuer.options, optional: true });
    expect(await decide(optional, authorization)).toBe('200');
  });

  it('can be used together for several issuers, whose keys stay apart', { tags: ['JWT-18'] }, async () => {
    const one = await createTestIssuer({ issuer: 'https://one.example.com' });
    const other = await createTestIssuer({ issuer: 'https://other.example.com', algorithm: 'RS256' });
    const third = await createTestIssuer({ issuer: 'https://third.example.com' });
    const { audience } = one.options;
    const server = createResourceServer({ issuer: [one.options.issuer, other.options.issuer], audience });

    expect(await decide(server, await one.authorization({ scope }))).toBe('200');
    expect(await decide(server, await other.authorization({ scope }))).toBe('200');
    expect(await decide(server, await third.authorization({ scope }))).toBe('401 iss_mismatch');
    // Both call their first key "key-1".
    const posing = await third.authorization({ scope, iss: one.identifier });
    expect(await decide(server, posing)).toBe('401 signature_invalid');
  });

  it('contain a clock only when the test gave one', async () => {
    const { clock } = steppedClock();
    expect((await createTestIssuer({ clock })).options.clock).toBe(clock);
    expect((await createTestIssuer()).options).not.toHaveProperty('clock');
  });

  it('are frozen and publish no private key', { tags: ['KEY-20'] }, async () => {
    const issuer = await createTestIssuer({ algorithm: 'RS256' });
    expect(Object.isFrozen(issuer.options)).toBe(true);
    expect(Object.isFrozen(issuer.options.issuer)).toBe(true);
    const { jwks } = issuer.options.issuer;
    const published = typeof jwks === 'function' ? await jwks() : jwks;
    expect(published?.keys.map((key) => Object.keys(key).sort())).toEqual([
      ['alg', 'e', 'kid', 'kty', 'n', 'use'],
    ]);
  });

  it('let a clock pass the lifetime of a token', { tags: ['ATP-05'] }, async () => {
    const { clock, step } = steppedClock();
    const issuer = await createTestIssuer({ clock, lifetimeSeconds: 60 });
    const server = trusting(issuer);
    const authorization = await issuer.authorization({ scope });
    expect(await decide(server, authorization)).toBe('200');
    step(65);
    expect(await decide(server, authorization)).toBe('401 expired');
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
  });
});

describe('rotation of keys', () => {
  it('makes tokens with a new key, which the resource server finds', { tags: ['KEY-13'] }, async () => {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    const before = await issuer.authorization({ scope });
    expect(await decide(server, before)).toBe('200');

    await issuer.rotateKeys();
    const after = await issuer.authorization({ scope });
    expect(decodeProtectedHeader(after.Authorization.slice(7)).kid).toBe('key-2');
    expect(await decide(server, after)).toBe('200');
  });

  it('ends the tokens of the old key when the keys are reloaded', { tags: ['KEY-16'] }, async () => {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    const before = await issuer.authorization({ scope });
    expect(await decide(server, before)).toBe('200');
    await issuer.rotateKeys();
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
    expect(await decide(server, before)).toBe('401 no_matching_key');
  });

  it('keeps the old keys published if asked to', async () => {
    const issuer = await createTestIssuer();
    const first = await issuer.authorization({ scope });
    await issuer.rotateKeys({ keepPrevious: true });
    const second = await issuer.authorization({ scope });
    await issuer.rotateKeys({ keepPrevious: true });
    const server = trusting(issuer);
    for (const authorization of [first, second, await issuer.authorization({ scope })]) {
      expect(await decide(server, authorization)).toBe('200');
    }
  });

  it('can be repeated at once, without waiting for a cool-down', async () => {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await issuer.rotateKeys();
      expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
    }
  });

  it('takes no unknown options', async () => {
    const issuer = await createTestIssuer();
    // As a caller without types would.
    const options = { keepOld: true } as Parameters<typeof issuer.rotateKeys>[0];
    await expect(issuer.rotateKeys(options)).rejects.toThrow('unknown option "keepOld" in rotateKeys');
  });
});

describe('an issuer that goes down', () => {
  it('leaves the resource server without keys until it comes back', { tags: ['KEY-24'] }, async () => {
    const issuer = await createTestIssuer();
    issuer.goDown();
    const server = trusting(issuer);
    const authorization = await issuer.authorization({ scope });
    expect(await decide(server, authorization)).toBe('503 jwks_unavailable');

    issuer.comeBack();
    expect(await decide(server, authorization)).toBe('200');
  });

  it('does no harm to keys that are known', { tags: ['KEY-15'] }, async () => {
    const { clock, step } = steppedClock();
    const issuer = await createTestIssuer({ clock, lifetimeSeconds: 7200 });
    const server = trusting(issuer);
    const authorization = await issuer.authorization({ scope });
    expect(await decide(server, authorization)).toBe('200');
    issuer.goDown();
    step(3600);
    expect(await decide(server, authorization)).toBe('200');
  });

  it('takes no unknown options', async () => {
    const issuer = await createTestIssuer();
    const options = { reset: true } as Parameters<typeof issuer.goDown>[0]; // as a caller without types would
    expect(() => issuer.goDown(options)).toThrow('unknown option "reset" in goDown');
  });
});
