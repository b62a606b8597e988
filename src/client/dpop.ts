import { createPublicKey, hash, KeyObject, randomUUID } from 'node:crypto';
import { types } from 'node:util';
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import { checkSigningKey, createJwtSigner, type PrivateKey, type SigningKey } from '../issuer/private-key.js';
import { inBackground } from '../lib/background.js';
import { badOption, checkObject, oneOf, optional, unchecked } from '../lib/check.js';
import { SharedWork } from '../lib/shared-work.js';
import { ALGORITHMS, type Algorithm } from '../terms.js';
import { isScopeToken } from '../token/scope.js';

/** A key pair of the Web Cryptography API. */
export interface DpopKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** How the client proves that it has the key that its access tokens are bound to (RFC 9449). */
export interface ClientDpopOptions {
  /**
   * The private key: PEM (PKCS #8), a JWK, a `KeyObject` or a `CryptoKey`. One that can't be exported comes
   * with its public key: `{ privateKey, publicKey }`. Default: the client makes a pair at its first use,
   * which never leaves the process.
   */
  readonly key?: PrivateKey | DpopKeyPair;
  /** The algorithm of the proofs. Default: the first that fits `key`, and `ES256` without a key. */
  readonly algorithm?: Algorithm;
}

/** The option `dpop` as plain data. */
export interface DpopClientSettings {
  readonly algorithm: Algorithm;
  /** Undefined if one has to be made. */
  readonly key: SigningKey['key'] | undefined;
  /** The public key of a private key that can't be exported. */
  readonly publicKey: CryptoKey | undefined;
}

/** More than it takes to make a key, RSA included. */
const LOADING_SECONDS = 10;
const PAIR = { privateKey: unchecked, publicKey: unchecked };

/**
 * Checks the option `dpop` of a client.
 *
 * @returns undefined if the client gets bearer tokens
 * @throws {OptionError} without a cause, which could quote key material
 */
export function checkClientDpop(given: unknown, path: string): DpopClientSettings | undefined {
  if (given === undefined || given === false) return undefined;
  const algorithmPath = `${path}.algorithm`;
  const { key, algorithm } = checkObject(
    given === true ? {} : given,
    path,
    { key: unchecked, algorithm: optional(oneOf(ALGORITHMS)) },
    'true, false or an object',
  );
  if (key === undefined) return { algorithm: algorithm ?? 'ES256', key, publicKey: undefined };
  if (isPair(key)) {
    const { privateKey, publicKey } = checkObject(key, `${path}.key`, PAIR);
    if (!types.isCryptoKey(publicKey) || publicKey.type !== 'public' || !publicKey.extractable)
      throw badOption(`${path}.key.publicKey`, 'takes a public CryptoKey that can be exported');
    const checked = checkSigningKey(privateKey, `${path}.key.privateKey`, algorithm, algorithmPath);
    return { ...checked, publicKey: publicKey as CryptoKey }; // the same class, declared in several places
  }
  const checked = checkSigningKey(key, `${path}.key`, algorithm, algorithmPath);
  if (!types.isKeyObject(checked.key) && !checked.key.extractable)
    throw badOption(`${path}.key`, "can't be exported: give { privateKey, publicKey }");
  return { ...checked, publicKey: undefined };
}

function isPair(key: unknown): boolean {
  return typeof key === 'object' && key !== null && 'privateKey' in key;
}

/** The request that a proof is for. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  /** The access token sent with the proof; undefined for a token request. */
  readonly accessToken?: string | undefined;
  /** What the server wants to find in the proof. */
  readonly nonce?: string | undefined;
}

/** Makes a proof of its claims. */
type Sign = ReturnType<typeof createJwtSigner>;

/** Makes the proofs of one client, all with the same key. */
export class DpopProver {
  readonly #settings: DpopClientSettings;
  readonly #clock: () => number;
  readonly #loading: SharedWork<Sign>;
  #sign: Sign | undefined;
  /** The last access token, and its digest. */
  #digested: readonly [accessToken: string, digest: string] | undefined;

  constructor(settings: DpopClientSettings, clock: () => number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#loading = new SharedWork(clock, LOADING_SECONDS);
  }

  /** A proof for one request (RFC 9449 §4.2). Each attempt needs another one. */
  async prove({ method, url, accessToken, nonce }: ProvenRequest): Promise<string> {
    const sign = this.#sign ?? (await this.#load());
    return sign({
      jti: randomUUID(),
      htm: method,
      htu: url.origin + url.pathname,
      iat: Math.floor(this.#clock() / 1000),
      ath: accessToken && this.#digest(accessToken),
      nonce,
    });
  }

  async #load(): Promise<Sign> {
    const loaded = await this.#loading.run(() => inBackground(() => loadSigner(this.#settings)));
    // If the work was started twice, there are two keys: only the first one counts.
    this.#sign ??= loaded;
    return this.#sign;
  }

  #digest(accessToken: string): string {
    if (this.#digested?.[0] !== accessToken)
      this.#digested = [accessToken, hash('sha256', accessToken, 'base64url')];
    return this.#digested[1];
  }
}

async function loadSigner({ key, publicKey, algorithm }: DpopClientSettings): Promise<Sign> {
  const own = key ?? (await generateKeyPair(algorithm, { extractable: true })).privateKey;
  // It's cheaper to sign with one of these.
  const ready = publicKey === undefined && !types.isKeyObject(own) ? KeyObject.from(own) : own;
  // `as`: without a public key it's one by now.
  const jwk = await exportJWK(publicKey ?? createPublicKey(ready as KeyObject));
  return createJwtSigner({ key: ready, algorithm }, { typ: 'dpop+jwt', jwk });
}

/**
 * Each server's last nonce, by origin (RFC 9449 §8, §9). Authorization servers and APIs are kept apart, even
 * on the same origin.
 */
export class DpopNonces {
  readonly #nonces = new Map<string, string>();

  get(url: URL): string | undefined {
    return this.#nonces.get(url.origin);
  }

  keep(url: URL, nonce: string | undefined): void {
    if (nonce !== undefined) this.#nonces.set(url.origin, nonce);
  }
}

/**
 * The nonce in a field `DPoP-Nonce`, if it's one.
 *
 * @param field as `Headers` gives it: Node's leave white space after the value (RFC 9110 §5.5)
 */
export function readNonce(field: string | null): string | undefined {
  const value = field?.trim();
  return isScopeToken(value) ? value : undefined; // of the same characters, RFC 9449 §8.1
}
