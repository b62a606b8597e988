import { describe, expect, it, vi } from 'vitest';
import { returnsTrue } from '../../src/ask-application.js';
import {
  channels,
  type DecisionMessage,
  reportDecision,
  type WarningMessage,
} from '../../src/diagnostics.js';
import { InsufficientScopeError } from '../../src/errors.js';
import type { TrustedIssuer } from '../../src/options/trusted-issuer.js';
import { createResourceServer } from '../../src/resource-server.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { outcomeOf, requestWith } from '../support/outcome.js';

const issuer = await createTestIssuer();
const server = createResourceServer(issuer.options);
const nothing = {
  method: undefined,
  route: undefined,
  status: undefined,
  reason: undefined,
  hint: undefined,
  issuer: undefined,
  clientId: undefined,
  isKnownToken: undefined,
};

describe('the decision channel', () => {
  it('reports who was allowed', { tags: ['OPS-18'] }, async () => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    const token = await issuer.token();
    await outcomeOf(server, token);
    await server.verify(token);
    const allowed = { ...nothing, outcome: 'allowed', issuer: issuer.identifier, clientId: 'test-client' };
    expect(messages).toEqual([
      { ...allowed, method: 'GET', isKnownToken: false },
      { ...allowed, isKnownToken: true },
    ]);
  });

  it('says whether the token was remembered, also on a connection that stays open', async () => {
    const small = createResourceServer({ ...issuer.options, cache: { maxTokens: 1 } });
    const connection = {};
    const [one, other] = [await issuer.token(), await issuer.token({ sub: 'other' })];
    const send = async (token: string): Promise<void> => {
      const url = 'https://api.example.com/';
      const header = (name: string) => (name === 'authorization' ? `Bearer ${token}` : undefined);
      await small.authenticate({ method: 'GET', url, header, connection });
    };
    const messages = listenTo<DecisionMessage>(channels.decision);
    for (const token of [one, one, one]) await send(token);
    for (const _ of ['once', 'twice']) await small.verify(other); // takes the place of the first
    await send(one);
    expect(messages.map(({ isKnownToken }) => isKnownToken)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('reports an anonymous request', { tags: ['OPS-18'] }, async () => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    await createResourceServer({ ...issuer.options, optional: true }).authenticate(requestWith());
    expect(messages).toEqual([{ ...nothing, method: 'GET', outcome: 'anonymous' }]);
  });

  it('reports a refusal with its reason, and no part of the invalid token', {
    tags: ['OPS-18'],
  }, async () => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    await server.authenticate(requestWith());
    await server.authenticate(requestWith('Bearer'));
    await outcomeOf(server, await issuer.token({ exp: 1 }));
    await outcomeOf(server, await issuer.token({ cnf: { jkt: 'x' } }));
    await expect(server.verify('a.b.c')).rejects.toThrow();
    const denied = (status: number, reason: string, method?: string) => {
      return { ...nothing, outcome: 'denied', method, status, reason };
    };
    expect(messages).toEqual([
      denied(401, 'missing_credentials', 'GET'),
      denied(400, 'malformed_credentials', 'GET'),
      denied(401, 'expired', 'GET'),
      denied(401, 'dpop_downgrade', 'GET'),
      denied(401, 'malformed_token'),
    ]);
  });

  it("reports a requirement that wasn't met, and by whom", { tags: ['OPS-18'] }, async () => {
    const auth = await server.verify(await issuer.token());
    const messages = listenTo<DecisionMessage>(channels.decision);
    server.authorize(auth, { allScopes: ['read'] });
    server.authorize(auth, { claims: () => true });
    server.authorize(auth, { allScopes: ['read'] }, requestWith());
    server.deny(new InsufficientScopeError('claims_not_met'), auth, [], requestWith());
    const denied = {
      ...nothing,
      outcome: 'denied',
      status: 403,
      reason: 'insufficient_scope',
      issuer: issuer.identifier,
      clientId: 'test-client',
    };
    expect(messages).toEqual([
      denied,
      { ...denied, method: 'GET' },
      { ...denied, method: 'GET', reason: 'claims_not_met' },
    ]);
  });

  it.each([
    [{ aud: undefined }, {}, 'the token has no "aud"; an issuer that sends none needs clientIds'],
    [
      { aud: 'HTTPS://api.example.com/' },
      {},
      'the audience differs from a configured one only by case or by a trailing slash',
    ],
    [
      { aud: 'web', client_id: 'web' },
      { typ: 'JWT' },
      'the only audience of the token is its client; if that stands for this API, see audienceMayBeClient',
    ],
    [{ typ: 'Refresh' }, {}, 'the claim "typ" marks it as another kind of token'],
    [{ nonce: 'n' }, { typ: 'JWT' }, 'the claim "nonce" marks it as another kind of token'],
    [
      { iss: `https://issuer.example.com/` },
      {},
      'the issuer differs from a configured one only by a trailing slash',
    ],
    [
      { client_id: undefined },
      { typ: 'JWT' },
      'no scope and no client in the token; if its issuer sends neither, set clientIdClaim or isAccessToken',
    ],
  ])('helps with the token %j: %s', async (claims, header, hint) => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    await outcomeOf(server, await issuer.token(claims, header));
    expect(messages.map((message) => message.hint)).toEqual([hint]);
  });

  const oneServer =
    'the issuer differs from a configured one only by scheme, host or port; if one server has both names, ' +
    'configure the one in its tokens';

  it.each([
    ['http://keycloak:8080/realms/shop', 'http://localhost:8080/realms/shop', oneServer],
    ['http://localhost:8080/realms/shop', 'https://sso.example.com/realms/shop', oneServer],
    ['http://[::1]:8080/realms/shop', 'http://127.0.0.1:8080/realms/shop', oneServer],
    ['http://localhost:4400', 'http://127.0.0.1:4400', oneServer],
    ['https://sso.example.com', 'http://sso.example.com', oneServer],
    ['https://sso.example.com', 'https://sso.example.com:8443', oneServer],
    ['https://sso.example.com', 'https://other.example.net', undefined],
    ['https://sso.example.com/', 'https://other.example.net/', undefined],
    ['https://sso.example.com/realms/shop', 'https://sso.example.com/realms/other', undefined],
    ['urn:example:issuer', 'urn:example:other', undefined],
  ])('helps if %s is configured, and a token is from %s', async (configured, iss, hint) => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    const trusted = { ...issuer.options.issuer, issuer: configured };
    await outcomeOf(
      createResourceServer({ ...issuer.options, issuer: trusted }),
      await issuer.token({ iss }),
    );
    expect(messages).toMatchObject([{ reason: 'iss_mismatch', hint }]);
  });

  const notSigned =
    'the token is opaque or encrypted, not a signed JWT; does the client ask for this API (audience or ' +
    'resource)? If the issuer has only opaque tokens, set introspection';
  const noScheme = 'the Authorization field does not begin with "Bearer"; put that before the access token';
  const noToken = 'the client sent the word undefined or null instead of a token';

  it.each([
    ['Bearer 2YotnFZFEjr1zCsicMWpAA', 'malformed_token', notSigned],
    ['Bearer eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc', 'malformed_token', notSigned],
    ['Bearer undefined', 'malformed_token', noToken],
    ['Bearer null', 'malformed_token', noToken],
    ['Bearer a.b.c', 'malformed_token', undefined],
    ['eyJhbGciOiJSUzI1NiJ9.e30.AAAA', 'missing_credentials', noScheme],
    ['Token 2YotnFZFEjr1zCsicMWpAA', 'missing_credentials', noScheme],
    [undefined, 'missing_credentials', undefined],
  ])('helps with the line %s', async (line, reason, hint) => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    await server.authenticate(line === undefined ? requestWith() : requestWith(line));
    expect(messages).toMatchObject([{ reason, hint }]);
  });

  it('does not ask for a scheme that is not read', async () => {
    const messages = listenTo<DecisionMessage>(channels.decision);
    const options = { ...issuer.options, bearerMethods: ['query'], dpop: 'off' } as const;
    await createResourceServer(options).authenticate(requestWith('Token abc'));
    expect(messages).toMatchObject([{ reason: 'missing_credentials', hint: undefined }]);
  });

  it('costs nothing when nobody listens', () => {
    const build = vi.fn<() => DecisionMessage>();
    reportDecision(build);
    expect(build).not.toHaveBeenCalled();
  });

  it('has its own name, like the others', () => {
    expect(channels).toEqual({
      decision: 'oauth-resource-server:decision',
      keys: 'oauth-resource-server:keys',
      introspection: 'oauth-resource-server:introspection',
      warning: 'oauth-resource-server:warning',
    });
    expect(Object.isFrozen(channels)).toBe(true);
  });
});

