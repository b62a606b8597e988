import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicCredentials, formEncode } from '../../../src/issuer/client-authentication.js';

describe('formEncode', () => {
  it('CLI-02 encodes as in the example of the RFC', () => {
    expect(formEncode('a b%&+£€')).toBe('a+b%25%26%2B%C2%A3%E2%82%AC');
  });

  it('CLI-02 leaves letters, digits and -._* as they are, for servers that forget to decode', () => {
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
  ])('CLI-02 encodes %j', (value, encoded) => {
    expect(formEncode(value)).toBe(encoded);
  });

  it('CLI-02 can be undone by any form decoder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(new URLSearchParams(`v=${formEncode(value)}`).get('v')).toBe(value);
      }),
    );
  });
});

it('CLI-02 joins id and secret with a colon after encoding each', () => {
  const credentials = basicCredentials('a:b', 'c:d €');
  expect(Buffer.from(credentials, 'base64').toString('latin1')).toBe('a%3Ab:c%3Ad+%E2%82%AC');
});
