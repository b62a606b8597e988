import { describe, expect, it } from 'vitest';
import { checkMtls, type MtlsProxyOptions } from '../../../src/options/mtls.js';

const right: MtlsProxyOptions = { header: 'client-cert', trustedProxies: '10.0.0.0/8' };

describe('the option mtls', () => {
  it('is off by default', { tags: ['MTL-05', 'MTL-08'] }, () => {
    expect(checkMtls(undefined)).toBeUndefined();
    expect(checkMtls(false)).toBeUndefined();
  });

  it('takes the certificate from the connection if it is true', () => {
    expect(checkMtls(true)).toBe('connection');
  });

  it.each([
    [right, 'client-cert', 'client-cert'],
    [{ ...right, headerName: 'X-Client-Cert' }, 'client-cert', 'x-client-cert'],
    [{ ...right, headerName: undefined }, 'client-cert', 'client-cert'],
    [{ ...right, header: 'nginx', trustedProxies: ['10.0.0.1', '::1'] }, 'nginx', 'ssl-client-cert'],
    [{ ...right, header: 'envoy' }, 'envoy', 'x-forwarded-client-cert'],
    [{ ...right, header: 'aws-alb' }, 'aws-alb', 'x-amzn-mtls-clientcert'],
    [{ ...right, header: 'traefik' }, 'traefik', 'x-forwarded-tls-client-cert'],
  ])('takes %j: in the form %s, from the field %s', (given, form, name) => {
    const trustedProxies = expect.any(Function);
    expect(checkMtls(given)).toEqual({ form, name, trustedProxies });
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
    expect(() => checkMtls(given)).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(name) }),
    );
  });
});
