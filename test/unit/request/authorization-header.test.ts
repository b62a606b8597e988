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
  ])('reads the token of %j', { tags: ['BRR-01', 'BRR-02', 'BRR-03'] }, (line, token) => {
    expect(read(line)).toEqual({ kind: 'token', scheme: 'Bearer', token });
  });

  it.each(['DPoP abc', 'dpop abc', 'DPOP  abc'])('reads the token of %j', { tags: ['DPP-01'] }, (line) => {
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
  ])('takes %j for another scheme', { tags: ['BRR-05'] }, (line) => {
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
  ])('refuses %j: %s', { tags: ['BRR-03', 'BRR-04'] }, (line) => {
    expect(read(line)).toEqual({ kind: 'malformed' });
  });

  it('compares the scheme by ASCII letters only', { tags: ['BRR-02'] }, () => {
    // U+212A, the Kelvin sign, lower-cases to k; U+017F upper-cases to S. Neither is a token character.
    expect(read('Bearer\u212a abc')).toEqual({ kind: 'malformed' });
  });

  it('reads a hostile line in linear time', { tags: ['OPS-13'] }, () => {
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
  ])('says of %j: %s', { tags: ['BRR-03'] }, (value, expected) => {
    expect(isToken68(value)).toBe(expected);
  });
});
