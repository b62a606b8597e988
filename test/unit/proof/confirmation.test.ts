import { describe, expect, it } from 'vitest';
import type { Auth } from '../../../src/auth.js';
import { InvalidTokenError } from '../../../src/errors.js';
import { type Bindings, type Confirmed, checkConfirmation } from '../../../src/proof/confirmation.js';
import { Credentials } from '../../../src/request/credentials.js';
import type { RequestView } from '../../../src/request/view.js';
import { fakeAuth } from '../../../src/testing/index.js';
import { rejectionReason, requestWith } from '../../support/outcome.js';

const check = (auth: Auth, bindings: Bindings = {}, request: RequestView | undefined = requestWith()) =>
  checkConfirmation(auth, new Credentials(auth.token, 'header', 'Bearer'), request, bindings);

const boundTo = (cnf: unknown) => fakeAuth({ claims: { cnf } });

/** Bindings that hold for the value `right`, and add a header field to the answer. */
const dpop = (jkt: unknown): Confirmed => {
  if (jkt !== 'right') throw new InvalidTokenError('jkt_mismatch');
  return { 'DPoP-Nonce': 'next' };
};
const certificate = (thumbprint: unknown): Confirmed => {
  if (thumbprint !== 'right') throw new InvalidTokenError('certificate_mismatch');
  return { 'Cache-Control': 'no-store' };
};
const both: Bindings = { dpop, certificate };
const X5T = 'x5t#S256';

describe('checkConfirmation', () => {
  it.each([{ jkt: 'x' }, { [X5T]: 'x' }, { jwk: {} }, {}, null, '', [], false])(
    'refuses a token with cnf %j if no binding is configured',
    { tags: ['DPP-17', 'MTL-05'] },
    async (cnf) => {
      expect(await rejectionReason(check(boundTo(cnf)))).toBe('unsupported_confirmation');
    },
  );

  it('accepts a token without cnf', { tags: ['DPP-17', 'MTL-05'] }, async () => {
    expect(await check(fakeAuth())).toBeUndefined();
    expect(await check(fakeAuth(), { certificate })).toBeUndefined();
  });

  it.each([
    { jwk: {} },
    {},
    null,
    '',
    'right',
    [],
    [{ [X5T]: 'right' }],
    false,
    { [X5T]: 'right', kid: 'x' },
    { [X5T]: 'right', jkt: 'right', 'x5t#S512': 'right' },
    { 'X5T#S256': 'right' },
    JSON.parse('{"x5t#S256":"right","__proto__":{}}'),
  ])('refuses an unknown binding if all are configured: %j', { tags: ['MTL-05'] }, async (cnf) => {
    expect(await rejectionReason(check(boundTo(cnf), both))).toBe('unsupported_confirmation');
  });

  it.each([
    ['certificate', { certificate }, { jkt: 'right' }],
    ['certificate', { certificate }, { jkt: 'right', [X5T]: 'right' }],
    ['dpop', { dpop }, { [X5T]: 'right' }],
    ['dpop', { dpop }, { jkt: 'right', [X5T]: 'right' }],
  ])(
    'refuses what only the other binding could check: %s',
    { tags: ['MTL-05', 'MTL-06'] },
    async (_name, bindings, cnf) => {
      expect(await rejectionReason(check(boundTo(cnf), bindings))).toBe('unsupported_confirmation');
    },
  );

  it('accepts if all are valid, with what each adds to the answer', { tags: ['MTL-06'] }, async () => {
    expect(await check(boundTo({ [X5T]: 'right' }), { certificate })).toEqual({
      'Cache-Control': 'no-store',
    });
    expect(await check(boundTo({ jkt: 'right', [X5T]: 'right' }), both)).toEqual({
      'DPoP-Nonce': 'next',
      'Cache-Control': 'no-store',
    });
  });

  it('refuses if either fails', { tags: ['MTL-06'] }, async () => {
    expect(await rejectionReason(check(boundTo({ jkt: 'right', [X5T]: 'wrong' }), both))).toBe(
      'certificate_mismatch',
    );
    expect(await rejectionReason(check(boundTo({ jkt: 'wrong', [X5T]: 'right' }), both))).toBe(
      'jkt_mismatch',
    );
    expect(await rejectionReason(check(boundTo({ jkt: 'wrong', [X5T]: 'wrong' }), both))).toBe(
      'certificate_mismatch',
    );
  });

  it('waits for a binding that needs time, and keeps what the other one adds', {
    tags: ['MTL-06'],
  }, async () => {
    const slow: Bindings = { certificate, dpop: async (jkt) => dpop(jkt) };
    const cnf = { jkt: 'right', [X5T]: 'right' };
    expect(await check(boundTo(cnf), slow)).toEqual({ 'DPoP-Nonce': 'next', 'Cache-Control': 'no-store' });
    expect(await rejectionReason(check(boundTo({ ...cnf, [X5T]: 'wrong' }), slow))).toBe(
      'certificate_mismatch',
    );
    await expect(check(boundTo({ ...cnf, jkt: 'wrong' }), slow)).rejects.toMatchObject({
      reason: 'jkt_mismatch',
    });
  });

  it("doesn't use up a proof if the certificate is wrong", { tags: ['MTL-06'] }, async () => {
    let asked = 0;
    const counting: Bindings = {
      certificate,
      dpop: () => {
        asked += 1;
        return undefined;
      },
    };
    expect(await rejectionReason(check(boundTo({ jkt: 'right', [X5T]: 'wrong' }), counting))).toBe(
      'certificate_mismatch',
    );
    expect(asked).toBe(0);
  });

  it.each([{ [X5T]: 'right' }, { jkt: 'right' }, { jkt: 'right', [X5T]: 'right' }])(
    'refuses a bound token that came without a request: %j',
    { tags: ['MTL-05'] },
    async (cnf) => {
      const auth = boundTo(cnf);
      const credentials = new Credentials(auth.token, 'header', 'Bearer');
      expect(await rejectionReason(checkConfirmation(auth, credentials, undefined, both))).toBe(
        'unsupported_confirmation',
      );
    },
  );
});
