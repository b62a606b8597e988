import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type CertificateHeaderForm,
  FORMS,
  readCertificateHeader,
} from '../../../src/proof/certificate-header.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { reasonOf } from '../../support/outcome.js';
import { RFC_8705, RFC_9440_FIELD } from '../../support/rfc-certificates.js';

const forms = Object.keys(FORMS) as CertificateHeaderForm[]; // the record has a member per form and no other

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
    ['the byte sequence of RFC 9440', 'client-cert', `:${base64}:`],
    ['a byte sequence without padding (RFC 8941 §4.2.7)', 'client-cert', `:${base64.replace(/=+$/, '')}:`],
    ['what nginx escapes', 'nginx', escaped],
    ['what nginx escapes, in lower case', 'nginx', escaped.replaceAll(/%../g, (part) => part.toLowerCase())],
    ['PEM with CRLF', 'nginx', encodeURIComponent(pem.replaceAll('\n', '\r\n'))],
    [
      'PEM on one line',
      'nginx',
      encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`),
    ],
    ['the element of Envoy', 'envoy', xfcc()],
    ['the element of Envoy, nothing but Cert', 'envoy', `Cert="${escaped}"`],
    ['the element of Envoy, not quoted', 'envoy', `Hash=00;cert=${escaped}`],
    ['an element of Envoy with an empty subject', 'envoy', `Cert="${escaped}";Subject="";URI=`],
    ['what an application load balancer of AWS escapes', 'aws-alb', escapedByAws],
    ['what Traefik 3 sends', 'traefik', base64],
    ['what Traefik 2 sends, escaped', 'traefik', encodeURIComponent(base64)],
  ];

  it.each(accepted)('reads %s', { tags: ['MTL-10', 'MTL-11'] }, (_name, form, value) => {
    expect(read(form, value)).toEqual(der);
  });

  it('reads the example of RFC 9440 to the digest of its certificate', { tags: ['MTL-01'] }, () => {
    const example = read('client-cert', RFC_9440_FIELD) ?? Buffer.alloc(0);
    expect(new X509Certificate(example).subject).toBe('CN=BC');
    expect(createHash('sha256').update(example).digest('base64url')).toBe(
      createHash('sha256')
        .update(Buffer.from(RFC_9440_FIELD.slice(1, -1), 'base64'))
        .digest('base64url'),
    );
  });

  it('reads the example of RFC 8705 to the digest that the document names', { tags: ['MTL-01'] }, () => {
    const example = read('nginx', escaped) ?? Buffer.alloc(0);
    expect(createHash('sha256').update(example).digest('base64url')).toBe(RFC_8705.thumbprint);
  });

  it.each(forms.filter((form) => form !== 'client-cert'))(
    'takes an empty field of %s for none',
    { tags: ['MTL-02', 'MTL-11'] },
    (form) => {
      expect(read(form, '')).toBeUndefined();
    },
  );

  it('takes an empty byte sequence for none', { tags: ['MTL-02', 'MTL-10'] }, () => {
    expect(read('client-cert', '::')).toBeUndefined();
  });

  const refused: readonly (readonly [name: string, form: CertificateHeaderForm, value: string])[] = [
    ['an empty field', 'client-cert', ''],
    ['no colons', 'client-cert', base64],
    ['one colon', 'client-cert', `:${base64}`],
    ['a list', 'client-cert', `:${base64}:, :${base64}:`],
    ['a list of the same by comma alone', 'client-cert', `:${base64}:,:${base64}:`],
    ['parameters', 'client-cert', `:${base64}:;a=1`],
    ['a string', 'client-cert', `"${base64}"`],
    ['a token', 'client-cert', 'certificate'],
    ['base64url', 'client-cert', `:${der.toString('base64url')}:`],
    ['white space within', 'client-cert', `:${base64.slice(0, 64)} ${base64.slice(64)}:`],
    ['padding within', 'client-cert', `:${base64.slice(0, 62)}==${base64.slice(64)}:`],
    ['one character more', 'client-cert', `:${base64.replace(/=+$/, '')}AA:`],
    ['too much padding', 'client-cert', `:${base64}=:`],
    ['PEM', 'client-cert', `:${Buffer.from(pem).toString('base64')}:`],
    ['bytes that are no certificate', 'client-cert', `:${Buffer.from('certificate').toString('base64')}:`],
    ['a certificate cut short', 'client-cert', `:${der.subarray(0, -1).toString('base64')}:`],
    [
      'a byte behind the certificate',
      'client-cert',
      `:${Buffer.concat([der, Buffer.of(0)]).toString('base64')}:`,
    ],
    ['two certificates in one', 'client-cert', `:${Buffer.concat([der, otherDer]).toString('base64')}:`],
    [
      'a public key',
      'client-cert',
      `:${new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}:`,
    ],
    ['more than a certificate can be', 'client-cert', `:${'A'.repeat(40_000)}:`],

    ['PEM that is not escaped', 'nginx', pem.replaceAll('\n', ' ')],
    ['spaces for line breaks', 'nginx', encodeURIComponent(pem.replaceAll('\n', ' '))],
    ['two certificates', 'nginx', encodeURIComponent(pem + otherPem)],
    ['the same certificate twice', 'nginx', escaped + escaped],
    ['a list', 'nginx', `${escaped}, ${escaped}`],
    ['text before', 'nginx', `subject${escaped}`],
    ['text behind', 'nginx', `${escaped}more`],
    ['another label', 'nginx', escaped.replaceAll('CERTIFICATE', 'TRUSTED%20CERTIFICATE')],
    ['a malformed escape', 'nginx', `${escaped}%`],
    ['more than a certificate can be', 'nginx', escaped + '%0A'.repeat(20_000)],
    ['an escape that is no UTF-8', 'nginx', `${escaped}%FF`],
    ['escaped twice', 'nginx', encodeURIComponent(escaped)],
    ['(null)', 'nginx', '(null)'],
    ['the byte sequence of RFC 9440', 'nginx', `:${base64}:`],

    ['two elements', 'envoy', `${xfcc()},${xfcc()}`],
    ['an element before', 'envoy', `Hash=00,${xfcc()}`],
    ['an element behind', 'envoy', `${xfcc()},Hash=00`],
    ['two values of Cert', 'envoy', `Cert="${escaped}";Cert="${encodeURIComponent(otherPem)}"`],
    ['two values of Cert in other letters', 'envoy', `Cert="${escaped}";CERT="${escaped}"`],
    ['a Cert that a name in the certificate brought along', 'envoy', `${xfcc()};Cert="${escaped}"`],
    ['no Cert', 'envoy', `Hash=${'0'.repeat(64)};Subject="CN=client"`],
    ['a Cert in a quoted value', 'envoy', `Subject="a;Cert=${escaped}"`],
    ['a chain instead of a certificate', 'envoy', `Chain="${escaped}"`],
    ['a chain in Cert', 'envoy', `Cert="${encodeURIComponent(pem + otherPem)}"`],
    ['a quote that does not end', 'envoy', `Cert="${escaped}`],
    ['a pair without a value', 'envoy', `Cert;Cert="${escaped}"`],
    ['a semicolon at the end', 'envoy', `${xfcc()};`],
    ['a semicolon alone', 'envoy', ';'],
    ['white space between pairs', 'envoy', `Hash=00; Cert="${escaped}"`],

    ['a chain', 'aws-alb', escapedByAws + encodeURIComponent(otherPem)],
    ['a space for plus', 'aws-alb', escapedByAws.replaceAll('+', ' ')],

    ['a chain', 'traefik', `${base64},${otherDer.toString('base64')}`],
    ['a chain, escaped', 'traefik', encodeURIComponent(`${base64},${otherDer.toString('base64')}`)],
    ['PEM', 'traefik', escaped],
    ['a space for plus', 'traefik', base64.replaceAll('+', ' ')],
    ['an object', 'traefik', '{}'],
  ];

  it.each(refused)('refuses %s (%s)', { tags: ['MTL-10', 'MTL-11'] }, (_name, form, value) => {
    expect(reasonOf(() => read(form, value))).toBe('client_cert_invalid');
  });

  it.each(forms)('is quick with long junk in a field of %s', { tags: ['MTL-10', 'MTL-11'] }, (form) => {
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
