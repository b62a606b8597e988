import { describe, expect, it } from 'vitest';
import { encodePart } from '../../../src/testing/forged-jws.js';
import { isCanonicalBase64url, mediaType, parseSegment, splitToken } from '../../../src/token/compact-jws.js';
import { reasonOf } from '../../support/outcome.js';

const HEADER = encodePart({ alg: 'ES256' });
const CLAIMS = encodePart({ sub: 'alice' });
const SIGNATURE = encodePart(Buffer.alloc(64, 7));
const TOKEN = `${HEADER}.${CLAIMS}.${SIGNATURE}`;

const parse = (token: string) => splitToken(token).slice(0, 2).map(parseSegment);

describe('mediaType', () => {
  it.each([
    ['application/JWT', 'jwt'],
    ['text/application/jwt', 'text/application/jwt'],
    [42, undefined],
  ])('reads %j as %j', { tags: ['ATP-16'] }, (typ, expected) => {
    expect(mediaType(typ)).toBe(expected);
  });
});

describe('isCanonicalBase64url', () => {
  it.each([
    ['', true],
    ['AA', true],
    ['AB', false],
    ['AAA', true],
    ['AAAA', true],
    ['A', false],
    ['AA==', false],
    ['A+/A', false],
    ['AAAA\n', false],
  ])('of %j is %j', { tags: ['JWT-11'] }, (segment, expected) => {
    expect(isCanonicalBase64url(segment)).toBe(expected);
  });
});

describe('splitToken', () => {
  it('takes header and claims apart', () => {
    expect(splitToken(TOKEN)).toEqual([HEADER, CLAIMS, SIGNATURE]);
    expect(parse(TOKEN)).toEqual([{ alg: 'ES256' }, { sub: 'alice' }]);
  });

  it.each([
    ['', 'nothing'],
    ['.', 'two empty segments'],
    ['..', 'three empty segments'],
    [HEADER, 'one segment'],
    [`${HEADER}.${CLAIMS}`, 'two segments'],
    [`${TOKEN}.`, 'four segments, the last empty'],
    [`.${TOKEN}`, 'four segments, the first empty'],
    [`${HEADER}.AAAA.${CLAIMS}.AAAA.${SIGNATURE}`, 'five segments, as an encrypted token'],
    [`${TOKEN}~`, 'the end of an SD-JWT'],
    [`${TOKEN}~WyJzYWx0Il0~`, 'an SD-JWT with a disclosure'],
    ['.'.repeat(16_384), 'dots'],
    [`{"protected":"${HEADER}","payload":"${CLAIMS}","signature":"${SIGNATURE}"}`, 'flattened JSON'],
    [
      `{"payload":"${CLAIMS}","signatures":[{"protected":"${HEADER}","signature":"${SIGNATURE}"}]}`,
      'general JSON',
    ],
    [`.${CLAIMS}.${SIGNATURE}`, 'no header'],
  ])('refuses %j: %s', { tags: ['JWT-12', 'JWT-26', 'JWT-31', 'JWT-11'] }, (token) => {
    expect(reasonOf(() => parse(token))).toBe('malformed_token');
  });

  it.each([
    ['a space', ' '],
    ['a line feed', '\n'],
    ['padding', '='],
    ['a plus sign', '+'],
    ['a slash', '/'],
    ['a character outside of ASCII', 'ä'],
    ['a wide character whose low byte is a letter', '\u0141'],
    ['a NUL', '\u0000'],
  ])('refuses %s in any segment, at its beginning, middle and end', { tags: ['JWT-11'] }, (_, character) => {
    const segments = [HEADER, CLAIMS, SIGNATURE];
    for (const [index, segment] of segments.entries()) {
      for (const at of [0, 3, segment.length]) {
        const changed = segments.with(index, segment.slice(0, at) + character + segment.slice(at));
        expect(reasonOf(() => parse(changed.join('.')))).toBe('malformed_token');
      }
    }
  });

  it.each([
    ['header', 0],
    ['claims', 1],
    ['signature', 2],
  ])('refuses stray bits in the last character of the %s', { tags: ['JWT-11'] }, (_, index) => {
    // One byte is two characters, of which the last carries four bits that must be zero.
    const canonical = [`${encodePart('{}  ')}`, encodePart('{}  '), 'AA'];
    const stray = canonical.with(index, `${canonical[index]?.slice(0, -1)}B`);
    expect(reasonOf(() => parse(canonical.join('.')))).toBeUndefined();
    expect(reasonOf(() => parse(stray.join('.')))).toBe('malformed_token');
  });

  it('refuses a segment of a length that no bytes encode to', { tags: ['JWT-11'] }, () => {
    expect(reasonOf(() => parse(`${HEADER}.${CLAIMS}.AAAAA`))).toBe('malformed_token');
  });

  it('reads tokens of up to 16384 characters', { tags: ['JWT-25'] }, () => {
    const room = 16_384 - TOKEN.length;
    const signature = SIGNATURE + 'A'.repeat(room);
    const token = `${HEADER}.${CLAIMS}.${signature}`;
    expect(token).toHaveLength(16_384);
    expect(reasonOf(() => parse(token))).not.toBe('token_too_large');
    expect(reasonOf(() => parse(`${token}A`))).toBe('token_too_large');
    expect(reasonOf(() => parse('.'.repeat(10_000_000)))).toBe('token_too_large');
  });
});

