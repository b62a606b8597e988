import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  badOption,
  checkObject,
  isOptionError,
  memberPath,
  optional,
  optionError,
  text,
} from '../lib/check.js';
import { describeError, readErrorCode, SafeError } from '../lib/errors.js';
import type { TlsIdentity } from '../lib/tls-fetch.js';

/** A client certificate with its private key (RFC 8705), in PEM. */
export interface CertificatePem {
  /** The certificate, followed by those of any authorities between it and a root. */
  readonly cert: string | Uint8Array;
  /** Its private key. */
  readonly key: string | Uint8Array;
  /** Decrypts `key`. */
  readonly passphrase?: string;
  /**
   * The authorities to trust for servers, instead of those that Node knows. If you need both, `node:tls` has
   * Node's in `rootCertificates`.
   */
  readonly ca?: string | Uint8Array;
}

/** A client certificate in files. They're read again when they change. */
export interface CertificateFiles {
  /** The path of the file for `cert` of {@link CertificatePem}. */
  readonly certFile: string;
  /** The path of the file for `key`. */
  readonly keyFile: string;
  /** Decrypts the key. */
  readonly passphrase?: string;
  /** The path of the file for `ca`. */
  readonly caFile?: string;
}

/** {@link CertificateFiles} as plain data. */
export interface FilesToRead {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  readonly passphrase: string | undefined;
}

const PEM = { cert: pem, key: pem, passphrase: optional(text), ca: optional(pem) };
/** The members of {@link CertificatePem}. */
export const CERTIFICATE_MEMBERS: readonly string[] = Object.keys(PEM);
const BEGIN = '-----BEGIN CERTIFICATE-----';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
/** Larger files are mistakes. */
const MAX_FILE_BYTES = 1_000_000n;

/** {@link CertificatePem} as text: two are equal if they're the same certificate, in whatever form it was. */
export interface CertificateText {
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | undefined;
  readonly ca: string | undefined;
}

/** @throws {OptionError} a member is missing, or isn't text */
export function readCertificate(given: unknown, path: string): CertificateText {
  if (typeof given !== 'object' || given === null) throw optionError(path, 'an object', given);
  // Other members aren't refused: a refusal would name them, and a function may return anything.
  const known = CERTIFICATE_MEMBERS.map((name) => [name, Reflect.get(given, name)]);
  return checkObject(Object.fromEntries(known), path, PEM);
}

/**
 * Checks that a certificate and a key fit together.
 *
 * @throws {OptionError} without a cause, which could quote key material
 */
export function checkCertificate(given: unknown, path: string): TlsIdentity {
  const { cert, key: encrypted, passphrase, ca } = readCertificate(given, path);
  const chain = readCertificates(cert, memberPath(path, 'cert'));
  const authorities = ca === undefined ? undefined : readCertificates(ca, memberPath(path, 'ca'));
  let key: KeyObject;
  try {
    key = createPrivateKey({
      key: encrypted,
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch {
    throw badOption(memberPath(path, 'key'), 'takes a private key in PEM, with its passphrase if it has one');
  }
  if (!chain[0].checkPrivateKey(key))
    throw badOption(memberPath(path, 'key'), 'is not the key of the certificate');
  const plain = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: chain.join(''), key: plain, ca: authorities?.map(String) };
}

function pem(given: unknown, path: string): string {
  if (typeof given === 'string') return given;
  if (given instanceof Uint8Array) return Buffer.from(given).toString();
  throw optionError(path, 'PEM', given);
}

/**
 * The certificates in a text, at least one. The text may contain the key too, but not a part of a
 * certificate: then the file is half written.
 */
function readCertificates(given: string, path: string): readonly [X509Certificate, ...X509Certificate[]] {
  const found = given.match(CERTIFICATE) ?? [];
  try {
    const [first, ...others] = found.map((one) => new X509Certificate(one));
    if (first !== undefined && given.split(BEGIN).length === found.length + 1) return [first, ...others];
  } catch {
    // Reported below, without the text.
  }
  throw badOption(path, 'takes certificates in PEM');
}

/**
 * Reads a certificate from files, and again when they change. If the new files don't match or can't be read,
 * the old certificate stays in use.
 *
 * @returns a function that throws a {@link SafeError} if there's none yet
 */
export function certificateReader({
  certFile,
  keyFile,
  caFile,
  passphrase,
}: FilesToRead): () => Promise<object> {
  const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
  let known: { readonly stamp: string; readonly certificate: object } | undefined;
  return async () => {
    try {
      const { readFile, stat } = await import('node:fs/promises'); // not all runtimes have it
      const facts = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
      if (facts.some(({ size }) => size > MAX_FILE_BYTES)) throw new SafeError('a file is larger than 1 MB');
      const stamp = facts.map(({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`).join();
      if (known?.stamp === stamp) return known.certificate;
      const [cert, key, ca] = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
      const certificate = { cert, key, ca, passphrase };
      checkCertificate(certificate, 'certificate');
      known = { stamp, certificate };
      return certificate;
    } catch (error) {
      if (known !== undefined) return known.certificate;
      throw new SafeError(describeFileError(error)); // without the cause, which names paths
    }
  };
}

function describeFileError(error: unknown): string {
  if (isOptionError(error)) return `${error.option} ${error.problem}`;
  return readErrorCode(error) ?? describeError(error);
}
