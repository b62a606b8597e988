import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClientCertificate, createTestIssuer } from '../../src/testing/index.js';
import { nginx, type RunningNginx, startNginx } from '../support/nginx.js';
import { sendOverTls, type TlsRequest } from '../support/tls-client.js';
import type { Running } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const issuer = await createTestIssuer();
const [mine, others] = await Promise.all([createClientCertificate(), createClientCertificate()]);
const READ = { scope: 'read:inventory' };
const bound = await issuer.authorization({ ...READ, cnf: { 'x5t#S256': mine.thumbprint } });
const options = {
  ...issuer.options,
  mtls: { header: 'nginx', trustedProxies: ['127.0.0.1', '::1'] },
} as const;
const names = harnesses.map(({ name }) => name);

describe.runIf(nginx !== undefined)(
  `behind nginx${nginx === undefined ? ' (not run: there is no nginx on this machine)' : ''}`,
  () => {
    const apis: Running[] = [];
    let proxy: RunningNginx;

    beforeAll(async () => {
      for (const harness of harnesses) apis.push(await harness.start(options));
      const locations = apis.map(
        ({ url }, index) => `
          location /${index}/ {
            proxy_pass ${url}/;
            proxy_set_header ssl-client-cert $ssl_client_escaped_cert;
          }
          location /${index}/forgetful/ {
            proxy_pass ${url}/;
          }
        `,
      );
      proxy = await startNginx(nginx ?? '', locations.join('\n'));
    });
    afterAll(async () => {
      await proxy.close();
      for (const api of apis) await api.close();
    });

    const sendTo = (name: string, sent: TlsRequest, path = '/stock/42') =>
      sendOverTls('https://localhost', {
        ...sent,
        path: `/${names.indexOf(name)}${path}`,
        socketPath: proxy.socketPath,
      });

    it.each(names)('%s takes the certificate of the client', { tags: ['MTL-11', 'MTL-12'] }, async (name) => {
      const response = await sendTo(name, { headers: bound, certificate: mine });
      expect(response).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    });

    it.each(names)('%s refuses another, and none', { tags: ['MTL-01', 'MTL-02'] }, async (name) => {
      expect(await sendTo(name, { headers: bound, certificate: others })).toMatchObject({ status: 401 });
      expect(await sendTo(name, { headers: bound })).toMatchObject({ status: 401 });
    });

    it.each(names)(
      '%s does not take one that the client writes itself',
      { tags: ['MTL-09'] },
      async (name) => {
        const headers = { ...bound, 'ssl-client-cert': encodeURIComponent(mine.certificate) };
        expect(await sendTo(name, { headers })).toMatchObject({ status: 401 });
        expect(await sendTo(name, { headers, certificate: others })).toMatchObject({ status: 401 });
      },
    );

    it.each(names)("%s refuses if nginx isn't told to pass it on", { tags: ['MTL-02'] }, async (name) => {
      const response = await sendTo(name, { headers: bound, certificate: mine }, '/forgetful/stock/42');
      expect(response.status).toBe(401);
    });

    it('takes that of a resumed session', { tags: ['MTL-07'] }, async () => {
      const [name = ''] = names;
      const { session } = await sendTo(name, { headers: bound, certificate: mine });
      const resumed = await sendTo(name, { headers: bound, session });
      expect(resumed).toMatchObject({ status: 200, wasResumed: true });
    });
  },
);
