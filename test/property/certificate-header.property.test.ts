import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type CertificateHeaderForm,
  FORMS,
  readCertificateHeader,
} from '../../src/proof/certificate-header.js';
import { createClientCertificate } from '../../src/testing/index.js';
import { reasonOf } from '../support/outcome.js';

const { certificate, clientCertField } = await createClientCertificate();
const escaped = encodeURIComponent(certificate);
const VALID: Readonly<Record<CertificateHeaderForm, string>> = {
  'client-cert': clientCertField,
  nginx: escaped,
  envoy: `By=x;Hash=00;Cert="${escaped}";Subject="CN=\\"test\\"";URI=`,
  'aws-alb': escaped,
  traefik: clientCertField.slice(1, -1),
};

const form = fc.constantFrom(...(Object.keys(FORMS) as CertificateHeaderForm[])); // the record has a member per form and no other
const junk = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(':', ',', ';', '"', '\\', '=', '%', 'A', 'Cert=', '\n', escaped, '::') }),
);

/**
 * What came in, if it came in, is one certificate to the last byte; whatever else it was is the client's
 * fault.
 */
function isDecided(name: CertificateHeaderForm, value: string): void {
  let der: Buffer | undefined;
  const reason = reasonOf(() => {
    der = readCertificateHeader(name, value);
  });
  if (reason !== undefined) expect(reason).toBe('client_cert_invalid');
  else if (der !== undefined) expect(new X509Certificate(der).raw).toEqual(der);
  else expect(name === 'client-cert' ? ['', '::'] : ['']).toContain(value); // RFC 8941: no bytes
}

it('reads one certificate, none, or refuses the value', { tags: ['MTL-10', 'MTL-11'] }, () => {
  fc.assert(fc.property(form, junk, isDecided));
});

it('reads one certificate, none, or refuses a value with something inserted', {
  tags: ['MTL-10', 'MTL-11'],
}, () => {
  fc.assert(
    fc.property(form, junk, fc.nat(), fc.nat({ max: 3 }), (name, put, position, length) => {
      const valid = VALID[name];
      const start = position % (valid.length + 1);
      isDecided(name, valid.slice(0, start) + put + valid.slice(start + length));
    }),
  );
});

it('never reads one certificate from two values', { tags: ['MTL-10', 'MTL-11'] }, () => {
  fc.assert(
    fc.property(form, fc.constantFrom('', ',', ', ', ';', ' ', '%0A', '%2C'), (name, separator) => {
      const twice = VALID[name] + separator + VALID[name];
      expect(reasonOf(() => readCertificateHeader(name, twice))).toBe('client_cert_invalid');
    }),
  );
});
