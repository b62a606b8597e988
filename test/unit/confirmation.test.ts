import { describe, expect, it } from 'vitest';
import { checkConfirmation } from '../../src/confirmation.js';
import { fakeAuth } from '../../src/testing/index.js';
import { reasonOf } from '../support/outcome.js';

describe('checkConfirmation', () => {
  it.each([{ jkt: 'x' }, { 'x5t#S256': 'x' }, { jwk: {} }, {}, null, '', [], false])(
    'DPP-17 MTL-05 refuses a token with cnf %j',
    (cnf) => {
      const auth = fakeAuth({ claims: { cnf } });
      expect(reasonOf(() => checkConfirmation(auth))).toBe('unsupported_confirmation');
    },
  );

  it('DPP-17 MTL-05 accepts a token without', () => {
    expect(reasonOf(() => checkConfirmation(fakeAuth()))).toBeUndefined();
  });
});
