import { describe, expect, it } from 'vitest';
import {
  type AuthorizationLine,
  isToken68,
  readAuthorizationLine,
} from '../../../src/request/authorization-header.js';

/** As the resource server does it with a token that it does not know. */
function read(line: string): AuthorizationLine {
  const found = readAuthorizationLine(line);
  return found.kind === 'token' && !isToken68(found.token) ? { kind: 'malformed' } : found;
}

describe('readAuthorizationLine', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['Bearer    abc', 'abc'],
    ['Bearer abc.def-ghi_jkl~mno+pqr/stu', 'abc.def-ghi_jkl~mno+pqr/stu'],
    ['Bearer abc=', 'abc='],
    ['Bearer abc==', 'abc=='],
    ['Bearer Bearer', 'Bearer'],
  ])('BRR-01 BRR-02 BRR-03 reads the token of %j', (line, token) => {
    expect(read(line)).toEqual({ kind: 'token', scheme: 'Bearer', token });
  });

  it.each(['DPoP abc', 'dpop abc', 'DPOP  abc'])('DPP-01 reads the token of %j', (line) => {
    expect(read(line)).toEqual({ kind: 'token', scheme: 'DPoP', token: 'abc' });
  });

  it.each([
    'Basic abc',
    'Negotiate',
    'BearerX abc',
    'Bearer-abc',
    'XBearer abc',
    'abc',
    'Digest username="x", realm="y"',
  ])('BRR-05 takes %j for another scheme', (line) => {
    expect(read(line)).toEqual({ kind: 'other' });
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
  ])('BRR-03 BRR-04 refuses %j: %s', (line) => {
    expect(read(line)).toEqual({ kind: 'malformed' });
  });

  it('BRR-02 compares the scheme by ASCII letters only', () => {
    // U+212A, the Kelvin sign, lower-cases to k; U+017F upper-cases to S. Neither is a token character.
    expect(read('Bearer\u212a abc')).toEqual({ kind: 'malformed' });
  });

  it('OPS-13 reads a hostile line in linear time', () => {
    const line = `Bearer ${'='.repeat(1_000_000)}x`;
    const started = performance.now();
    expect(read(line).kind).toBe('malformed');
    expect(read(`Bearer ${'a='.repeat(500_000)}`).kind).toBe('malformed');
    expect(read(`Bearer${' '.repeat(1_000_000)}`).kind).toBe('malformed');
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
  ])('BRR-03 says of %j: %s', (value, expected) => {
    expect(isToken68(value)).toBe(expected);
  });
});
