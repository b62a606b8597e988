import { describe, expect, it } from 'vitest';
import { checkToken, isSendableToken, isToken68, readCredentials } from '../../../src/request/credentials.js';
import { reasonOf } from '../../support/outcome.js';

/** As the resource server does it with a token that it does not know. */
function read(line: string) {
  const request = { method: 'GET', url: 'https://api.example.com/', header: () => line };
  const credentials = readCredentials(request, new Set(['header']), new Set(['Bearer', 'DPoP']));
  if (credentials !== undefined) checkToken(credentials);
  return credentials;
}

describe('an Authorization header', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['Bearer    abc', 'abc'],
    ['Bearer abc.def-ghi_jkl~mno+pqr/stu', 'abc.def-ghi_jkl~mno+pqr/stu'],
    ['Bearer abc=', 'abc='],
    ['Bearer abc==', 'abc=='],
    ['Bearer Bearer', 'Bearer'],
  ])('reads the token of %j', { tags: ['BRR-01', 'BRR-02', 'BRR-03'] }, (line, token) => {
    expect(read(line)).toMatchObject({ token, method: 'header', scheme: 'Bearer' });
  });

  it.each(['DPoP abc', 'dpop abc', 'DPOP  abc'])('reads the token of %j', { tags: ['DPP-01'] }, (line) => {
    expect(read(line)).toMatchObject({ token: 'abc', method: 'header', scheme: 'DPoP' });
  });

  it.each([
    'Basic abc',
    'Negotiate',
    'BearerX abc',
    'Bearer-abc',
    'XBearer abc',
    'abc',
    'Digest username="x", realm="y"',
  ])('takes %j for another scheme', { tags: ['BRR-05'] }, (line) => {
    expect(read(line)).toBeUndefined();
  });

  it.each([
    ['', 'an empty line'],
    ['Bearer', 'no token'],
    ['Bearer ', 'a space only'],
    ['Bearer =', 'padding only'],
    ['Bearer abc ', 'a space behind the token'],
    ['Bearer abc def', 'a second word'],
    ['Bearer\tabc', 'a tab'],
    ['Bearer \tabc', 'a tab behind the space'],
    ['Bearer\u00a0abc', 'a no-break space'],
    ['Bearer abc\n', 'a line feed'],
    ['Bearer abc,def', 'a comma'],
    ['Bearer "abc"', 'quotes'],
    ['Bearer a=b', 'padding in the middle'],
    ['Bearer abc\u0000', 'a NUL'],
    ['Bearer äbc', 'a character outside of ASCII'],
    ['Bearer=abc', 'no space but an equals sign'],
    ['Bearer/abc', 'no space but a slash, which a token may begin with'],
    ['Bearer,Basic abc', 'a comma behind the scheme'],
    ['"Bearer" abc', 'a quoted scheme'],
    [' Bearer abc', 'a space before the scheme'],
    ['ſearer abc', 'no token character first'],
  ])('refuses %j: %s', { tags: ['BRR-03', 'BRR-04'] }, (line) => {
    expect(reasonOf(() => read(line))).toBe('malformed_credentials');
  });

  it('compares the scheme by ASCII letters only', { tags: ['BRR-02'] }, () => {
    // U+212A, the Kelvin sign, lower-cases to k; U+017F upper-cases to S. Neither is a token character.
    expect(reasonOf(() => read('Bearer\u212a abc'))).toBe('malformed_credentials');
  });

  it('reads a hostile line in linear time', { tags: ['OPS-13'] }, () => {
    const line = `Bearer ${'='.repeat(1_000_000)}x`;
    const started = performance.now();
    expect(reasonOf(() => read(line))).toBe('malformed_credentials');
    expect(reasonOf(() => read(`Bearer ${'a='.repeat(500_000)}`))).toBe('malformed_credentials');
    expect(reasonOf(() => read(`Bearer${' '.repeat(1_000_000)}`))).toBe('malformed_credentials');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('isToken68', () => {
  it.each([
    ['abc', true],
    ['a==', true],
    ['', false],
    ['=', false],
    ['a b', false],
    ['a\n', false],
    ['a%20', false],
  ])('says of %j: %s', { tags: ['BRR-03'] }, (value, expected) => {
    expect(isToken68(value)).toBe(expected);
  });
});

describe('isSendableToken', () => {
  it.each([
    ['abc==', true],
    ['00D!AR8.x|y', true],
    ['!"~', true],
    ['', false],
    ['a b', false],
    ['a\n', false],
    ['a\u007f', false],
    ['a\u00fc', false],
    [7, false],
  ])('says of %j: %s', { tags: ['CLI-08'] }, (value, expected) => {
    expect(isSendableToken(value)).toBe(expected);
  });
});
