import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isResourceServerError } from '../../src/errors.js';
import type { ClaimsPredicate, Requirement } from '../../src/requirement/requirement.js';
import { createResourceServer, type ResourceServer } from '../../src/resource-server.js';
import { createTestIssuer, type Forgery } from '../../src/testing/index.js';
import { startMisbehavingIssuer, status } from '../support/misbehaving-issuer.js';
import { requestWith } from '../support/outcome.js';
import { watchOutputs } from '../support/outputs.js';

const CANARY = 'canary-7f3a';
const claims = {
  sub: `${CANARY}-sub`,
  scope: `read:inventory ${CANARY}-scope`,
  jti: `${CANARY}-jti`,
  email: `${CANARY}@example.com`,
  nested: { list: [`${CANARY}-nested`] },
};
const issuer = await createTestIssuer();
const published = await loadKeys();
const forgeries = await issuer.forgeries(claims);

async function loadKeys(): Promise<readonly unknown[]> {
  const { jwks } = issuer.options.issuer;
  return typeof jwks === 'function' ? (await jwks()).keys : (jwks?.keys ?? []);
}

/**
 * Everything that a careless logger could write of a value: its text, all members, hidden ones, its causes.
 */
function everythingIn(value: unknown): string {
  const shown = inspect(value, {
    depth: Infinity,
    showHidden: true,
    maxStringLength: Infinity,
    maxArrayLength: Infinity,
    breakLength: Infinity,
  });
  const parts = [shown, JSON.stringify(value), String(value)];
  if (value instanceof Error) parts.push(value.message, value.stack ?? '', everythingIn(value.cause));
  return parts.join('\n');
}

/**
 * What must not be in a log: the token, its segments, what the claims say, the key, what the header line
 * held.
 */
