import { types } from 'node:util';
import { callable, checkObject, oneOf, optional, text } from '../lib/check.js';
import { unlessAborted } from '../lib/deadline.js';
import { describeError, SafeError } from '../lib/errors.js';
import { ALGORITHMS, type Algorithm } from '../terms.js';
import { MIN_RSA_BITS } from './verification-key.js';

/**
 * Signs with a private key that stays where it is: in a key management service, an HSM or a TPM. It describes
 * the key as a JWK would, so a function can return another one when the key is rotated.
 */
export interface AssertionSigner {
  /**
   * Signs these bytes, the encoded header and claims of a JWT. It's called for each assertion, and hashes as
   * `algorithm` says.
   *
   * @returns the signature's bytes. For ECDSA either the two numbers one after the other, as in JOSE
   *   (RFC 7518 §3.4), or DER, as the key management services of Amazon and Google return it
   */
  sign(input: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** The `alg` of the assertions: `ES256`. */
  readonly algorithm: Algorithm;
  /** The `kid` of the assertions. Default: none. */
  readonly keyId?: string;
}

/** The service with the key failed or took too long. That may pass. */
export class SignerUnavailable extends SafeError {}

const TAKES = 'an object with sign and algorithm';
/** Of raw signatures, in bytes (RFC 7518 §3.4, RFC 8032 §5.1.6). An RSA signature is as long as its key. */
const LENGTHS: Readonly<Partial<Record<Algorithm, number>>> = {
  ES256: 64,
  ES384: 96,
  ES512: 132,
  EdDSA: 64,
  Ed25519: 64,
};
const DER_SEQUENCE = 0x30;
const DER_INTEGER = 0x02;
/** The length is in the next byte. */
const DER_LONG_LENGTH = 0x81;

export function isAssertionSigner(given: unknown): given is object {
  return typeof given === 'object' && given !== null && 'sign' in given;
}

/** Checks the members of a signer. */
export function checkAssertionSigner(given: object, path: string): AssertionSigner {
  const table = {
    sign: callable<AssertionSigner['sign']>,
    algorithm: oneOf(ALGORITHMS),
    keyId: optional(text),
  };
  const { sign, algorithm, keyId } = checkObject(given, path, table, TAKES);
  const common = { sign: (input: Uint8Array) => sign.call(given, input), algorithm };
  return keyId === undefined ? common : { ...common, keyId };
}

/**
 * Gets the part of a JWS before its signature signed, for as long as the signal allows.
 *
 * @returns the signature in base64url
 * @throws {SignerUnavailable} the function threw or took too long; without the cause, which may be anything
 * @throws {SafeError} what it returned isn't a signature by this algorithm
 */
export async function signElsewhere(
  input: string,
  { sign, algorithm }: AssertionSigner,
  signal: AbortSignal,
): Promise<string> {
  let signature: unknown;
  try {
    const signing = async () => sign(new TextEncoder().encode(input));
    signature = await unlessAborted(signing(), signal);
  } catch (error) {
    throw new SignerUnavailable(`the function sign: ${signal.aborted ? 'time-out' : describeError(error)}`);
  }
  const raw = types.isUint8Array(signature) ? readSignature(Buffer.from(signature), algorithm) : undefined;
  if (raw === undefined)
    throw new SafeError(`the function sign: it did not return a valid ${algorithm} signature`);
  return raw.toString('base64url');
}

/**
 * The signature in JOSE's form; undefined if it isn't one. DER and the raw form are told apart by length: a
 * DER signature is some bytes longer, and fewer than one in 2^40 is as short as the raw form.
 */
function readSignature(given: Buffer, algorithm: Algorithm): Buffer | undefined {
  const length = LENGTHS[algorithm];
  if (length === undefined) return given.length >= MIN_RSA_BITS / 8 ? given : undefined;
  if (given.length === length) return given;
  return algorithm.startsWith('ES') ? readDer(given, length / 2) : undefined;
}

/** Two positive numbers in DER (RFC 3279 §2.2.3), each padded to `size` bytes. */
function readDer(given: Buffer, size: number): Buffer | undefined {
  const start = given[1] === DER_LONG_LENGTH ? 3 : 2;
  if (given[0] !== DER_SEQUENCE || given[start - 1] !== given.length - start) return undefined;
  const raw = Buffer.alloc(2 * size);
  let at = start;
  for (const end of [size, 2 * size]) {
    const [type, length = 0] = given.subarray(at, at + 2);
    at += 2 + length;
    const number = given.subarray(at - length, at);
    const [sign = 0xff] = number;
    const digits = sign === 0 ? number.subarray(1) : number;
    if (type !== DER_INTEGER || number.length !== length || sign > 0x7f || digits.length > size)
      return undefined;
    raw.set(digits, end - digits.length);
  }
  return at === given.length ? raw : undefined;
}
