import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { channels } from '../../src/diagnostics.js';
import { isResourceServerError } from '../../src/errors.js';
import type { ClaimsPredicate, Requirement } from '../../src/requirement/requirement.js';
import { createResourceServer, type ResourceServer } from '../../src/resource-server.js';
import { createTestIssuer, type Forgery } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { requestWith } from '../support/outcome.js';

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

/** Everything that a careless logger could write of a value: its text, all members, hidden ones, its causes. */
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

/** What must not be in a log: the token, its segments, what the claims say, the key, what the header line held. */
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

function listenToAll(): readonly unknown[][] {
  return Object.values(channels).map((name) => listenTo<unknown>(name) as unknown[]);
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
      const messages = listenToAll();
      const server = createResourceServer(issuer.options);
      const line = Object.values(headers).join(' ');
      const decision = await server.authenticate(
        new Request('https://api.example.com/', { headers: { ...headers } }),
      );
      // Forgeries of scopes are genuine tokens: their refusal is that of the requirement.
      const refusal =
        decision.kind === 'allowed'
          ? server.authorize(decision.auth, { allScopes: ['read:inventory'] })
          : decision;
      expect(refusal.kind).toBe('denied');
      if (refusal.kind !== 'denied') return;
      expect(refusal.answer.status).toBe(status);
      expectNoSecrets([refusal, refusal.error, refusal.answer, messages], line);
      const error = await errorOf(server, line.replace(/^\S+ /, ''));
      if (error !== undefined) {
        expect(isResourceServerError(error)).toBe(true);
        expectNoSecrets([error, messages], line);
      }
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
      const messages = listenToAll();
      const decision = server.authorize(auth, requirement);
      expect(decision.kind).toBe('denied');
      if (decision.kind !== 'denied') return;
      expectNoSecrets([decision, decision.error, decision.answer, messages], token);
    },
  );

  it.each([false, true])(
    'contains no part of it when the keys are out of reach (reset: %s)',
    { tags: ['OPS-01', 'OPS-02'] },
    async (reset) => {
      const remote = await issuer.listen();
      const messages = listenToAll();
      const server = createResourceServer(remote.options);
      const token = await remote.token(claims);
      remote.goDown({ resetConnections: reset });
      const decision = await server.authenticate(requestWith(`Bearer ${token}`));
      remote.comeBack();
      await remote.close();
      expect(decision).toMatchObject({ kind: 'denied', answer: { status: 503 } });
      if (decision.kind !== 'denied') return;
      expect(decision.error.cause).toBeDefined();
      expectNoSecrets([decision, decision.error, decision.answer, messages], token);
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
  it('is in no message of a channel', { tags: ['OPS-01'] }, async () => {
    const messages = listenToAll();
    const server = createResourceServer(issuer.options);
    const token = await issuer.token(claims);
    await server.verify(token);
    await server.authenticate(requestWith(`Bearer ${token}`));
    expect(messages.flat().length).toBeGreaterThan(1);
    expectNoSecrets(messages, token);
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
