import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  BadGatewayError,
  errorKind,
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  isResourceServerError,
  kindOf,
  ResourceServerError,
  UnavailableError,
} from '../../src/errors.js';
import {
  type InsufficientScopeReason,
  type InsufficientUserAuthenticationReason,
  type InvalidProofReason,
  type InvalidRequestReason,
  type InvalidTokenReason,
  type Reason,
  reasons,
  type UnavailableReason,
} from '../../src/reasons.js';

const invalidRequest: readonly InvalidRequestReason[] = [
  'malformed_credentials',
  'multiple_methods',
  'repeated_parameter',
  'client_cert_invalid',
];
const invalidProof: readonly InvalidProofReason[] = [
  'multiple_proofs',
  'missing_proof',
  'malformed_proof',
  'proof_typ_mismatch',
  'proof_alg_not_allowed',
  'jwk_invalid',
  'proof_signature_invalid',
  'proof_missing_claim',
  'htm_mismatch',
  'htu_mismatch',
  'ath_mismatch',
  'proof_expired',
  'proof_in_future',
  'proof_replayed',
  'nonce_required',
];
const insufficientUserAuthentication: readonly InsufficientUserAuthenticationReason[] = [
  'acr_not_met',
  'authentication_too_old',
];
const insufficientScope: readonly InsufficientScopeReason[] = [
  'insufficient_scope',
  'claims_not_met',
  'authorization_details_not_met',
  'caller_mismatch',
  'origin_not_allowed',
  'delegation_refused',
];
const unavailable: readonly UnavailableReason[] = [
  'metadata_unavailable',
  'metadata_invalid',
  'issuer_mismatch',
  'jwks_unavailable',
  'jwks_invalid',
  'introspection_unavailable',
  'introspection_auth_failed',
  'introspection_invalid',
  'replay_store_unavailable',
  'replay_store_full',
  'revocation_unavailable',
  'exchange_unavailable',
];
const others: readonly string[] = [
  ...invalidRequest,
  ...invalidProof,
  ...insufficientUserAuthentication,
  ...insufficientScope,
  ...unavailable,
  'exchange_failed',
];
const isInvalidToken = (reason: Reason): reason is InvalidTokenReason => !others.includes(reason);

const errors: readonly ResourceServerError[] = [
  ...invalidRequest.map((reason) => new InvalidRequestError(reason)),
  ...reasons.filter(isInvalidToken).map((reason) => new InvalidTokenError(reason)),
  ...invalidProof.map((reason) => new InvalidProofError(reason)),
  ...insufficientUserAuthentication.map((reason) => new InsufficientUserAuthenticationError(reason)),
  ...insufficientScope.map((reason) => new InsufficientScopeError(reason)),
  ...unavailable.map((reason) => new UnavailableError(reason, 1)),
  new BadGatewayError('exchange_failed'),
];

describe('every error', () => {
  it('has a known reason, and every reason has an error', () => {
    expect(errors.map(({ reason }) => reason).sort()).toEqual([...reasons].sort());
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it.each(errors)(
    'has a fixed description in allowed characters: $reason',
    { tags: ['OPS-03', 'BRR-21'] },
    ({ message }) => {
      expect(message).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      expect(message).not.toMatch(/jose|node|express|fastify|http/i);
    },
  );

  it.each(errors)('has a status and a registered code: $reason', { tags: ['BRR-24'] }, (error) => {
    const { status, error: code, reason } = error;
    expect([
      [400, 'invalid_request'],
      [401, 'invalid_token'],
      [401, 'invalid_dpop_proof'],
      [401, 'use_dpop_nonce'],
      [401, 'insufficient_user_authentication'],
      [403, 'insufficient_scope'],
      [503, 'temporarily_unavailable'],
      [502, 'server_error'],
      [401, undefined],
    ]).toContainEqual([status, code]);
    expect(code === undefined).toBe(reason === 'missing_credentials');
    expect(error.statusCode).toBe(status);
  });

  it.each(errors)(
    'has the code invalid_token if the token is at fault: $reason',
    { tags: ['ATP-12'] },
    ({ status, error, reason }) => {
      const isOfToken = isInvalidToken(reason) && reason !== 'missing_credentials';
      expect(status === 401 && error === 'invalid_token').toBe(isOfToken);
    },
  );

  it.each(errors)('is an Error with a name, a stack and no surprises: $reason', (error) => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(ResourceServerError);
    expect(error.stack).toContain(`${error.name}: ${error.message}`);
    expect(error.hint).toBeUndefined();
    expect(isResourceServerError(error)).toBe(true);
    expect(kindOf(error)).toBe(error.name);
    expect(error.cause).toBeUndefined();
  });
});

describe('instanceof', () => {
  const classes = [
    InvalidRequestError,
    InvalidTokenError,
    InvalidProofError,
    InsufficientUserAuthenticationError,
    InsufficientScopeError,
    BadGatewayError,
    UnavailableError,
  ];

  it('tells the classes apart', () => {
    for (const error of errors)
      expect(classes.filter((errorClass) => error instanceof errorClass).map(({ name }) => name)).toEqual([
        error.constructor.name,
      ]);
  });

  it('recognizes the errors of another copy of this package by their mark', () => {
    const copy = Object.assign(new Error('x'), { [errorKind]: 'InvalidTokenError', reason: 'expired' });
    expect(copy).toBeInstanceOf(InvalidTokenError);
    expect(copy).toBeInstanceOf(ResourceServerError);
    expect(copy).not.toBeInstanceOf(UnavailableError);
    expect(isResourceServerError(copy)).toBe(true);
    expect(errorKind).toBe(Symbol.for('oauth-resource-server.error'));
  });

  it.each([
    undefined,
    null,
    'InvalidTokenError',
    42,
    {},
    [],
    new Error('x'),
    { name: 'InvalidTokenError' },
    () => 1,
  ])('recognizes nothing in %j', (value) => {
    expect(isResourceServerError(value)).toBe(false);
    expect(kindOf(value)).toBeUndefined();
    for (const errorClass of [ResourceServerError, ...classes])
      expect(value instanceof errorClass).toBe(false);
  });

  it('works as usual for the classes of an application', () => {
    class TenantError extends InvalidTokenError {}
    const error = new TenantError('expired');
    expect(error).toBeInstanceOf(TenantError);
    expect(error).toBeInstanceOf(InvalidTokenError);
    expect(new InvalidTokenError('expired')).not.toBeInstanceOf(TenantError);
  });
});

describe('an error in a log', () => {
  it('has its reason and its hint only', { tags: ['OPS-02'] }, () => {
    const error = new InvalidTokenError('iss_mismatch', 'a hint');
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      status: 401,
      error: 'invalid_token',
      reason: 'iss_mismatch',
      hint: 'a hint',
    });
    expect(inspect(error)).toContain("reason: 'iss_mismatch'");
  });

  it('says how long to wait, at least a second', { tags: ['STP-14'] }, () => {
    const waits = [-5, 0, 0.1, 1, 1.2, 30].map((wait) => new UnavailableError('jwks_unavailable', wait));
    expect(waits.map(({ retryAfterSeconds }) => retryAfterSeconds)).toEqual([1, 1, 1, 1, 2, 30]);
  });

  it('keeps the cause of an outage', () => {
    const cause = new Error('connect ECONNREFUSED');
    expect(new UnavailableError('jwks_unavailable', 1, cause).cause).toBe(cause);
    expect(Object.hasOwn(new UnavailableError('jwks_unavailable', 1), 'cause')).toBe(false);
  });
});
