import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import supertest from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import type { Algorithm } from '../../../src/terms.js';
import { createTestIssuer, type Forgery } from '../../../src/testing/index.js';
import { decide, scope, trusting } from './decide.js';

const algorithms: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const expected = ({ name, status, reason }: Forgery) => `${name}: ${status} ${reason}`;

describe.each(algorithms)('an issuer that signs with %s', (algorithm) => {
  it('makes tokens that are accepted, and forgeries that are all refused for the right reason', async () => {
    const issuer = await createTestIssuer({ algorithm });
    const server = trusting(issuer);

    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
    const forgeries = await issuer.forgeries({ scope });
    const outcomes: string[] = [];
    for (const { name, headers } of forgeries) outcomes.push(`${name}: ${await decide(server, headers)}`);
    expect(outcomes).toEqual(forgeries.map(expected));
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
  });
});

describe('forgeries', () => {
  it('are more than a hundred, of which each has its own name', async () => {
    const forgeries = await (await createTestIssuer()).forgeries({ scope });
    expect(forgeries.length).toBeGreaterThan(100);
    expect(new Set(forgeries.map(({ name }) => name)).size).toBe(forgeries.length);
  });

  it('fit into the header limit of Node together with other fields', async () => {
    const forgeries = await (await createTestIssuer({ algorithm: 'RS512' })).forgeries({ scope });
    const sizes = forgeries.map(({ headers }) => Object.values(headers).join('').length);
    expect(Math.max(...sizes)).toBeLessThan(8192);
  });

  it('leave scopes alone if the claims name none', async () => {
    const issuer = await createTestIssuer();
    for (const claims of [undefined, {}, { scope: '' }, { scp: [scope] }]) {
      const forgeries = await issuer.forgeries(claims);
      expect(forgeries.filter(({ status }) => status === 403)).toEqual([]);
    }
  });

  it('never contain a scope that opens the route after all', async () => {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    // "read" is what remains of "read:inventory", and "WRITE" is "write" in upper case.
    const forgeries = await issuer.forgeries({ scope: 'read read:inventory write WRITE' });
    const names = forgeries.filter(({ status }) => status === 403).map(({ name }) => name);
    expect(names).not.toContain('scope up to the separator');
    expect(names).not.toContain('scope in upper case');
    expect(names).toContain('scopes joined by commas');
    for (const { name, headers, status } of forgeries.filter((forgery) => forgery.status === 403)) {
      const outcome = await decide(server, headers);
      expect(`${name}: ${outcome}`).toBe(`${name}: ${status} insufficient_scope`);
    }
  });

  it('keep the other claims that open the route', async () => {
    const issuer = await createTestIssuer();
    const forgeries = await issuer.forgeries({ scope, tenant: 'acme' });
    const expired = forgeries.find(({ name }) => name === 'exp in the past');
    const [, claims = ''] = expired?.headers.Authorization?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ scope, tenant: 'acme' });
  });

  it('are refused also while two keys are published', async () => {
    const issuer = await createTestIssuer();
    await issuer.rotateKeys({ keepPrevious: true });
    const server = trusting(issuer);
    const forgeries = await issuer.forgeries({ scope });
    const outcomes: string[] = [];
    for (const { name, headers } of forgeries) outcomes.push(`${name}: ${await decide(server, headers)}`);
    expect(outcomes).toEqual(forgeries.map(expected));
  });

  it('have the right status even if the resource server accepts only at+jwt', {
    tags: ['ATP-01'],
  }, async () => {
    const issuer = await createTestIssuer();
    const server = createResourceServer({ ...issuer.options, tokenType: 'at+jwt', algorithms: ['ES256'] });
    for (const { name, headers, status } of await issuer.forgeries({ scope })) {
      const outcome = await decide(server, headers);
      expect(`${name}: ${outcome.slice(0, 3)}`).toBe(`${name}: ${status}`);
    }
  });

  it('are refused for an issuer and an audience with a trailing slash', async () => {
    const issuer = await createTestIssuer({
      issuer: 'https://issuer.example.com/tenant/',
      audience: 'https://api.example.com/',
    });
    const server = trusting(issuer);
    for (const forgery of await issuer.forgeries({ scope })) {
      expect(`${forgery.name}: ${await decide(server, forgery.headers)}`).toBe(expected(forgery));
    }
  });

  it('pass only without credentials, if those are optional', {
    tags: ['BRR-31'],
  }, async () => {
    const issuer = await createTestIssuer();
    const server = createResourceServer({ ...issuer.options, optional: true });
    for (const { name, headers, reason } of await issuer.forgeries()) {
      const request = new Request('https://api.example.com/', { headers: { ...headers } });
      const { kind } = await server.authenticate(request);
      expect(`${name}: ${kind}`).toBe(`${name}: ${reason === 'missing_credentials' ? 'allowed' : 'denied'}`);
    }
  });
});

describe('the header fields of forgeries', () => {
  async function listen(): Promise<{ url: string; forgeries: readonly Forgery[] }> {
    const issuer = await createTestIssuer();
    const server = trusting(issuer);
    const http = createServer(async (request, response) => {
      const decision = await server.authenticate(request);
      const auth = decision.kind === 'allowed' ? decision.auth : undefined;
      const denied = decision.kind === 'denied' ? decision : server.authorize(auth, { allScopes: [scope] });
      response.writeHead(denied.kind === 'denied' ? denied.answer.status : 200).end();
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const { port } = http.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, forgeries: await issuer.forgeries({ scope }) };
  }

  it('can be sent by fetch', async () => {
    const { url, forgeries } = await listen();
    for (const { name, headers, status } of forgeries) {
      const response = await fetch(url, { headers });
      expect(`${name}: ${response.status}`).toBe(`${name}: ${status}`);
    }
  });

  it('can be sent by supertest', async () => {
    const { url, forgeries } = await listen();
    for (const { name, headers, status } of forgeries) {
      const response = await supertest(url).get('/').set(headers);
      expect(`${name}: ${response.status}`).toBe(`${name}: ${status}`);
    }
  });
});
