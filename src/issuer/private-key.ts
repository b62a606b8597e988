import { createPrivateKey, KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { type CryptoKey, importPKCS8, type JWK } from 'jose';
import { badOption, memberPath, optional, optionError, text } from '../lib/check.js';
import type { Algorithm } from '../terms.js';
import { MIN_RSA_BITS } from './verification-key.js';

/** A private key: PEM (PKCS #8), a JWK, or a key of `node:crypto` or of the Web Cryptography API. */
export type PrivateKey = string | JWK | KeyObject | CryptoKey;

/** What signs client assertions. */
export interface AssertionKey {
  readonly algorithm: Algorithm;
  /** The header's `kid`, undefined for none. */
  readonly keyId: string | undefined;
  load(): Promise<CryptoKey>;
}

const TAKES = 'a private key for signatures: PEM (PKCS #8, not encrypted), a JWK, a KeyObject or a CryptoKey';

/**
 * The algorithms of each kind of key, the default first. Kinds are named as Node and the Web Cryptography API
 * name key types and curves.
 */
const ALGORITHMS: Readonly<Record<string, readonly [Algorithm, ...Algorithm[]]>> = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
  ed25519: ['EdDSA', 'Ed25519'],
  'RSASSA-PKCS1-v1_5 SHA-256': ['RS256'],
  'RSASSA-PKCS1-v1_5 SHA-384': ['RS384'],
  'RSASSA-PKCS1-v1_5 SHA-512': ['RS512'],
  'RSA-PSS SHA-256': ['PS256'],
  'RSA-PSS SHA-384': ['PS384'],
  'RSA-PSS SHA-512': ['PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

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
 * @param path of the options that it's part of
 * @throws {OptionError} without a cause, which could quote key material
 */
export function checkPrivateKey({ privateKey, keyId, algorithm }: GivenKey, path: string): AssertionKey {
  const name = memberPath(path, 'privateKey');
  const key = readKey(privateKey, name);
  const jwk: { readonly kid?: unknown; readonly alg?: unknown } = isJwk(privateKey) ? privateKey : {};
  const facts = types.isCryptoKey(key) ? readCryptoKey(key as CryptoKey) : readKeyObject(key);
  if (facts.rsaBits !== undefined && facts.rsaBits < MIN_RSA_BITS)
    throw badOption(name, `has an RSA key of less than ${MIN_RSA_BITS} bits`);
  const fitting = Object.hasOwn(ALGORITHMS, facts.kind) ? ALGORITHMS[facts.kind] : undefined;
  if (fitting === undefined) throw badOption(name, `has a key of a type that signs no assertions`);
  const wanted = algorithm ?? jwk.alg;
  const chosen = wanted === undefined ? fitting[0] : fitting.find((one) => one === wanted);
  if (chosen === undefined)
    throw optionError(memberPath(path, 'algorithm'), `${fitting.join(' or ')} for this key`, wanted);
  return {
    algorithm: chosen,
    keyId: optional(text)(keyId, memberPath(path, 'keyId')) ?? optional(text)(jwk.kid, `${name}.kid`),
    load: importOnce(key, chosen),
  };
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
      key =
        typeof given === 'string'
          ? createPrivateKey({ key: given, format: 'pem' })
          : createPrivateKey({ key: { ...given }, format: 'jwk' });
    } catch {
      throw wrongKey();
    }
  if (key.type !== 'private') throw wrongKey();
  return key;
}

function isJwk(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && 'kty' in given && !(given instanceof KeyObject);
}

function readKeyObject(key: KeyObject) {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return { kind: namedCurve ?? key.asymmetricKeyType ?? '', rsaBits: modulusLength };
}

function readCryptoKey({ algorithm }: CryptoKey) {
  // Members that the algorithms have according to the Web Cryptography API §20.4, §23.4.
  const { name, hash, namedCurve, modulusLength } = algorithm as {
    name: string;
    hash?: { name: string };
    namedCurve?: string;
    modulusLength?: number;
  };
  if (modulusLength !== undefined) return { kind: `${name} ${hash?.name}`, rsaBits: modulusLength };
  return { kind: name === 'ECDSA' ? (namedCurve ?? '') : name, rsaBits: undefined };
}

function importOnce(key: KeyObject | CryptoKey, algorithm: Algorithm): () => Promise<CryptoKey> {
  if (!(key instanceof KeyObject)) return async () => key;
  let imported: Promise<CryptoKey> | undefined;
  return () => {
    imported ??= importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }).toString(), algorithm);
    return imported;
  };
}
