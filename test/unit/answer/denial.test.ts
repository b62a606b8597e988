import { describe, expect, it } from 'vitest';
import { type ChallengePolicy, DenialResponses } from '../../../src/answer/denial.js';
import type { Answer } from '../../../src/decision.js';
import {
  InsufficientScopeError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  type ResourceServerError,
  UnavailableError,
} from '../../../src/errors.js';
import type { Wanted } from '../../../src/requirement/check-requirement.js';
import type { Scheme } from '../../../src/terms.js';

const POLICY: ChallengePolicy = {
  realm: 'api',
  schemes: ['Bearer'],
  proofAlgorithms: [],
  resourceMetadata: undefined,
};

/** The answer of a resource server that has refused nothing before. */
function denialResponse(
  error: ResourceServerError,
  policy: ChallengePolicy,
  scheme?: Scheme,
  wanted?: Wanted,
): Answer {
  return new DenialResponses(policy).answerTo(error, scheme, wanted);
}

describe('denialResponse', () => {
  it('names only the realm if no credentials were sent', {
    tags: ['BRR-13', 'BRR-14', 'BRR-27'],
  }, () => {
    expect(denialResponse(new InvalidTokenError('missing_credentials'), POLICY)).toEqual({
      status: 401,
      headers: {
        'WWW-Authenticate': 'Bearer realm="api"',
        'Cache-Control': 'no-store',
        'Content-Length': '0',
      },
      body: undefined,
    });
  });

  it('names the scope if the route requires one', { tags: ['BRR-13', 'MCP-05'] }, () => {
    const { headers } = denialResponse(new InvalidTokenError('missing_credentials'), POLICY, undefined, {
      scopes: ['a', 'b'],
    });
    expect(headers['WWW-Authenticate']).toBe('Bearer realm="api", scope="a b"');
  });

  it('answers 401, and says the same in challenge and body', { tags: ['BRR-15', 'BRR-27', 'BRR-32'] }, () => {
    expect(denialResponse(new InvalidTokenError('expired', 'a hint for the log'), POLICY)).toEqual({
      status: 401,
      headers: {
        'WWW-Authenticate':
          'Bearer realm="api", error="invalid_token", error_description="The access token expired"',
        'Cache-Control': 'no-store',
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': '72',
      },
      body: '{"error":"invalid_token","error_description":"The access token expired"}',
    });
  });

  it('answers 403 with the scopes that the route needs', { tags: ['BRR-16', 'BRR-25'] }, () => {
    const { status, headers, body } = denialResponse(
      new InsufficientScopeError('insufficient_scope'),
      POLICY,
      undefined,
      { scopes: ['a', 'b'] },
    );
    expect(status).toBe(403);
    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="a b"',
    );
    expect(JSON.parse(body ?? '')).toEqual({
      error: 'insufficient_scope',
      error_description: 'The access token lacks a required scope',
    });
  });

  it('names no scope if none is missing', { tags: ['BRR-16'] }, () => {
    const { headers } = denialResponse(new InsufficientScopeError('claims_not_met'), POLICY);
    expect(headers['WWW-Authenticate']).not.toContain('scope=');
  });

  it('answers 400 with a challenge too', { tags: ['BRR-17', 'BRR-18'] }, () => {
    const { status, headers } = denialResponse(new InvalidRequestError('multiple_methods'), POLICY);
    expect(status).toBe(400);
    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="api", error="invalid_request", error_description="The access token was sent more than once"',
    );
  });

  it('answers 503 without a challenge, and says when to come back', { tags: ['STP-14', 'OPS-10'] }, () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.1:443');
    const answer = denialResponse(new UnavailableError('jwks_unavailable', 7.2, cause), POLICY, undefined, {
      scopes: ['a'],
    });
    expect(answer).toEqual({
      status: 503,
      headers: {
        'Retry-After': '8',
        'Cache-Control': 'no-store',
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': String(answer.body?.length),
      },
      body: '{"error":"temporarily_unavailable","error_description":"The access token cannot be verified at the moment"}',
    });
  });
});

describe('DenialResponses', () => {
  const errors = [
    new InvalidTokenError('expired', 'a hint'),
    new InvalidTokenError('missing_credentials'),
    new InvalidRequestError('multiple_methods'),
    new InsufficientScopeError('insufficient_scope'),
    new InvalidProofError('nonce_required', 'nonce'),
    new UnavailableError('jwks_unavailable', 7, undefined),
  ];
  const wanted: readonly Wanted[] = [{}, { scopes: [] }, { scopes: ['read'] }, { scopes: ['write'] }];

  it('are the same as new ones, even the second time', () => {
    const responses = new DenialResponses(POLICY);
    for (const _time of [1, 2]) {
      for (const error of errors) {
        for (const scheme of [undefined, 'Bearer', 'DPoP'] as const) {
          for (const want of wanted) {
            const expected = denialResponse(error, POLICY, scheme, want);
            expect(responses.answerTo(error, scheme, want)).toEqual(expected);
          }
        }
      }
    }
  });

  it('keep nonces and times of one refusal to itself', () => {
    const responses = new DenialResponses(POLICY);
    const nonceFor = (nonce: string) =>
      responses.answerTo(new InvalidProofError('nonce_required', nonce), 'DPoP', {}).headers['DPoP-Nonce'];
    expect([nonceFor('one'), nonceFor('two')]).toEqual(['one', 'two']);
    const retryAfter = (seconds: number) =>
      responses.answerTo(new UnavailableError('jwks_unavailable', seconds, undefined), 'Bearer', {}).headers[
        'Retry-After'
      ];
    expect([retryAfter(7), retryAfter(8)]).toEqual(['7', '8']);
  });

  it('are made once if they say nothing but the reason', () => {
    const responses = new DenialResponses(POLICY);
    const answerTo = (error: ResourceServerError) => responses.answerTo(error, 'Bearer', {});
    expect(answerTo(new InvalidTokenError('expired'))).toBe(answerTo(new InvalidTokenError('expired')));
    const proof = () => new InvalidProofError('nonce_required', 'nonce');
    expect(answerTo(proof())).not.toBe(answerTo(proof()));
  });

  it('have a nonce only if there is one', () => {
    const { headers } = new DenialResponses(POLICY).answerTo(
      new InvalidProofError('proof_expired'),
      'DPoP',
      {},
    );
    expect(headers).not.toHaveProperty('DPoP-Nonce');
  });

  it("are frozen if they're shared", () => {
    const { headers } = new DenialResponses(POLICY).answerTo(new InvalidTokenError('expired'), 'Bearer', {});
    expect([headers, headers['WWW-Authenticate']].every(Object.isFrozen)).toBe(true);
  });
});
