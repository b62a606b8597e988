import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer, type ResourceServer } from '../../../src/resource-server.js';
import {
  createTestIssuer,
  type ListeningIssuer,
  type TestIssuer,
  type TokenHeader,
} from '../../../src/testing/index.js';
import { introspectionClient } from '../../../src/testing/issuer-server.js';
import { decide, scope, steppedClock } from './decide.js';

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

async function trusted(
  clock?: () => number,
): Promise<{ readonly issuer: TestIssuer; readonly server: ResourceServer }> {
  const issuer = await createTestIssuer(clock === undefined ? {} : { clock });
  return { issuer, server: createResourceServer(issuer.introspectionOptions) };
}

async function listening(): Promise<{
  readonly issuer: TestIssuer;
  readonly listening: ListeningIssuer;
  readonly server: ResourceServer;
}> {
  const issuer = await createTestIssuer();
  const started = await issuer.listen();
  onTestFinished(() => started.close());
  return { issuer, listening: started, server: createResourceServer(started.introspectionOptions) };
}

describe('an opaque token of the test issuer', () => {
  it('is accepted by an API that asks about it, without a network', async () => {
    const { issuer, server } = await trusted();
    const token = issuer.opaqueToken({ scope, tenant: 'acme' });
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await decide(server, bearer(token))).toBe('200');
    const auth = await server.verify(token);
    expect(auth).toMatchObject({
      header: {},
      issuer: 'https://issuer.example.com',
      subject: 'test-client',
      clientId: 'test-client',
      audience: ['https://api.example.com'],
      scopes: [scope],
    });
    expect(auth.claims).not.toHaveProperty('active');
    expect(auth.claims).toMatchObject({
      token_type: 'Bearer',
      jti: expect.any(String),
      iat: expect.any(Number),
    });
  });

  it('has the claims that it is made with, and lacks those that are undefined', async () => {
    const { issuer, server } = await trusted();
    expect(await decide(server, bearer(issuer.opaqueToken()))).toBe('403 insufficient_scope');
    expect(await decide(server, bearer(issuer.opaqueToken({ scope, aud: undefined })))).toBe(
      '401 aud_mismatch',
    );
    expect(await decide(server, bearer(issuer.opaqueToken({ scope, token_type: 'N_A' })))).toBe(
      '401 token_type_mismatch',
    );
    expect(() => issuer.opaqueToken('read' as never)).toThrow(TypeError); // wrong on purpose
  });

  it('stops at once when it is revoked, and when it expires', async () => {
    const { clock, step } = steppedClock();
    const { issuer, server } = await trusted(clock);
    const [one, other] = [issuer.opaqueToken({ scope }), issuer.opaqueToken({ scope })];
    expect(await decide(server, bearer(one))).toBe('200');
    issuer.revokeToken(one);
    issuer.revokeToken('unknown');
    expect(await decide(server, bearer(one))).toBe('401 token_inactive');
    expect(await decide(server, bearer(other))).toBe('200');
    step(300);
    expect(await decide(server, bearer(other))).toBe('401 token_inactive');
  });

  it("means nothing to an API that doesn't ask", async () => {
    const issuer = await createTestIssuer();
    const server = createResourceServer(issuer.options);
    expect(await decide(server, bearer(issuer.opaqueToken({ scope })))).toBe('401 malformed_token');
  });

  it('is 503 while the issuer is down, however often it is tried, and works when it is back', async () => {
    const { issuer, server } = await trusted();
    const token = issuer.opaqueToken({ scope });
    issuer.goDown();
    for (let time = 0; time < 10; time += 1)
      expect(await decide(server, bearer(token))).toBe('503 introspection_unavailable');
    issuer.comeBack();
    expect(await decide(server, bearer(token))).toBe('200');
  });

  it('goes along with JWTs of the same issuer', async () => {
    const { issuer, server } = await trusted();
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
    for (const { headers, status } of await issuer.forgeries({ scope }))
      expect(await decide(server, headers)).toMatch(new RegExp(`^${status}`));
  });
});

