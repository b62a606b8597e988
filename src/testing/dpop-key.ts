import { hash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Algorithm } from '../options/options.js';
import { checkMembers, checkObject, describe } from './check-members.js';
import { signedJws } from './forged-jws.js';
import { algorithms, generateSigningKey, type SigningKey } from './signing-key.js';

/** What `createDpopKey` takes. Every member is optional. */
export interface DpopKeyOptions {
  /** What signs the proofs. Default `ES256`. */
  readonly algorithm?: Algorithm;
  /** The time at which proofs are made, in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
}

/** The request that a proof is for. */
export interface ProofRequest {
  /** Default `GET`. */
  readonly method?: string;
  /** The absolute URL; its query and fragment stay out of the proof. */
  readonly url: string;
  /** The access token that goes with it. */
  readonly token: string;
  /** What the API sent as `DPoP-Nonce`. Default none. */
  readonly nonce?: string;
  /** Claims to lay over the usual ones; the value `undefined` removes one: `{ jti: undefined }`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The same for the header: `{ typ: 'JWT' }`. The key signs, whatever `alg` says. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A client's key for DPoP (RFC 9449). */
export interface DpopKey {
  /** What binds an access token to the key (RFC 9449 §6.1): `issuer.token({ cnf: { jkt: thumbprint } })`. */
  readonly thumbprint: string;
  /**
   * A proof of possession for one request (RFC 9449 §4.2), with an identifier of its own: it can be used once.
   *
   * @throws {TypeError} an unknown member, or one of the wrong type (the promise rejects)
   */
  proof(request: ProofRequest): Promise<string>;
  /**
   * The header fields of a request with its access token and a proof: `{ Authorization: 'DPoP …', DPoP: '…' }`, for supertest's `.set()` or `fetch`. Make them anew for
   * every request.
   *
   * @throws {TypeError} an unknown member, or one of the wrong type (the promise rejects)
   */
  headers(request: ProofRequest): Promise<{ Authorization: string; DPoP: string }>;
}

/**
 * Makes the key of a client that proves possession, for tests of access tokens that are bound to it (RFC 9449).
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * const key = await createDpopKey();
 * const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
 * const url = 'https://inventory.example.com/stock/42';
 * await request(app).get('/stock/42').set(await key.headers({ url, token })).expect(200);
 * ```
 */
export async function createDpopKey(options: DpopKeyOptions = {}): Promise<DpopKey> {
  checkMembers(options, ['algorithm', 'clock'], 'createDpopKey');
  const { algorithm = 'ES256', clock = Date.now } = options;
  if (!algorithms.includes(algorithm)) {
    throw new TypeError(`the option algorithm of createDpopKey takes one of ${algorithms.join(', ')}`);
  }
  if (typeof clock !== 'function') {
    throw new TypeError(`the option clock of createDpopKey takes a function, got ${describe(clock)}`);
  }
  const key = await generateSigningKey(algorithm, 'dpop-key');
  const proof = async (request: ProofRequest): Promise<string> => {
    checkRequest(request);
    const { header, claims } = proofParts(key, request, Math.floor(clock() / 1000));
    return signedJws(header, claims, key);
  };
  return Object.freeze({
    thumbprint: await calculateJwkThumbprint(publicJwk(key)),
    proof,
    headers: async (request: ProofRequest) => ({
      DPoP: await proof(request),
      Authorization: `DPoP ${request.token}`,
    }),
  });
}

/** Header and claims of a proof. */
export interface ProofParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** @param now seconds since the epoch */
export function proofParts(key: SigningKey, request: ProofRequest, now: number): ProofParts {
  const { method = 'GET', url, token, nonce, claims, header } = request;
  return {
    header: { typ: 'dpop+jwt', alg: key.algorithm, jwk: publicJwk(key), ...header },
    claims: {
      jti: randomUUID(),
      htm: method,
      htu: url.replace(/[?#].*$/s, ''),
      iat: now,
      ath: hash('sha256', token, 'base64url'),
      ...(nonce === undefined ? {} : { nonce }),
      ...claims,
    },
  };
}

/** The key as it is in the header of a proof. */
export function publicJwk({ jwk }: SigningKey): JWK {
  const { kid: _kid, alg: _alg, use: _use, ...members } = jwk;
  return members;
}

const MEMBERS = ['method', 'url', 'token', 'nonce', 'claims', 'header'];

function checkRequest(request: ProofRequest): void {
  checkMembers(request, MEMBERS, 'a proof');
  const { method, url, token, nonce, claims = {}, header = {} } = request;
  checkText('url', url);
  checkText('token', token);
  if (method !== undefined) checkText('method', method);
  if (nonce !== undefined) checkText('nonce', nonce);
  checkObject(claims, 'the member claims of a proof');
  checkObject(header, 'the member header of a proof');
}

function checkText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new TypeError(
    `the member ${name} of a proof takes a string that is not empty, got ${describe(value)}`,
  );
}