describe('isAccessToken', () => {
  it.each([
    ['true', () => true, 'allowed', []],
    ['false', () => false, 'not_an_access_token', []],
    ['nothing', () => undefined, 'not_an_access_token', ['undefined']],
    ['one', () => 1, 'not_an_access_token', ['number']],
    ['the claims', (_header: unknown, claims: unknown) => claims, 'not_an_access_token', ['object']],
    ['a promise', async () => true, 'not_an_access_token', ['promise']],
    ['a promise that fails', () => Promise.reject(new Error('x')), 'not_an_access_token', ['promise']],
    [
      'no value but throws',
      () => {
        throw new SyntaxError('alice');
      },
      'not_an_access_token',
      ['SyntaxError'],
    ],
  ])(
    'accepts a token only with true, and reports a wrong value: %s',
    { tags: ['OPS-09'] },
    async (_, rule, expected, details) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const isAccessToken = rule as unknown as TrustedIssuer['isAccessToken']; // as an application without types may write it
      const strange = createResourceServer({
        ...issuer.options,
        issuer: { ...issuer.options.issuer, ...(isAccessToken && { isAccessToken }) },
      });
      expect(await outcomeOf(strange, await issuer.token())).toBe(expected);
      expect(warnings).toEqual(details.map((detail) => ({ source: 'isAccessToken', detail })));
    },
  );
});

describe('holds', () => {
  it('survives a promise that fails later', { tags: ['OPS-09'] }, async () => {
    const unhandled = vi.fn();
    process.once('unhandledRejection', unhandled);
    expect(returnsTrue('claims', () => Promise.reject(new Error('later')))).toBe(false);
    // Node reports unhandled rejections when the microtasks are done.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
