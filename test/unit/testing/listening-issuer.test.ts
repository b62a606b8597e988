import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import { createTestIssuer, type ListeningIssuer, type TestIssuer } from '../../../src/testing/index.js';
import { decide, scope, steppedClock } from './decide.js';

const wellKnown = '/.well-known/oauth-authorization-server';

async function listen(clock?: () => number): Promise<{ issuer: TestIssuer; listening: ListeningIssuer }> {
  const issuer = await createTestIssuer(clock === undefined ? {} : { clock });
  const listening = await issuer.listen();
  onTestFinished(() => listening.close());
  return { issuer, listening };
}

describe('an issuer that listens', () => {
  it('is named by its URL, and found by discovery', async () => {
    const { listening } = await listen();
    expect(listening.identifier).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(listening.options).toEqual({
      issuer: listening.identifier,
      audience: 'https://api.example.com',
      refusalWarnings: 'off',
    });

    const server = createResourceServer(listening.options);
    onTestFinished(() => server.close());
    expect(await decide(server, await listening.authorization({ scope }))).toBe('200');
    expect(await decide(server, await listening.authorization({ scope }))).toBe('200');
    expect(listening.requests[wellKnown]).toBe(1);
    expect(listening.requests['/jwks']).toBe(1);
  });

  it.each([wellKnown, '/.well-known/openid-configuration'])(
    'serves metadata at %s',
    { tags: ['KEY-01'] },
    async (path) => {
      const { listening } = await listen();
      const response = await fetch(`${listening.identifier}${path}`);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toMatchObject({
        issuer: listening.identifier,
        jwks_uri: `${listening.identifier}/jwks`,
      });
    },
  );

  it('serves its public keys', async () => {
    const { listening } = await listen();
    const response = await fetch(`${listening.identifier}/jwks`);
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(await response.json()).toEqual({
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: expect.any(String),
          y: expect.any(String),
          kid: 'key-1',
          alg: 'ES256',
          use: 'sig',
        },
      ],
    });
  });

  it('has nothing else, whatever the path is called', async () => {
    const { listening } = await listen();
    for (const path of ['/', '/toString', '/__proto__', '/jwks/']) {
      expect((await fetch(`${listening.identifier}${path}`)).status).toBe(404);
    }
    expect(Object.values(listening.requests)).toEqual([0, 0, 0, 0, 0]);
  });

  it('has forgeries of its own tokens', async () => {
    const { listening } = await listen();
    const server = createResourceServer(listening.options);
    onTestFinished(() => server.close());
    for (const { name, headers, status, reason } of await listening.forgeries({ scope })) {
      expect(`${name}: ${await decide(server, headers)}`).toBe(`${name}: ${status} ${reason}`);
    }
  });

  it('shares its keys with the issuer that it came from', async () => {
    const { issuer, listening } = await listen();
    const server = createResourceServer(listening.options);
    onTestFinished(() => server.close());
    expect(await decide(server, await issuer.authorization({ scope, iss: listening.identifier }))).toBe(
      '200',
    );
    await issuer.rotateKeys();
    expect(await decide(server, await listening.authorization({ scope }))).toBe('200');
  });

  it.each([{}, { resetConnections: true }])(
    'goes down with %j and comes back',
    { tags: ['KEY-24'] },
    async (how) => {
      const { clock, step } = steppedClock();
      const { listening } = await listen(clock);
      listening.goDown(how);
      const server = createResourceServer(listening.options);
      onTestFinished(() => server.close());
      const authorization = await listening.authorization({ scope });
      expect(await decide(server, authorization)).toMatch(/^503 /);
      expect(listening.requests[wellKnown]).toBeGreaterThan(0);

      listening.comeBack();
      step(60);
      expect(await decide(server, await listening.authorization({ scope }))).toBe('200');
    },
  );

  it('answers 503 while it is down, or breaks the connection', async () => {
    const { issuer, listening } = await listen();
    issuer.goDown();
    expect((await fetch(`${listening.identifier}/jwks`)).status).toBe(503);
    issuer.goDown({ resetConnections: true });
    await expect(fetch(`${listening.identifier}/jwks`)).rejects.toThrow('fetch failed');
    issuer.comeBack();
    expect((await fetch(`${listening.identifier}/jwks`)).status).toBe(200);
    expect(listening.requests['/jwks']).toBeGreaterThanOrEqual(3);
  });

  it('counts as of the moment of the question', async () => {
    const { listening } = await listen();
    const before = listening.requests;
    await fetch(`${listening.identifier}/jwks`);
    expect(before['/jwks']).toBe(0);
    expect(listening.requests['/jwks']).toBe(1);
  });

  it('stops listening when closed, as often as one likes', async () => {
    const { listening } = await listen();
    expect((await fetch(`${listening.identifier}/jwks`)).status).toBe(200); // leaves an idle connection
    await listening.close();
    await listening.close();
    await expect(fetch(`${listening.identifier}/jwks`)).rejects.toThrow('fetch failed');
  });

  it('can be started more than once', async () => {
    const { issuer, listening } = await listen();
    const second = await issuer.listen();
    onTestFinished(() => second.close());
    expect(second.identifier).not.toBe(listening.identifier);
  });
});
