import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicCredentials, formEncode } from '../../../src/issuer/client-authentication.js';

describe('formEncode', () => {
  it('encodes as in the example of the RFC', { tags: ['CLI-02'] }, () => {
    expect(formEncode('a b%&+£€')).toBe('a+b%25%26%2B%C2%A3%E2%82%AC');
  });

  it('leaves letters, digits and -._* as they are, for servers that forget to decode', {
    tags: ['CLI-02'],
  }, () => {
    const plain = 'order-service_v2.EU*0123456789abcXYZ';
    expect(formEncode(plain)).toBe(plain);
  });

  it.each([
    [':', '%3A'],
    ['/', '%2F'],
    ['=', '%3D'],
    ['~', '%7E'],
    ["!'()", '%21%27%28%29'],
    ['\n', '%0A'],
    ['ä', '%C3%A4'],
    ['😀', '%F0%9F%98%80'],
  ])('encodes %j', { tags: ['CLI-02'] }, (value, encoded) => {
    expect(formEncode(value)).toBe(encoded);
  });

  it('can be undone by any form decoder', { tags: ['CLI-02'] }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(new URLSearchParams(`v=${formEncode(value)}`).get('v')).toBe(value);
      }),
    );
  });
});

it('joins id and secret with a colon after encoding each', { tags: ['CLI-02'] }, () => {
  const credentials = basicCredentials('a:b', 'c:d €');
  expect(Buffer.from(credentials, 'base64').toString('latin1')).toBe('a%3Ab:c%3Ad+%E2%82%AC');
});
