import { describe, expect, it } from 'vitest';
import { checkDevIssuerOptions, startDevIssuer } from '../../tools/dev-issuer/index.js';
import { getJson, start } from './support.js';

const client = { clientId: 'order-service', clientSecret: 'dev-secret' };
const symmetric = { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] };

describe('options of the development issuer', () => {
  it.each<[name: string, options: unknown, message: string]>([
    ['null', null, 'option "options" takes an object, got null'],
    ['a list', [], 'option "options" takes an object, got an empty list'],
    [
      'an unknown name',
      { audiences: [] },
      'unknown option "audiences" in options; did you mean audience? Known are host, port,',
    ],
    [
      'a host that is no string',
      { host: 1 },
      'option "host" takes localhost, an address of 127.0.0.0/8 or ::1, got number',
    ],
    [
      'every address of the machine',
      { host: '0.0.0.0' },
      'got "0.0.0.0": a development issuer is for one machine',
    ],
    ['a port in a string', { port: '4400' }, 'option "port" takes a number from 0 to 65535, got string'],
    ['a port beyond all', { port: 65_536 }, 'option "port" takes a number from 0 to 65535, got 65536'],
    ['half a port', { port: 0.5 }, 'option "port" takes a whole number, got number'],
    ['a symmetric algorithm', { algorithm: 'HS256' }, 'option "algorithm" takes \'RS256\' or'],
    [
      'no lifetime',
      { lifetimeSeconds: 0 },
      'option "lifetimeSeconds" takes a number from 1 to 31536000, got 0',
    ],
    ['milliseconds', { lifetimeSeconds: 1e11 }, 'option "lifetimeSeconds" takes a number from 1 to 31536000'],
    ['an empty file name', { keys: '' }, 'option "keys" takes a non-empty string, got an empty string'],
    [
      'an empty audience',
      { audience: [] },
      'option "audience" takes a non-empty string, or a list of at least one',
    ],
    ['no client', { clients: [] }, 'option "clients" takes a list of at least one client, got an empty list'],
    [
      'a client outside of a list',
      { clients: client },
      'option "clients" takes a list of at least one client, got object',
    ],
    ['a client that is a string', { clients: ['x'] }, 'option "clients[0]" takes an object, got string'],
    [
      'an unknown member',
      { clients: [{ ...client, scope: 'x' }] },
      'unknown option "scope" in clients[0]; did you mean scopes? Known are clientId,',
    ],
    [
      'no client id',
      { clients: [{}] },
      'option "clients[0].clientId" takes a non-empty string without control characters, got undefined',
    ],
    [
      'a line break in a client id',
      { clients: [{ clientId: 'a\nb' }] },
      'option "clients[0].clientId" takes',
    ],
    [
      'an empty secret',
      { clients: [client, { clientId: 'b', clientSecret: '' }] },
      'option "clients[1].clientSecret" takes a non-empty string without control characters, got an empty string',
    ],
    [
      'a secret that is a number',
      { clients: [{ clientId: 'b', clientSecret: 123 }] },
      'option "clients[0].clientSecret" takes a non-empty string without control characters, got number',
    ],
    [
      'the same client twice',
      { clients: [client, client] },
      'option "clients[1].clientId" names a client that is already listed',
    ],
    [
      'scopes in a string',
      { clients: [{ ...client, scopes: 'a b' }] },
      'option "clients[0].scopes" takes a list of scopes, each without spaces, quotes and backslashes, got string',
    ],
    [
      'two scopes in one',
      { clients: [{ ...client, scopes: ['a b'] }] },
      'option "clients[0].scopes" takes a list of scopes',
    ],
    [
      'an empty audience of a client',
      { clients: [{ ...client, audience: '' }] },
      'option "clients[0].audience" takes',
    ],
    [
      'claims in a list',
      { clients: [{ ...client, claims: [] }] },
      'option "clients[0].claims" takes an object, got an empty list',
    ],
    [
      'a claim of the issuer',
      { clients: [{ ...client, claims: { exp: 1 } }] },
      'option "clients[0].claims" has the claim "exp", which the issuer sets itself',
    ],
    [
      'keys that are none',
      { clients: [{ clientId: 'b', jwks: {} }] },
      'option "clients[0].jwks" takes a JWK Set',
    ],
    [
      'a symmetric key',
      { clients: [{ clientId: 'b', jwks: symmetric }] },
      'option "clients[0].jwks" has a symmetric key; it takes public keys only',
    ],
  ])('are refused: %s', async (_, options, message) => {
    expect(() => checkDevIssuerOptions(options)).toThrow(TypeError);
    expect(() => checkDevIssuerOptions(options)).toThrow(message);
    // As a caller without types would.
    const started = startDevIssuer(options as Parameters<typeof startDevIssuer>[0]);
    await expect(started).rejects.toThrow(message);
  });

  it('never tell a secret', () => {
    const wrong = { clients: [{ clientId: 'b', clientSecret: 'dev-\u0000secret' }] };
    expect(() => checkDevIssuerOptions(wrong)).not.toThrow('secret"');
    expect(() => checkDevIssuerOptions(wrong)).toThrow('got string');
  });

  it('may all be left out, and then there is one client', async () => {
    const issuer = await startDevIssuer({ port: 0 });
    const { clients, algorithm, lifetimeSeconds } = await getJson(`${issuer.issuer}/dev/settings`);
    await issuer.close();
    expect({ algorithm, lifetimeSeconds }).toEqual({ algorithm: 'RS256', lifetimeSeconds: 3600 });
    expect(clients).toMatchObject([
      {
        clientId: 'order-service',
        scopes: ['read:inventory', 'write:orders'],
        audience: ['https://inventory.example.com'],
      },
    ]);
  });

  it('give a client without credentials another random secret each time', async () => {
    const secretOf = async () => (await start({ clients: [{ clientId: 'a' }] })).clients[0]?.clientSecret;
    const [one, other] = [await secretOf(), await secretOf()];
    expect(one).toMatch(/^[\w-]{24}$/);
    expect(other).not.toBe(one);
  });

  it('let a client have its own audience', async () => {
    const { clients } = await start({
      audience: 'a',
      clients: [{ clientId: 'one' }, { clientId: 'two', audience: ['b', 'b', 'c'] }],
    });
    expect(clients.map(({ audience }) => audience)).toEqual([['a'], ['b', 'c']]);
  });
});
