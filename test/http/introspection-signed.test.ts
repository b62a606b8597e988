import { describe, expect, it } from 'vitest';
import { channels, type IntrospectionEndpointOptions, type IntrospectionMessage } from '../../src/index.js';
import { signedJws, unsignedJws } from '../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import {
  type AskedRequest,
  activeClaims,
  client,
  INTROSPECT,
  opaque,
  publishEndpoint,
  recorded,
} from '../support/introspection.js';
import { listenTo } from '../support/listen-to.js';
import {
  type Behaviour,
  body,
  json,
  type MisbehavingIssuer,
  paths,
  startMisbehavingIssuer,
  status,
} from '../support/misbehaving-issuer.js';
import { audience, protect, tokenBy } from '../support/protected-api.js';

const TYPE = 'token-introspection+jwt';
const MEDIA_TYPE = { 'Content-Type': `application/${TYPE}` };
const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000; // where the clock of a protected API starts
const key = await generateSigningKey('ES256', 'key-1');
const stranger = await generateSigningKey('ES256', 'key-1');

type Changes = Readonly<Record<string, unknown>>;

/** A signed introspection response by `issuer`; `undefined` removes a member. */
function signed(issuer: MisbehavingIssuer, claims: Changes = {}, header: Changes = {}, signer = key): string {
  return signedJws(
    { alg: 'ES256', kid: 'key-1', typ: TYPE, ...header },
    { iss: issuer.url, aud: client.clientId, iat: NOW, token_introspection: activeClaims(), ...claims },
    signer,
  );
}

async function start(options: Partial<IntrospectionEndpointOptions> = {}) {
  const issuer = await startMisbehavingIssuer();
  publishEndpoint(issuer, [key.jwk]);
  const introspection = { ...client, signedResponse: true, ...options };
  const api = protect({ issuer: { issuer: issuer.url, introspection } });
  return { issuer, api, say: (behaviour: Behaviour) => issuer.script(INTROSPECT, behaviour) };
}