describe('the introspection endpoint of a listening issuer', () => {
  async function introspect({ identifier }: ListeningIssuer, token: string): Promise<unknown> {
    const { clientId, clientSecret } = introspectionClient;
    const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, token });
    return (await fetch(`${identifier}/introspect`, { method: 'POST', body })).json();
  }

  it('is discovered, and asked with a secret', async () => {
    const { listening: issuer, server } = await listening();
    await server.ready();
    const token = issuer.opaqueToken({ scope });
    expect(await decide(server, bearer(token))).toBe('200');
    expect(await decide(server, bearer(token))).toBe('200');
    expect(issuer.requests['/introspect']).toBe(1); // it is remembered, as in production
    expect(await decide(server, bearer('unknown'))).toBe('401 token_inactive');
    expect(await decide(server, await issuer.authorization({ scope }))).toBe('200');
  });

  it('knows its own tokens and no others', async () => {
    const { issuer, listening: other, server } = await listening();
    expect(await decide(server, bearer(issuer.opaqueToken({ scope })))).toBe('401 token_inactive');
    expect((await server.verify(other.opaqueToken())).issuer).toBe(other.identifier);
  });

  const anyShape: readonly (readonly [name: string, claims: object, header: TokenHeader])[] = [
    ['of the type JWT', {}, { typ: 'JWT' }],
    ['without a type', {}, { typ: undefined }],
    ['without an audience', { aud: undefined }, {}],
    ['without an audience and a client', { aud: undefined, client_id: undefined, azp: 'a' }, { typ: 'JWT' }],
    ['for its own client only', { aud: 'test-client' }, { typ: 'JWT' }],
    ['for another API', { aud: 'https://other.example.com' }, {}],
    ['without a subject', { sub: undefined }, {}],
  ];

  it.each(anyShape)('calls its own JWT active, %s', async (_, claims, header) => {
    const { listening: issuer } = await listening();
    const token = await issuer.token({ ...claims, tenant: 'acme' }, header);
    expect(await introspect(issuer, token)).toMatchObject({ active: true, tenant: 'acme' });
  });

  it('calls JWTs inactive that expired, that others made, and that are of another kind', async () => {
    const { issuer: other, listening: issuer } = await listening();
    const stranger = await createTestIssuer();
    const tokens = [
      await issuer.token({ exp: 1 }),
      await issuer.token({ exp: undefined }),
      await other.token(),
      await stranger.token({ iss: issuer.identifier }),
      await issuer.token({ nonce: 'n' }, { typ: 'JWT' }),
      await issuer.token({}, { typ: 'logout+jwt' }),
    ];
    for (const token of tokens) expect(await introspect(issuer, token)).toEqual({ active: false });
  });

  it('lets an API ask about JWTs as real issuers make them', async () => {
    const { listening: issuer } = await listening();
    const { issuer: trusted, ...others } = issuer.introspectionOptions;
    const introspection = { ...trusted.introspection, tokens: ['jwt'] as const };
    const server = createResourceServer({ ...others, issuer: { ...trusted, introspection } });
    expect(await decide(server, await issuer.authorization({ scope }, { typ: 'JWT' }))).toBe('200');
    expect(issuer.requests['/introspect']).toBe(1);
  });

  it('fails with the issuer', async () => {
    const { listening: issuer, server } = await listening();
    const token = issuer.opaqueToken({ scope });
    issuer.goDown();
    expect(await decide(server, bearer(token))).toBe('503 metadata_unavailable');
    issuer.comeBack();
    expect(await decide(server, bearer(token))).toBe('200');
    issuer.goDown({ resetConnections: true });
    expect(await decide(server, bearer(issuer.opaqueToken()))).toBe('503 introspection_unavailable');
  });

  it('accepts only forms with the secret', async () => {
    const { listening: issuer } = await listening();
    const url = `${issuer.identifier}/introspect`;
    const authorization = `Basic ${btoa(`${introspectionClient.clientId}:${introspectionClient.clientSecret}`)}`;
    const post = async (headers: Record<string, string>, form: Record<string, string>) => {
      const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) });
      return [response.status, await response.json()];
    };
    const token = issuer.opaqueToken();
    expect(await post({ authorization }, { token })).toEqual([
      200,
      expect.objectContaining({ active: true }),
    ]);
    expect(await post({ authorization }, { token: 'unknown' })).toEqual([200, { active: false }]);
    expect(await post({ authorization }, {})).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_request' }),
    ]);
    expect(await post({ authorization }, { token: 'x'.repeat(100_000) })).toEqual([
      413,
      expect.objectContaining({ error: 'invalid_request' }),
    ]);
    expect(await post({}, { token })).toEqual([401, expect.objectContaining({ error: 'invalid_client' })]);
    expect(await post({ authorization: `${authorization}x` }, { token })).toEqual([
      401,
      expect.objectContaining({ error: 'invalid_client' }),
    ]);
    expect((await fetch(`${url}`, { headers: { authorization } })).status).toBe(405);
  });
});
