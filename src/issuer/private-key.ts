import { createPrivateKey, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { CompactSign, type CryptoKey, type JWK } from 'jose';
import { badOption, memberPath, optional, optionError, text } from '../lib/check.js';
import type { Algorithm } from '../terms.js';
import { createSigner } from '../token/signature.js';
import { checkAssertionSigner, isAssertionSigner, signElsewhere } from './assertion-signer.js';
import { findAlgorithms, MIN_RSA_BITS, PRIVATE_MEMBERS, PUBLIC_MEMBERS } from './verification-key.js';

/** A private key: PEM (PKCS #8), a JWK, or a key of `node:crypto` or of the Web Cryptography API. */
export type PrivateKey = string | JWK | KeyObject | CryptoKey;

/** The key that signs client assertions. */
export interface AssertionKey {
  readonly algorithm: Algorithm;
  /** The header's `kid`, undefined for none. */
  readonly keyId: string | undefined;
  /**
   * A JWT with these claims.
   *
   * @param signal ends the wait for a key that's elsewhere
   * @throws {SafeError} that key didn't sign
   */
  sign(claims: object, signal: AbortSignal): Promise<string>;
}

const TAKES = 'a private key for signatures: PEM (PKCS #8, not encrypted), a JWK, a KeyObject or a CryptoKey';

/** How JWKs name the kinds of keys that `node:crypto` names by their type or curve. */
const KINDS: Readonly<Record<string, string>> = {
  rsa: 'RSA',
  prime256v1: 'EC P-256',
  secp384r1: 'EC P-384',
  secp521r1: 'EC P-521',
  ed25519: 'OKP Ed25519',
};
/**
 * By which some servers know a key instead of `kid`: the digest of its certificate (RFC 7515 §4.1.7, §4.1.8).
 */
const THUMBPRINTS = ['x5t#S256', 'x5t'] as const;
/** What a JWK says of its key (RFC 7518 §6.2, §6.3, RFC 8037 §2), and what names and chooses one. */
const JWK_MEMBERS = [...PUBLIC_MEMBERS, ...PRIVATE_MEMBERS, 'alg', 'kid', ...THUMBPRINTS];
/** The beginnings of algorithm names, by their names in the Web Cryptography API. */
const RSA_PREFIXES: Readonly<Record<string, string>> = { 'RSASSA-PKCS1-v1_5': 'RS', 'RSA-PSS': 'PS' };

/** A checked private key. */
export interface SigningKey {
  readonly key: KeyObject | CryptoKey;
  readonly algorithm: Algorithm;
}

interface KeyFacts {
  /** The algorithms it can sign with. */
  readonly algorithms: readonly Algorithm[];
  readonly rsaBits: number | undefined;
}

/** A private key as options give it. */
interface GivenKey {
  readonly privateKey?: unknown;
  /** Default: the JWK's `kid`. */
  readonly keyId?: unknown;
  /** Default: the JWK's `alg`, or the first that fits the key. */
  readonly algorithm?: unknown;
}

/**
 * Checks a private key and picks its algorithm.
 *
 * @param path of the options that contain it
 * @throws {OptionError} without a cause, which could quote key material
 */
export function checkPrivateKey({ privateKey, keyId, algorithm }: GivenKey, path: string): AssertionKey {
  const name = memberPath(path, 'privateKey');
  const algorithmPath = memberPath(path, 'algorithm');
  const own = optional(text)(keyId, memberPath(path, 'keyId'));
  if (isAssertionSigner(privateKey)) {
    const signer = checkAssertionSigner(privateKey, name);
    const alg = pickAlgorithm([signer.algorithm], algorithm, algorithmPath);
    const kid = own ?? signer.keyId;
    const header = encode({ alg, kid });
    return {
      algorithm: alg,
      keyId: kid,
      async sign(claims, signal) {
        const input = `${header}.${encode(claims)}`;
        return `${input}.${await signElsewhere(input, signer, signal)}`;
      },
    };
  }
  const signingKey = checkSigningKey(privateKey, name, algorithm, algorithmPath);
  const jwk = isJwk(privateKey) ? privateKey : {};
  const named = (member: string) => optional(text)(jwk[member], `${name}.${member}`);
  const kid = own ?? named('kid');
  // Some serializers write null for an absent one.
  const present = THUMBPRINTS.filter((member) => jwk[member] !== null);
  const thumbprints = Object.fromEntries(present.map((member) => [member, named(member)]));
  const sign = createJwtSigner(signingKey, { kid, ...thumbprints });
  return { algorithm: signingKey.algorithm, keyId: kid, sign: async (claims) => sign(claims) };
}

/** Makes JWTs with one key. Members of the header that are undefined are left out. */
export function createJwtSigner(
  { key, algorithm }: SigningKey,
  parameters: object,
): (claims: object) => string | Promise<string> {
  const header = { ...parameters, alg: algorithm };
  // On the spot: the way to the thread pool and back costs more than the signature.
  const sign = types.isKeyObject(key) ? createSigner(key, algorithm) : undefined;
  if (sign === undefined || !canSign(sign))
    return (claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader(header).sign(key);
  const encodedHeader = encode(header);
  return (claims) => {
    const input = `${encodedHeader}.${encode(claims)}`;
    return `${input}.${sign(input)}`;
  };
}

/** Not on workerd, whose `sign` takes no `KeyObject` together with a scheme. */
function canSign(sign: (input: string) => string): boolean {
  try {
    return sign('') !== '';
  } catch {
    return false;
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/**
 * Checks a private key that an option gives, and picks its algorithm.
 *
 * @param wanted the algorithm that another option gives. Default: the JWK's `alg`, or the first that fits
 * @throws {OptionError} as {@link checkPrivateKey} does
 */
export function checkSigningKey(
  given: unknown,
  path: string,
  wanted: unknown,
  algorithmPath: string,
): SigningKey {
  const key = readKey(given, path);
  const { algorithms, rsaBits = MIN_RSA_BITS } = types.isKeyObject(key)
    ? readKeyObject(key)
    : readCryptoKey(key);
  if (rsaBits < MIN_RSA_BITS) throw badOption(path, `has an RSA key of less than ${MIN_RSA_BITS} bits`);
  if (algorithms.length === 0) throw badOption(path, 'has a key of a type that cannot sign assertions');
  // The old name of Ed25519 comes first: more servers know it.
  const fitting: readonly Algorithm[] = algorithms.includes('EdDSA') ? ['EdDSA', 'Ed25519'] : algorithms;
  const name = wanted ?? (isJwk(given) ? given.alg : undefined);
  return { key, algorithm: pickAlgorithm(fitting, name, algorithmPath) };
}

/** The first that fits, unless an option names another. */
function pickAlgorithm(fitting: readonly Algorithm[], wanted: unknown, path: string): Algorithm {
  const algorithm = wanted === undefined ? fitting[0] : fitting.find((one) => one === wanted);
  if (algorithm === undefined) throw optionError(path, `${fitting.join(' or ')} for this key`, wanted);
  return algorithm;
}

function readKey(given: unknown, name: string): KeyObject | CryptoKey {
  const wrongKey = () => badOption(name, `takes ${TAKES}, got something else of that type`);
  let key: KeyObject | CryptoKey;
  if (types.isCryptoKey(given))
    key = given as CryptoKey; // the same class; only its declarations have several homes
  else if (types.isKeyObject(given)) key = given;
  else if (typeof given !== 'string' && !isJwk(given)) throw optionError(name, TAKES, given);
  else
    try {
      key = createPrivateKey(
        typeof given === 'string' ? { key: given, format: 'pem' } : { key: copyJwk(given), format: 'jwk' },
      );
    } catch {
      throw wrongKey();
    }
  if (key.type !== 'private') throw wrongKey();
  return key;
}

/** A private key as an application gives it, or a copy if its members can change: equal if the key is. */
export function copyPrivateKey(given: unknown): unknown {
  return isJwk(given) && !isAssertionSigner(given) ? copyJwk(given) : given;
}

/** Without members that say nothing about the key. */
function copyJwk(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(JWK_MEMBERS.map((name) => [name, given[name]]));
}

function isJwk(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && 'kty' in given;
}

function readKeyObject({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): KeyFacts {
  const { namedCurve = asymmetricKeyType, modulusLength } = asymmetricKeyDetails;
  return { algorithms: findAlgorithms(KINDS[namedCurve ?? '']), rsaBits: modulusLength };
}

function readCryptoKey({ algorithm }: CryptoKey): KeyFacts {
  // Members that the algorithms have according to the Web Cryptography API §20.4, §23.4.
  const { name, hash, namedCurve, modulusLength } = algorithm as {
    name: string;
    hash?: { name: string };
    namedCurve?: string;
    modulusLength?: number;
  };
  if (modulusLength === undefined) {
    const kind = name === 'ECDSA' ? `EC ${namedCurve}` : `OKP ${name}`;
    return { algorithms: findAlgorithms(kind), rsaBits: undefined };
  }
  // Such a key is bound to one algorithm: RS256.
  const own = `${RSA_PREFIXES[name]}${hash?.name.replace('SHA-', '')}`;
  return { algorithms: findAlgorithms('RSA').filter((one) => one === own), rsaBits: modulusLength };
}
