import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type CertificateHeaderForm,
  HEADER_NAMES,
  readCertificateHeader,
} from '../../../src/proof/certificate-header.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { reasonOf } from '../../support/outcome.js';
import { RFC_8705, RFC_9440_FIELD } from '../../support/rfc-certificates.js';

const forms = Object.keys(HEADER_NAMES) as CertificateHeaderForm[]; // the record has a member per form and no other

const pem = RFC_8705.pem;
const der = new X509Certificate(pem).raw;
const base64 = der.toString('base64');
const otherPem = (await createClientCertificate()).certificate;
const otherDer = new X509Certificate(otherPem).raw;
const escaped = encodeURIComponent(pem);

/** What AWS leaves as it is: letters, digits and `+ = /`. */
const escapedByAws = escaped.replaceAll('%2B', '+').replaceAll('%3D', '=').replaceAll('%2F', '/');
const xfcc = (cert = escaped) =>
  `By=spiffe://example.com/server;Hash=${'0'.repeat(64)};Cert="${cert}";Subject="CN=a\\"b,O=c;d";URI=spiffe://example.com/client`;

const read = (form: CertificateHeaderForm, value: string) => readCertificateHeader(form, value);

describe('readCertificateHeader', () => {
  const accepted: readonly (readonly [name: string, form: CertificateHeaderForm, value: string])[] = [
    ['MTL-10 the byte sequence of RFC 9440', 'client-cert', `:${base64}:`],
    [
      'MTL-10 a byte sequence without padding (RFC 8941 §4.2.7)',
      'client-cert',
      `:${base64.replace(/=+$/, '')}:`,
    ],
    ['MTL-11 what nginx escapes', 'nginx', escaped],
    [
      'MTL-11 what nginx escapes, in lower case',
      'nginx',
      escaped.replaceAll(/%../g, (part) => part.toLowerCase()),
    ],
    ['MTL-11 PEM with CRLF', 'nginx', encodeURIComponent(pem.replaceAll('\n', '\r\n'))],
    [
      'MTL-11 PEM on one line',
      'nginx',
      encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`),
    ],
    ['MTL-11 the element of Envoy', 'envoy', xfcc()],
    ['MTL-11 the element of Envoy, nothing but Cert', 'envoy', `Cert="${escaped}"`],
    ['MTL-11 the element of Envoy, not quoted', 'envoy', `Hash=00;cert=${escaped}`],
    ['MTL-11 an element of Envoy with an empty subject', 'envoy', `Cert="${escaped}";Subject="";URI=`],
    ['MTL-11 what an application load balancer of AWS escapes', 'aws-alb', escapedByAws],
    ['MTL-11 what Traefik 3 sends', 'traefik', base64],
    ['MTL-11 what Traefik 2 sends, escaped', 'traefik', encodeURIComponent(base64)],
  ];

  it.each(accepted)('reads %s', (_name, form, value) => {
    expect(read(form, value)).toEqual(der);
  });

  it('MTL-01 reads the example of RFC 9440 to the digest of its certificate', () => {
    const example = read('client-cert', RFC_9440_FIELD) ?? Buffer.alloc(0);
    expect(new X509Certificate(example).subject).toBe('CN=BC');
    expect(createHash('sha256').update(example).digest('base64url')).toBe(
      createHash('sha256')
        .update(Buffer.from(RFC_9440_FIELD.slice(1, -1), 'base64'))
        .digest('base64url'),
    );
  });

  it('MTL-01 reads the example of RFC 8705 to the digest that the document names', () => {
    const example = read('nginx', escaped) ?? Buffer.alloc(0);
    expect(createHash('sha256').update(example).digest('base64url')).toBe(RFC_8705.thumbprint);
  });

  it.each(forms.filter((form) => form !== 'client-cert'))(
    'MTL-02 MTL-11 takes an empty field of %s for none',
    (form) => {
      expect(read(form, '')).toBeUndefined();
    },
  );

  it('MTL-02 MTL-10 takes an empty byte sequence for none', () => {
    expect(read('client-cert', '::')).toBeUndefined();
  });

  const refused: readonly (readonly [name: string, form: CertificateHeaderForm, value: string])[] = [
    ['MTL-10 an empty field', 'client-cert', ''],
    ['MTL-10 no colons', 'client-cert', base64],
    ['MTL-10 one colon', 'client-cert', `:${base64}`],
    ['MTL-10 a list', 'client-cert', `:${base64}:, :${base64}:`],
    ['MTL-10 a list of the same by comma alone', 'client-cert', `:${base64}:,:${base64}:`],
    ['MTL-10 parameters', 'client-cert', `:${base64}:;a=1`],
    ['MTL-10 a string', 'client-cert', `"${base64}"`],
    ['MTL-10 a token', 'client-cert', 'certificate'],
    ['MTL-10 base64url', 'client-cert', `:${der.toString('base64url')}:`],
    ['MTL-10 white space within', 'client-cert', `:${base64.slice(0, 64)} ${base64.slice(64)}:`],
    ['MTL-10 padding within', 'client-cert', `:${base64.slice(0, 62)}==${base64.slice(64)}:`],
    ['MTL-10 one character more', 'client-cert', `:${base64.replace(/=+$/, '')}AA:`],
    ['MTL-10 too much padding', 'client-cert', `:${base64}=:`],
    ['MTL-10 PEM', 'client-cert', `:${Buffer.from(pem).toString('base64')}:`],
    [
      'MTL-10 bytes that are no certificate',
      'client-cert',
      `:${Buffer.from('certificate').toString('base64')}:`,
    ],
    ['MTL-10 a certificate cut short', 'client-cert', `:${der.subarray(0, -1).toString('base64')}:`],
    [
      'MTL-10 a byte behind the certificate',
      'client-cert',
      `:${Buffer.concat([der, Buffer.of(0)]).toString('base64')}:`,
    ],
    [
      'MTL-10 two certificates in one',
      'client-cert',
      `:${Buffer.concat([der, otherDer]).toString('base64')}:`,
    ],
    [
      'MTL-10 a public key',
      'client-cert',
      `:${new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}:`,
    ],
    ['MTL-10 more than a certificate can be', 'client-cert', `:${'A'.repeat(40_000)}:`],

    ['MTL-11 PEM that is not escaped', 'nginx', pem.replaceAll('\n', ' ')],
    ['MTL-11 spaces for line breaks', 'nginx', encodeURIComponent(pem.replaceAll('\n', ' '))],
    ['MTL-11 two certificates', 'nginx', encodeURIComponent(pem + otherPem)],
    ['MTL-11 the same certificate twice', 'nginx', escaped + escaped],
    ['MTL-11 a list', 'nginx', `${escaped}, ${escaped}`],
    ['MTL-11 text before', 'nginx', `subject${escaped}`],
    ['MTL-11 text behind', 'nginx', `${escaped}more`],
    ['MTL-11 another label', 'nginx', escaped.replaceAll('CERTIFICATE', 'TRUSTED%20CERTIFICATE')],
    ['MTL-11 a malformed escape', 'nginx', `${escaped}%`],
    ['MTL-11 more than a certificate can be', 'nginx', escaped + '%0A'.repeat(20_000)],
    ['MTL-11 an escape that is no UTF-8', 'nginx', `${escaped}%FF`],
    ['MTL-11 escaped twice', 'nginx', encodeURIComponent(escaped)],
    ['MTL-11 (null)', 'nginx', '(null)'],
    ['MTL-11 the byte sequence of RFC 9440', 'nginx', `:${base64}:`],

    ['MTL-11 two elements', 'envoy', `${xfcc()},${xfcc()}`],
    ['MTL-11 an element before', 'envoy', `Hash=00,${xfcc()}`],
    ['MTL-11 an element behind', 'envoy', `${xfcc()},Hash=00`],
    ['MTL-11 two values of Cert', 'envoy', `Cert="${escaped}";Cert="${encodeURIComponent(otherPem)}"`],
    ['MTL-11 two values of Cert in other letters', 'envoy', `Cert="${escaped}";CERT="${escaped}"`],
    ['MTL-11 a Cert that a name in the certificate brought along', 'envoy', `${xfcc()};Cert="${escaped}"`],
    ['MTL-11 no Cert', 'envoy', `Hash=${'0'.repeat(64)};Subject="CN=client"`],
    ['MTL-11 a Cert in a quoted value', 'envoy', `Subject="a;Cert=${escaped}"`],
    ['MTL-11 a chain instead of a certificate', 'envoy', `Chain="${escaped}"`],
    ['MTL-11 a chain in Cert', 'envoy', `Cert="${encodeURIComponent(pem + otherPem)}"`],
    ['MTL-11 a quote that does not end', 'envoy', `Cert="${escaped}`],
    ['MTL-11 a pair without a value', 'envoy', `Cert;Cert="${escaped}"`],
    ['MTL-11 a semicolon at the end', 'envoy', `${xfcc()};`],
    ['MTL-11 a semicolon alone', 'envoy', ';'],
    ['MTL-11 white space between pairs', 'envoy', `Hash=00; Cert="${escaped}"`],

    ['MTL-11 a chain', 'aws-alb', escapedByAws + encodeURIComponent(otherPem)],
    ['MTL-11 a space for plus', 'aws-alb', escapedByAws.replaceAll('+', ' ')],

    ['MTL-11 a chain', 'traefik', `${base64},${otherDer.toString('base64')}`],
    ['MTL-11 a chain, escaped', 'traefik', encodeURIComponent(`${base64},${otherDer.toString('base64')}`)],
    ['MTL-11 PEM', 'traefik', escaped],
    ['MTL-11 a space for plus', 'traefik', base64.replaceAll('+', ' ')],
    ['MTL-11 an object', 'traefik', '{}'],
  ];

  it.each(refused)('refuses %s (%s)', (_name, form, value) => {
    expect(reasonOf(() => read(form, value))).toBe('client_cert_invalid');
  });

  it.each(forms)('MTL-10 MTL-11 is quick with long junk in a field of %s', (form) => {
    for (const part of [
      '%',
      '=',
      '"',
      'A',
      ';',
      'Cert=',
      'Cert="\\',
      '-----BEGIN CERTIFICATE-----\n',
      '%0A',
      ':',
    ]) {
      const junk = part.repeat(Math.floor(32_768 / part.length));
      const started = performance.now();
      expect(reasonOf(() => read(form, junk))).toBe('client_cert_invalid');
      expect(performance.now() - started).toBeLessThan(500);
    }
  });
});
