import { describe, expect, it } from 'vitest';
import { formatChallenge } from '../../../src/answer/challenge.js';
import { parseChallenge } from '../../../src/testing/contract/parse-challenge.js';

describe('formatChallenge', () => {
  it('writes quoted values, separated by commas, with none after the scheme', { tags: ['BRR-23'] }, () => {
    const parameters = {
      realm: 'api',
      error: 'invalid_token',
      error_description: 'It expired',
      scope: 'a b',
    };
    expect(formatChallenge('Bearer', parameters)).toBe(
      'Bearer realm="api", error="invalid_token", error_description="It expired", scope="a b"',
    );
  });

  it('leaves out parameters without a value', { tags: ['BRR-19'] }, () => {
    expect(formatChallenge('Bearer', { realm: 'api', error: undefined, scope: undefined })).toBe(
      'Bearer realm="api"',
    );
  });

  it.each([
    ['the "inventory"', String.raw`Bearer realm="the \"inventory\""`],
    ['back\\slash', String.raw`Bearer realm="back\\slash"`],
    ['\\"', String.raw`Bearer realm="\\\""`],
    ['a, error="x"', String.raw`Bearer realm="a, error=\"x\""`],
  ])('escapes %j', { tags: ['BRR-23'] }, (realm, expected) => {
    expect(formatChallenge('Bearer', { realm })).toBe(expected);
    expect(parseChallenge(expected).parameters).toEqual({ realm });
  });

  it.each(['a\r\nSet-Cookie: x=y', 'a\nb', 'a\u0000b', 'a\tb', 'für', '\u{1f511}', 'a\u007fb', 'a\u0085b'])(
    'replaces what a header must not contain with spaces: %j',
    { tags: ['OPS-04', 'BRR-21'] },
    (realm) => {
      expect(formatChallenge('Bearer', { realm })).toMatch(/^Bearer realm="[\x20-\x7e]+"$/);
    },
  );
});