function secretsOf(token: string): readonly string[] {
  const keys = published.flatMap((jwk) =>
    Object.values(Object(jwk)).filter((value) => String(value).length > 20),
  );
  return [CANARY, ...token.split(/[.\s,"~=]+/).filter((part) => part.length > 15), ...keys.map(String)];
}

function expectNoSecrets(values: readonly unknown[], token: string): void {
  const text = values.map(everythingIn).join('\n');
  expect(secretsOf(token).filter((secret) => text.includes(secret))).toEqual([]);
}

async function errorOf(server: ResourceServer, token: string): Promise<unknown> {
  return server.verify(token).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('what is left of a refused token', () => {
  it.each(forgeries)(
    'contains no part of it: $name',
    { tags: ['OPS-01', 'OPS-02', 'OPS-03', 'OPS-04'] },
    async ({ headers, status }: Forgery) => {
      const outputs = watchOutputs();
      const server = createResourceServer({ ...issuer.options, refusalWarnings: 'development' });
      const line = Object.values(headers).join(' ');
      const url = `https://api.example.com/${CANARY}?q=${CANARY}`;
      const authenticate = () => server.authenticate(new Request(url, { headers: { ...headers } }));
      const decision = await authenticate();
      // Forgeries of scopes are genuine tokens: their refusal is that of the requirement.
      const refusal =
        decision.kind === 'allowed'
          ? server.authorize(decision.auth, { allScopes: ['read:inventory'] })
          : decision;
      expect(refusal.kind).toBe('denied');
      if (refusal.kind !== 'denied') return;
      expect(refusal.answer.status).toBe(status);
      expectNoSecrets([refusal, refusal.error, refusal.answer, await outputs.all()], line);
      if (['aud_mismatch', 'iss_mismatch'].includes(refusal.error.reason))
        expect(outputs.warnings).toHaveLength(1);
      await outputs.logged(authenticate);
      const error = await errorOf(server, line.replace(/^\S+ /, ''));
      if (error !== undefined) {
        expect(isResourceServerError(error)).toBe(true);
        expectNoSecrets([error], line);
      }
      expectNoSecrets(await outputs.all(), line);
    },
  );

  it.each<[string, Requirement]>([
    ['a scope', { allScopes: ['other'] }],
    ['any scope', { anyScope: ['other', 'another'] }],
    ['claims', { claims: () => false }],
    [
      'claims, by an error that quotes them',
      {
        claims: (content) => {
          throw new Error(`${content.email} may not`);
        },
      },
    ],
    [
      'claims, by a class of errors that carries them',
      {
        claims: (content) => {
          throw Object.assign(new TypeError('x'), { content });
        },
      },
    ],
    ['claims, by returning them', { claims: ((content: unknown) => content) as unknown as ClaimsPredicate }],
    [
      'claims, by a promise of them',
      { claims: (async (content: unknown) => content) as unknown as ClaimsPredicate },
    ],
  ])(
    'contains no part of it with the requirement %s',
    { tags: ['OPS-01', 'OPS-02'] },
    async (_, requirement) => {
      const server = createResourceServer(issuer.options);
      const token = await issuer.token(claims);
      const auth = await server.verify(token);
      const outputs = watchOutputs();
      const decision = server.authorize(auth, requirement);
      expect(decision.kind).toBe('denied');
      if (decision.kind !== 'denied') return;
      const lines = await outputs.logged(() => server.authorize(auth, requirement, requestWith()));
      expect(lines.length).toBeGreaterThan(2);
      expectNoSecrets([decision, decision.error, decision.answer, await outputs.all()], token);
    },
  );

  it.each([false, true])(
    'contains no part of it when the keys are out of reach (reset: %s)',
    { tags: ['OPS-01', 'OPS-02'] },
    async (reset) => {
      const remote = await issuer.listen();
      const outputs = watchOutputs();
      const server = createResourceServer({ ...remote.options, refusalWarnings: 'development' });
      const token = await remote.token(claims);
      remote.goDown({ resetConnections: reset });
      const authenticate = () => server.authenticate(requestWith(`Bearer ${token}`));
      const decision = await authenticate();
      const lines = await outputs.logged(authenticate);
      remote.comeBack();
      await remote.close();
      expect(outputs.warnings).toHaveLength(1);
      expect(lines.length).toBeGreaterThan(2);
      expect(decision).toMatchObject({ kind: 'denied', answer: { status: 503 } });
      if (decision.kind !== 'denied') return;
      expect(decision.error.cause).toBeDefined();
      expectNoSecrets([decision, decision.error, decision.answer, await outputs.all()], token);
    },
  );

  it.each<Parameters<typeof status>>([[503], [401, { error: 'invalid_client', error_description: CANARY }]])(
    'contains no part of it when introspection is answered with %s, nor of our own secret',
    { tags: ['OPS-01', 'OPS-02'] },
    async (code, body) => {
      const remote = await startMisbehavingIssuer();
      remote.script('/introspect', status(code, body));
      const introspection = {
        clientId: 'api',
        clientSecret: `${CANARY}-secret`,
        endpoint: `${remote.url}/introspect`,
      };
      const outputs = watchOutputs();
      const server = createResourceServer({ issuer: { issuer: remote.url, introspection }, audience: 'api' });
      const authenticate = () => server.authenticate(requestWith(`Bearer ${CANARY}-opaque-token`));
      const decision = await authenticate();
      const lines = await outputs.logged(authenticate);
      expect(outputs.warnings).toHaveLength(1);
      expect(lines.length).toBeGreaterThan(2);
      expect(decision).toMatchObject({ kind: 'denied', answer: { status: 503 } });
      if (decision.kind !== 'denied') return;
      const said = [decision, decision.error, decision.answer, await outputs.all()];
      expectNoSecrets(said, `${CANARY}-opaque-token`);
      expect(said.map(everythingIn).join()).not.toContain(btoa(`api:${CANARY}-secret`));
    },
  );

  it('tells the client nothing about the configuration', { tags: ['OPS-03', 'OPS-04'] }, async () => {
    const server = createResourceServer({ ...issuer.options, audience: `https://${CANARY}.internal` });
    const decision = await server.authenticate(requestWith(`Bearer ${await issuer.token()}`));
    expect(decision).toMatchObject({ kind: 'denied', error: { reason: 'aud_mismatch' } });
    expect(everythingIn(decision)).not.toContain(CANARY);
  });
});

describe('what is left of an accepted token', () => {
  it('is in no message of a channel, no log, no metric and no span', { tags: ['OPS-01'] }, async () => {
    const outputs = watchOutputs();
    const server = createResourceServer(issuer.options);
    const token = await issuer.token(claims);
    await outputs.logged(async () => {
      await server.verify(token);
      await server.authenticate(requestWith(`Bearer ${token}`));
    });
    const said = await outputs.all();
    expect(JSON.stringify(said)).toContain('oauth_resource_server.decisions');
    expectNoSecrets(said, token);
  });

  it('is in the decision as claims, and not as a token', { tags: ['OPS-01'] }, async () => {
    const server = createResourceServer(issuer.options);
    const token = await issuer.token(claims);
    const decision = await server.authenticate(requestWith(`Bearer ${token}`));
    const text = everythingIn(decision);
    expect(text).toContain(CANARY);
    for (const segment of token.split('.')) expect(text).not.toContain(segment);
  });
});
