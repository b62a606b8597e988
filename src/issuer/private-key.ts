import { createPrivateKey, KeyObject } from 'node:crypto';
import { types } from 'node:util';
import type { CryptoKey, JWK } from 'jose';
import { optionError, stringOf } from '../lib/check.js';

/** Signature algorithms for client assertions (RFC 7518 §3.1, RFC 8037, RFC 9864). Asymmetric only. */
export type AssertionAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';

/** A private key: PEM (PKCS #8), a JWK, or a key of `node:crypto` or of the Web Cryptography API. */
export type PrivateKey = string | JWK | KeyObject | CryptoKey;

/** What signs client assertions. */
export interface AssertionKey {
  readonly algorithm: AssertionAlgorithm;
  /** The header's `kid`, undefined for none. */
  readonly keyId: string | undefined;
  load(): Promise<CryptoKey>;
}

/** Minimum RSA modulus (RFC 7518 §3.3, §3.5). */
const MIN_RSA_BITS = 2048;
const TAKES = 'a private key for signatures: PEM (PKCS #8, not encrypted), a JWK, a KeyObject or a CryptoKey';

/** The algorithms of each kind of key, the default first. Kinds are named as Node and the Web Cryptography API name key types and curves. */
const ALGORITHMS: Readonly<Record<string, readonly [AssertionAlgorithm, ...AssertionAlgorithm[]]>> = {
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
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

interface KeyFacts {
  readonly kind: string;
  readonly rsaBits: number | undefined;
}

/**
 * Checks a private key and picks its algorithm.
 *
 * @param keyId default: the JWK's `kid`
 * @param algorithm default: the JWK's `alg`, or the first that fits the key
 * @throws {TypeError} without a cause, which could quote key material
 */
export function resolvePrivateKey(given: unknown, keyId: unknown, algorithm: unknown): AssertionKey {
  const key = readKey(given);
  const jwk: { readonly kid?: unknown; readonly alg?: unknown } = isJwk(given) ? given : {};
  const facts = types.isCryptoKey(key) ? factsOfCryptoKey(key as CryptoKey) : factsOfKeyObject(key);
  if (facts.rsaBits !== undefined && facts.rsaBits < MIN_RSA_BITS)
    throw new TypeError(`option "privateKey" has an RSA key of less than ${MIN_RSA_BITS} bits`);
  const chosen = chooseAlgorithm(facts.kind, algorithm ?? jwk.alg);
  return {
    algorithm: chosen,
    keyId: stringOf(keyId, 'keyId') ?? stringOf(jwk.kid, 'privateKey.kid'),
    load: importOnce(key, chosen),
  };
}

function readKey(given: unknown): KeyObject | CryptoKey {
  if (types.isCryptoKey(given)) {
    const key = given as CryptoKey; // the same class; only its declarations have several homes
    if (key.type !== 'private') throw new TypeError(wrongKey());
    return key;
  }
  const key = types.isKeyObject(given) ? given : parseKey(given);
  if (key.type !== 'private') throw new TypeError(wrongKey());
  return key;
}

function parseKey(given: unknown): KeyObject {
  if (typeof given !== 'string' && !isJwk(given)) throw optionError('privateKey', TAKES, given);
  try {
    return typeof given === 'string'
      ? createPrivateKey({ key: given, format: 'pem' })
      : createPrivateKey({ key: { ...given }, format: 'jwk' });
  } catch {
    throw new TypeError(wrongKey());
  }
}

function isJwk(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && 'kty' in given && !(given instanceof KeyObject);
}

function wrongKey(): string {
  return `option "privateKey" takes ${TAKES}, got something else of that type`;
}

function factsOfKeyObject(key: KeyObject): KeyFacts {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return { kind: namedCurve ?? key.asymmetricKeyType ?? '', rsaBits: modulusLength };
}

function factsOfCryptoKey({ algorithm }: CryptoKey): KeyFacts {
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

function chooseAlgorithm(kind: string, wanted: unknown): AssertionAlgorithm {
  const fitting = Object.hasOwn(ALGORITHMS, kind) ? ALGORITHMS[kind] : undefined;
  if (fitting === undefined)
    throw new TypeError('option "privateKey" has a key of a type that signs no assertions');
  if (wanted === undefined) return fitting[0];
  const chosen = fitting.find((one) => one === wanted);
  if (chosen === undefined) throw optionError('algorithm', `${fitting.join(' or ')} for this key`, wanted);
  return chosen;
}

function importOnce(key: KeyObject | CryptoKey, algorithm: AssertionAlgorithm): () => Promise<CryptoKey> {
  if (!(key instanceof KeyObject)) return async () => key;
  let imported: Promise<CryptoKey> | undefined;
  return () => {
    imported ??= importKey(key, algorithm);
    return imported;
  };
}

function importKey(key: KeyObject, algorithm: AssertionAlgorithm): Promise<CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', der, importParameters(algorithm), false, ['sign']);
}

function importParameters(algorithm: AssertionAlgorithm): { name: string } {
  const hash = `SHA-${algorithm.slice(2)}`;
  if (algorithm.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash } as { name: string };
  if (algorithm.startsWith('PS')) return { name: 'RSA-PSS', hash } as { name: string };
  const namedCurve = CURVES[algorithm];
  return namedCurve === undefined ? { name: 'Ed25519' } : ({ name: 'ECDSA', namedCurve } as { name: string });
}
