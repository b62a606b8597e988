import { describe, expect, it } from 'vitest';
import { type MtlsProxyOptions, resolveMtls } from '../../../src/options/mtls.js';

/** As a caller without types may give it. */
const resolve = (given: unknown) => resolveMtls(given as MtlsProxyOptions);
const right: MtlsProxyOptions = { header: 'client-cert', trustedProxies: '10.0.0.0/8' };

describe('the option mtls', () => {
  it('is off by default', { tags: ['MTL-05', 'MTL-08'] }, () => {
    expect(resolve(undefined)).toBeUndefined();
    expect(resolve(false)).toBeUndefined();
  });

  it.each([
    true,
    right,
    { ...right, headerName: 'X-Client-Cert' },
    { ...right, headerName: undefined },
    { ...right, header: 'nginx', trustedProxies: ['10.0.0.1', '::1'] },
    { ...right, header: 'envoy' },
    { ...right, header: 'aws-alb' },
    { ...right, header: 'traefik' },
  ])('takes %j', (given) => {
    expect(resolve(given)).toBeTypeOf('function');
  });

  it.each([
    ['mtls', 'socket'],
    ['mtls', 1],
    ['mtls', null],
    ['mtls', []],
    ['mtls.header', {}],
    ['mtls.header', { ...right, header: undefined }],
    ['mtls.header', { ...right, header: 'Client-Cert' }],
    ['mtls.header', { ...right, header: 'xfcc' }],
    ['mtls.header', { ...right, header: 'toString' }],
    ['mtls.headerName', { ...right, headerName: '' }],
    ['mtls.headerName', { ...right, headerName: 'Client Cert' }],
    ['mtls.headerName', { ...right, headerName: 'Client-Cert:' }],
    ['mtls.headerName', { ...right, headerName: 1 }],
    ['mtls.trustedProxies', { header: 'client-cert' }],
    ['mtls.trustedProxies', { ...right, trustedProxies: true }],
    ['mtls.trustedProxies', { ...right, trustedProxies: ['10.0.0.1', 'proxy'] }],
    ['unknown option "proxies"', { ...right, proxies: '10.0.0.1' }],
  ])('refuses a wrong %s: %j', { tags: ['MTL-09'] }, (name, given) => {
    expect(() => resolve(given)).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(name) }),
    );
  });
});
