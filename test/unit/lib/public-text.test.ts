import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote, quoteUrl, withoutCredentials } from '../../../src/lib/public-text.js';

describe('a URL in a message', () => {
  it.each([
    ['https://a.example/x', 'https://a.example/x'],
    ['https://user:hunter2@a.example/x', 'https://[…]@a.example/x'],
    ['https://user:hun/ter2@a.example', 'https://[…]@a.example'],
    ['https://user:hun@ter2@a.example', 'https://[…]@a.example'],
    ['https://user:hun?ter2@a.example', 'https://[…]'],
    ['https://user:hun#ter2@a.example', 'https://[…]'],
    ['https://user%3Ahunter2%40a.example', 'https://[…]@a.example'],
    ['https:user:hunter2@a.example', 'https:[…]@a.example'],
    ['https:\\\\user:hunter2@a.example', 'https:\\\\[…]@a.example'],
    ['//user:hunter2@a.example', '//[…]@a.example'],
    ['  https://user:hunter2@a.example', '  https://[…]@a.example'],
    ['redis://:hunter2@a.example:6379/0', 'redis://[…]@a.example:6379/0'],
    ['https://a.example/x?token=hunter2', 'https://a.example/x?[…]'],
    ['https://a.example/x?mail=a@hunter2', 'https://[…]'],
    ['https://a.example/#access_token=hunter2', 'https://a.example/#[…]'],
    ['https://a.example/?', 'https://a.example/?'],
  ])('has no credentials: %s', { tags: ['OPS-01'] }, (url, shown) => {
    expect(withoutCredentials(url)).toBe(shown);
  });

  it('never has user name, password, query or fragment', { tags: ['OPS-01'] }, () => {
    const secret = fc.stringMatching(/^[\w?#@:/%&= -]{0,6}Hunter2[\w?#@:/%&= -]{0,6}$/);
    const url = fc.oneof(
      secret.map((text) => `https://user:${text}@a.example/x`),
      secret.map((text) => `https://${text}:x@a.example`),
      secret.map((text) => `https://a.example/x?y=${text}`),
      secret.map((text) => `https://a.example#${text}`),
    );
    fc.assert(fc.property(url, (text) => !withoutCredentials(text).includes('Hunter2')));
  });

  it('is one line that no terminal obeys, and not a long one', { tags: ['OPS-03'] }, () => {
    expect(quote('https://a.example/\u001b[2J\n\u2028"')).toBe('"https://a.example/\\u001b[2J\\n\\u2028\\""');
    expect(quote(`https://a.example/${'x'.repeat(9999)}`).length).toBeLessThan(210);
  });

  it.each([
    'https://a.example',
    'HTTP://a',
    '//a.example',
    'ftp://a',
    'a.example',
    'localhost:80',
    '10.0.0.1:80/x',
  ])('is what %s looks like', (text) => {
    expect(quoteUrl(text)).toBe(`"${text}"`);
  });

  it.each([
    ...[
      'hunter2',
      'hunter2-do-not-print',
      'user:12345',
      'q8f3.Ab1~x',
      'eyJhbGciOiJub25lIn0.e30.',
      'a@b.example',
      '',
    ],
    ...['-----BEGIN PRIVATE KEY-----', 'Basic dXNlcjpodW50ZXIy', 'Bearer abc.def', 7, null, undefined, {}],
  ])('is not what %j looks like', { tags: ['OPS-01'] }, (value) => {
    expect(quoteUrl(value)).toBeUndefined();
  });
});
