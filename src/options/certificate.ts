import {
  CERTIFICATE_MEMBERS,
  type CertificateFiles,
  type CertificatePem,
  certificateReader,
  checkCertificate,
  readCertificate,
} from '../issuer/client-certificate.js';
import type { AskedCertificate } from '../issuer/credential-source.js';
import { badOption, callable, checkNames, checkObject, optional, text } from '../lib/check.js';

/**
 * The certificate that connections show, with its key: files, which are read again when they change, PEM, or
 * a function that returns PEM.
 */
export type CertificateOption =
  | CertificateFiles
  | CertificatePem
  | (() => CertificatePem | Promise<CertificatePem>);

const FILES = { certFile: text, keyFile: text, passphrase: optional(text), caFile: optional(text) };

/**
 * Checks the option `certificate`. Files are read, and functions called, only when needed.
 *
 * @returns undefined if there's none
 * @throws {OptionError} without a cause, which could quote key material
 */
export function checkCertificateOption(given: unknown, path: string): AskedCertificate | undefined {
  if (given === undefined) return undefined;
  if ('bun' in process.versions)
    throw badOption(
      path,
      "isn't supported on Bun, where connections wouldn't show it: give a fetch that does",
    );
  const kind = 'asked';
  const name = 'certificate';
  if (typeof given === 'function') return { kind, name, ask: callable<() => unknown>(given, path) };
  if (typeof given === 'object' && given !== null && ('certFile' in given || 'keyFile' in given)) {
    return { kind, name, from: 'files', ask: certificateReader(checkObject(given, path, FILES)) };
  }
  checkNames(given, CERTIFICATE_MEMBERS, path, 'an object or a function');
  const certificate = readCertificate(given, path);
  checkCertificate(certificate, path);
  return { kind, name, from: 'option', ask: () => certificate };
}
