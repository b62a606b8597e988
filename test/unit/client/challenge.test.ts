import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVerdict } from '../../../src/client/challenge.js';

describe('readVerdict', () => {
  it.each([
    'Bearer error="invalid_token"',
    'bearer ERROR=invalid_token',
    'Bearer realm="api", error="invalid_token", error_description="The access token expired"',
    'Bearer realm="a, b=\\"c\\"" , error = "invalid_token"',
    'Basic realm="api", Bearer error="invalid_token"',
    'Negotiate abc==, Bearer realm="api", error="invalid_token"',
    'Bearer error="inv\\alid_token"',
  ])('sees it in %j', { tags: ['CLI-18'] }, (line) => {
    expect(readVerdict(401, line, 'Bearer')).toBe('refused');
  });

  it.each([
    null,
    '',
    'Bearer',
    'Bearer realm="api"',
    'Bearer error="insufficient_scope"',
    'Bearer error="INVALID_TOKEN"',
    'Bearer realm="error=\\"invalid_token\\""',
    'Bearer error_description="invalid_token"',
    'DPoP error="invalid_token"',
    'Bearer realm="api", DPoP error="invalid_token"',
    'error="invalid_token"',
  ])('does not see it in %j', { tags: ['CLI-18'] }, (line) => {
    expect(readVerdict(401, line, 'Bearer')).not.toBe('refused');
  });

  it('sees it after the scheme that the token was sent with', { tags: ['CLI-18'] }, () => {
    const line = 'Bearer realm="api", DPoP error="invalid_token", algs="ES256"';
    expect(readVerdict(401, line, 'DPoP')).toBe('refused');
    expect(readVerdict(401, 'Bearer error="invalid_token"', 'DPoP')).not.toBe('refused');
  });

  it.each<[string | null, 'Bearer' | 'DPoP']>([
    [null, 'Bearer'],
    ['Basic realm="gateway"', 'Bearer'],
    ['Bearer error="invalid_token"', 'DPoP'],
    ['Bearer realm="api", error="invalid_token", DPoP algs="ES256"', 'DPoP'],
    ['DPoP error="invalid_token"', 'Bearer'],
    ['Bearer realm="api", DPoP error="invalid_token", Basic realm="api"', 'Bearer'],
    ['error="invalid_token"', 'Bearer'],
  ])('takes %j for one that may be about a token sent as %s', { tags: ['CLI-18'] }, (line, sent) => {
    expect(readVerdict(401, line, sent)).toBe('unexplained');
  });

  it.each<[string, 'Bearer' | 'DPoP']>([
    ['DPoP error="invalid_dpop_proof"', 'DPoP'],
    ['DPoP error="invalid_dpop_proof", Bearer error="invalid_token"', 'DPoP'],
    ['Bearer error="invalid_token", Bearer error="insufficient_user_authentication"', 'DPoP'],
    ['Bearer error="insufficient_scope"', 'DPoP'],
    ['Bearer error="insufficient_scope", DPoP error="invalid_token"', 'Bearer'],
  ])('takes %j for one about something else than a token sent as %s', { tags: ['CLI-18'] }, (line, sent) => {
    expect(readVerdict(401, line, sent)).toBe('unrelated');
  });

  it.each([
    ['DPoP error="use_dpop_nonce"', 'DPoP', 'nonce wanted'],
    ['Bearer error="use_dpop_nonce"', 'DPoP', 'nonce wanted'],
    ['Bearer realm="api", error="invalid_token", DPoP error="use_dpop_nonce"', 'DPoP', 'nonce wanted'],
    ['DPoP error="use_dpop_nonce"', 'Bearer', 'unrelated'],
  ] as const)(
    'takes %j for a nonce that a token sent as %s needs: %s',
    { tags: ['CLI-17'] },
    (line, sent, verdict) => {
      expect(readVerdict(401, line, sent)).toBe(verdict);
    },
  );

  it.each([
    [200, 'accepted'],
    [204, 'accepted'],
    [302, 'unrelated'],
    [403, 'unrelated'],
    [404, 'unrelated'],
    [429, 'unrelated'],
    [503, 'unrelated'],
  ] as const)('takes the status %i for a token that is %s', { tags: ['CLI-18'] }, (status, verdict) => {
    expect(readVerdict(status, 'Bearer error="invalid_token"', 'Bearer')).toBe(verdict);
  });

  it('never throws, and is quick with what servers invent', () => {
    fc.assert(fc.property(fc.string(), (line) => void readVerdict(401, line, 'Bearer')));
    const before = performance.now();
    for (const line of [
      'a="'.repeat(5000),
      `a="${'\\'.repeat(15_000)}`,
      `a${' '.repeat(15_000)}`,
      '=,'.repeat(8000),
    ])
      readVerdict(401, line, 'Bearer');
    expect(performance.now() - before).toBeLessThan(500);
  });
});