describe('parseSegment', () => {
  const parse = (content: string | Uint8Array) => parseSegment(Buffer.from(content).toString('base64url'));

  it.each([
    ['', 'nothing'],
    ['{', 'half an object'],
    ['null', 'null'],
    ['[]', 'an array'],
    ['[{}]', 'an array of objects'],
    ['"{}"', 'a string'],
    ['42', 'a number'],
    ['true', 'a boolean'],
    ['{}{}', 'two objects'],
    ['{} x', 'more behind the object'],
    ["{'a':1}", 'single quotes'],
    ['{"a":1,}', 'a trailing comma'],
    ['{"a":NaN}', 'NaN'],
    ['{"a":01}', 'a leading zero'],
    ['\ufeff{}', 'a byte order mark'],
  ])('refuses %j: %s', { tags: ['JWT-13'] }, (content) => {
    expect(reasonOf(() => parse(content))).toBe('malformed_token');
  });

  it.each([
    ['a byte that UTF-8 never has', [0xff]],
    ['a lone continuation byte', [0x80]],
    ['an overlong encoding', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a truncated character', [0xe2, 0x82]],
    ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses invalid UTF-8: %s', { tags: ['JWT-13'] }, (_, bytes) => {
    const content = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(reasonOf(() => parse(content))).toBe('malformed_token');
    // The decoder is shared: a failure must leave nothing behind.
    expect(parse('{"a":"ä"}')).toEqual({ a: 'ä' });
  });

  it('refuses UTF-16', { tags: ['JWT-13'] }, () => {
    expect(reasonOf(() => parse(Buffer.from('{}', 'utf16le')))).toBe('malformed_token');
  });

  it('takes the last of repeated members', { tags: ['JWT-14'] }, () => {
    expect(parse('{"aud":"first","aud":"last"}')).toEqual({ aud: 'last' });
    expect(parse('{"aud":"first","\\u0061ud":"last"}')).toEqual({ aud: 'last' });
  });

  it('makes "__proto__" a member, not a prototype', { tags: ['OPS-11'] }, () => {
    const parsed = parse('{"__proto__":{"admin":true}}');
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.hasOwn(parsed, '__proto__')).toBe(true);
    expect(parsed.admin).toBeUndefined();
  });

  it('reads content nested as deeply as a token can be long', () => {
    const depth = 6000;
    expect(parse(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)).toHaveProperty('a');
  });
});
