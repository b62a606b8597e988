import { describe, expect, it } from 'vitest';
import { parseTrustedProxies } from '../../../src/proof/trusted-proxies.js';

const trusts = (entries: unknown, address: string | undefined) =>
  parseTrustedProxies(entries, 'mtls.trustedProxies')(address);

describe('parseTrustedProxies', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    [['192.0.2.1', '10.0.0.1'], '10.0.0.1'],
    ['10.0.0.0/8', '10.255.255.255'],
    ['10.1.2.3/16', '10.1.0.0'],
    ['10.0.0.1/32', '10.0.0.1'],
    ['10.0.0.0/8', '::ffff:10.0.0.1'],
    ['10.0.0.1', '::FFFF:10.0.0.1'],
    ['10.0.0.0/8', '::ffff:a01:203'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fd00::/8', 'fd12:3456::1'],
    ['fc00::/7', 'fd12:3456::1'],
    ['::ffff:10.0.0.0/104', '10.1.2.3'],
    ['2001:db8::1/128', '2001:db8::1'],
  ])('trusts, with %j, %s', { tags: ['MTL-09'] }, (entries, address) => {
    expect(trusts(entries, address)).toBe(true);
  });

  it.each([
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.0/8', '11.0.0.0'],
    ['10.0.0.0/9', '10.128.0.0'],
    ['127.0.0.1', '::1'],
    ['::1', '127.0.0.1'],
    ['10.0.0.0/8', '::10.0.0.1'],
    ['10.0.0.0/8', '64:ff9b::10.0.0.1'],
    ['fe80::/10', 'fe80::1%eth0'],
    ['10.0.0.1', undefined],
    ['10.0.0.1', ''],
    ['10.0.0.1', '10.0.0.1, 192.0.2.1'],
    ['10.0.0.1', '10.0.0.1:443'],
    ['10.0.0.1', '010.0.0.1'],
    ['10.0.0.1', 'localhost'],
  ])("doesn't trust, with %j, %s", { tags: ['MTL-09'] }, (entries, address) => {
    expect(trusts(entries, address)).toBe(false);
  });

  it.each([
    undefined,
    '',
    [],
    null,
    true,
    10,
    {},
    'localhost',
    'proxy.example.com',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1:443',
    ' 10.0.0.1',
    '10.0.0.1,10.0.0.2',
    '::1/129',
    '[::1]',
    'fe80::1%eth0',
    '0.0.0.0/0',
    '::/0',
    '0.0.0.0/1',
    '10.0.0.0/7',
    '::/1',
    '2000::/3',
    'fc00::/6',
    '::/64',
    '::ffff:0:0/96',
    '::ffff:0.0.0.0/97',
    '::ffff:10.0.0.0/103',
    '*',
    ['10.0.0.1', 1],
    ['10.0.0.1', 'loopback'],
  ])('refuses %j', { tags: ['MTL-09'] }, (entries) => {
    expect(() => trusts(entries, '10.0.0.1')).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: expect.stringContaining('"mtls.trustedProxies"'),
      }),
    );
  });
});