describe('a signed introspection response', () => {
  it('is asked for, verified, and read', { tags: ['INT-19'] }, async () => {
    const { issuer, api, say } = await start();
    const requests: AskedRequest[] = [];
    const members = { aud: audience, exp: NOW + 60, client_id: 'order-service', scope: 'a' };
    const jwt = signed(issuer, { token_introspection: { active: true, ...members } });
    say(recorded(requests, body(jwt, MEDIA_TYPE)));
    const auth = await api.server.verify(opaque());
    expect(requests[0]?.headers.accept).toBe('application/token-introspection+jwt');
    expect(auth.claims).toEqual({ ...members, iss: issuer.url });
    expect(auth.scopes).toEqual(['a']);
    expect(auth.header).toEqual({});
  });

  it('may be as long as a plain one, longer than any access token', {
    tags: ['INT-19', 'INT-03'],
  }, async () => {
    const { issuer, api, say } = await start();
    const withDetails = (length: number) =>
      signed(issuer, { token_introspection: activeClaims({ details: 'x'.repeat(length) }) });
    for (const [number, length] of [16_384, 700_000].entries()) {
      say(body(withDetails(length), MEDIA_TYPE));
      expect(await api.get(opaque(number))).toBe('200');
    }
    const longest = withDetails(700_000);
    say(body(`${longest}${' '.repeat(1_048_576 - longest.length)}`, MEDIA_TYPE));
    expect(await api.get(opaque(3))).toBe('200');
    say(body(`${longest}${' '.repeat(1_048_577 - longest.length)}`, MEDIA_TYPE));
    expect(await api.get(opaque(4))).toBe('503 introspection_unavailable');
  });

  it('may say that the token is not active', { tags: ['INT-19'] }, async () => {
    const { issuer, api, say } = await start();
    say(body(signed(issuer, { token_introspection: { active: false } }), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('401 token_inactive');
  });

  it('has its own issuer, audience and dates, which are not those of the token', {
    tags: ['INT-19'],
  }, async () => {
    const { issuer, api, say } = await start();
    const foreign = { aud: 'https://other.example.com' };
    say(body(signed(issuer, { token_introspection: activeClaims(foreign) }), MEDIA_TYPE));
    expect(await api.get(opaque(1))).toBe('401 aud_mismatch');
    const outside = { ...activeClaims(), sub: 'u', token_introspection: { active: false } };
    say(body(signed(issuer, { ...outside, aud: client.clientId }), MEDIA_TYPE));
    expect(await api.get(opaque(2))).toBe('401 token_inactive');
  });

  it.each<[string, Changes, Changes]>([
    ['the media type in other letters', {}, { typ: 'application/Token-Introspection+JWT' }],
    ['an audience of this API', { aud: audience }, {}],
    ['several audiences', { aud: ['https://other.example.com', client.clientId] }, {}],
    ['iat within the tolerance', { iat: NOW + 5 }, {}],
    ['iat at the moment of the question', { iat: NOW }, {}],
    ['iat before the question, within the tolerance', { iat: NOW - 5 }, {}],
    ['an expiration time', { exp: NOW + 1 }, {}],
    ['no key id', {}, { kid: undefined }],
  ])('is accepted with %s', { tags: ['INT-19'] }, async (_name, claims, header) => {
    const { issuer, api, say } = await start();
    say(body(signed(issuer, claims, header), { 'Content-Type': `application/${TYPE}; charset=utf-8` }));
    expect(await api.get(opaque())).toBe('200');
  });

  it.each<[string, (issuer: MisbehavingIssuer) => string, string]>([
    ['no typ', (issuer) => signed(issuer, {}, { typ: undefined }), 'typ_mismatch'],
    ['typ JWT', (issuer) => signed(issuer, {}, { typ: 'JWT' }), 'typ_mismatch'],
    ['the typ of an access token', (issuer) => signed(issuer, {}, { typ: 'at+jwt' }), 'typ_mismatch'],
    ['another key', (issuer) => signed(issuer, {}, {}, stranger), 'signature_invalid'],
    ['an unknown key', (issuer) => signed(issuer, {}, { kid: 'key-2' }), 'no_matching_key'],
    [
      'alg none',
      (issuer) => unsignedJws({ alg: 'none', typ: TYPE }, { iss: issuer.url }, ''),
      'alg_not_allowed',
    ],
    ['alg HS256', (issuer) => signed(issuer, {}, { alg: 'HS256' }), 'alg_not_allowed'],
    ['an extension', (issuer) => signed(issuer, {}, { crit: ['x'], x: 1 }), 'crit_unsupported'],
    ['another issuer', (issuer) => signed(issuer, { iss: 'https://other.example.com' }), 'iss_mismatch'],
    ['no issuer', (issuer) => signed(issuer, { iss: undefined }), 'iss_mismatch'],
    ['another audience', (issuer) => signed(issuer, { aud: 'other-api' }), 'aud_mismatch'],
    ['no audience', (issuer) => signed(issuer, { aud: undefined }), 'aud_mismatch'],
    ['no iat', (issuer) => signed(issuer, { iat: undefined }), 'iat is not a number'],
    ['iat as text', (issuer) => signed(issuer, { iat: String(NOW) }), 'iat is not a number'],
    ['iat in the future', (issuer) => signed(issuer, { iat: NOW + 6 }), 'issued_in_future'],
    [
      'iat from before the question',
      (issuer) => signed(issuer, { iat: NOW - 6 }),
      'from before the question',
    ],
    ['nbf in the future', (issuer) => signed(issuer, { nbf: NOW + 6 }), 'not_yet_valid'],
    ['exp in the past', (issuer) => signed(issuer, { exp: NOW - 6 }), 'expired'],
    ['exp as text', (issuer) => signed(issuer, { exp: 'never' }), 'missing_claim'],
    [
      'no token_introspection',
      (issuer) => signed(issuer, { token_introspection: undefined, active: true }),
      'token_introspection is not an object',
    ],
    [
      'token_introspection as text',
      (issuer) => signed(issuer, { token_introspection: JSON.stringify(activeClaims()) }),
      'token_introspection is not an object',
    ],
    ['five parts', () => 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.a.b.c.d', 'malformed_token'],
    ['no JWT', () => JSON.stringify(activeClaims()), 'malformed_token'],
    ['nothing', () => '', 'malformed_token'],
  ])('is 503 with %s', { tags: ['INT-19'] }, async (_name, response, detail) => {
    const { issuer, api, say } = await start();
    const messages = listenTo<IntrospectionMessage>(channels.introspection);
    say(body(response(issuer), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('503 introspection_invalid');
    expect(messages).toMatchObject([{ event: 'failed', reason: 'introspection_invalid', detail }]);
    say(body(signed(issuer), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('200');
  });

  it.each<[string, (issuer: MisbehavingIssuer) => Behaviour]>([
    ['plain JSON', () => json(activeClaims())],
    ['plain JSON that says no', () => json({ active: false })],
    ['a JWT called JSON', (issuer) => body(signed(issuer), { 'Content-Type': 'application/json' })],
    ['a JWT called JWT', (issuer) => body(signed(issuer), { 'Content-Type': 'application/jwt' })],
  ])('is required: %s is 503', { tags: ['INT-20'] }, async (_name, behaviour) => {
    const { issuer, api, say } = await start();
    say(behaviour(issuer));
    expect(await api.get(opaque())).toBe('503 introspection_invalid');
  });

  it("isn't read if a plain one was asked for", { tags: ['INT-20'] }, async () => {
    const { issuer, api, say } = await start({ signedResponse: false });
    say(body(signed(issuer), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
  });

  it("isn't bound to the token that was asked about", { tags: ['INT-19'] }, async () => {
    const { issuer, api, say } = await start();
    const answer = (active: boolean) =>
      signed(issuer, { token_introspection: { ...activeClaims(), active, jti: 'of another token' } });
    say(body(answer(true), MEDIA_TYPE));
    expect(await api.get(opaque(1))).toBe('200');
    expect(await api.get(opaque(2))).toBe('200'); // RFC 9701 has nothing to tell by: docs/security.md says so
    say(body(answer(false), MEDIA_TYPE));
    expect(await api.get(opaque(3))).toBe('401 token_inactive');
    api.step(60);
    say(body(answer(true), MEDIA_TYPE));
    expect(await api.get(opaque(4))).toBe('503 introspection_invalid');
  });

  it('has no active if token_introspection has none', { tags: ['INT-19'] }, async () => {
    const { issuer, api, say } = await start();
    say(body(signed(issuer, { token_introspection: {}, active: true }), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('503 introspection_unavailable');
  });

  it('is 503 while the keys are out of reach', { tags: ['KEY-24'] }, async () => {
    const { issuer, api, say } = await start();
    issuer.script(paths.jwks, status(500));
    say(body(signed(issuer), MEDIA_TYPE));
    expect(await api.get(opaque())).toBe('503 jwks_unavailable');
  });

  it('is refused as an access token, whatever it says', { tags: ['INT-21'] }, async () => {
    const { issuer, api } = await start();
    const claims = { iss: issuer.url, aud: audience, client_id: 'order-service', exp: NOW + 60, scope: 'a' };
    expect(await api.get(signed(issuer, claims))).toBe('401 typ_mismatch');
    expect(await api.get(tokenBy(key, issuer.url))).toBe('200'); // as it would without that type
    expect(issuer.count(INTROSPECT)).toBe(0);
  });

  it('has ready() load the keys that it is verified with', { tags: ['INT-19'] }, async () => {
    const { issuer, api } = await start({ tokens: ['opaque', 'jwt'] });
    await api.server.ready();
    expect(issuer.count(paths.jwks)).toBe(1);
  });
});
