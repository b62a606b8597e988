import { hash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Algorithm } from '../index.js';
import { anyObject, type Checks, callable, checkObject, oneOf, optional, text } from '../lib/check.js';
import { ALGORITHMS } from '../terms.js';
import { signedJws } from './forged-jws.js';
import { generateSigningKey, type SigningKey } from './signing-key.js';
import { secondsNow } from './token-claims.js';

/** Options of {@link createDpopKey}. Every member is optional. */
export interface DpopKeyOptions {
  /** The algorithm that signs the proofs. Default `ES256`. */
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
  /** The access token that the request carries. Default none: it's a request for one (RFC 9449 §5). */
  readonly token?: string;
  /** What the API sent as `DPoP-Nonce`. Default none. */
  readonly nonce?: string;
  /** Claims to lay over the usual ones; the value `undefined` removes one: `{ jti: undefined }`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The same for the header: `{ typ: 'JWT' }`. The key signs, whatever `alg` says. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A request that carries an access token, and the proof that it's for. */
export interface BoundProofRequest extends ProofRequest {
  readonly token: string;
}

/** A client's key for DPoP (RFC 9449). */
export interface DpopKey {
  /** What binds an access token to the key (RFC 9449 §6.1): `issuer.token({ cnf: { jkt: thumbprint } })`. */
  readonly thumbprint: string;
  /** The same as the claim has it: `issuer.token({ cnf: key.confirmation })`. Frozen. */
  readonly confirmation: { readonly jkt: string };
  /**
   * A proof of possession for one request (RFC 9449 §4.2), with an identifier of its own: it can be used
   * once.
   *
   * @throws {TypeError} an unknown member, or one of the wrong type (the promise rejects)
   */
  proof(request: ProofRequest): Promise<string>;
  /**
   * The header fields of a request with its access token and a proof:
   * `{ Authorization: 'DPoP …', DPoP: '…' }`, for supertest's `.set()` or `fetch`. Call it once per request,
   * because a proof can be used only once.
   *
   * @throws {TypeError} an unknown member, or one of the wrong type (the promise rejects)
   */
  headers(request: BoundProofRequest): Promise<{ Authorization: string; DPoP: string }>;
}

const CHECKS = {
  algorithm: optional(oneOf(ALGORITHMS), 'ES256'),
  clock: optional<() => number>(callable, () => Date.now()),
} satisfies Checks<DpopKeyOptions>;

const REQUEST_CHECKS = {
  method: optional(text),
  url: text,
  token: optional(text),
  nonce: optional(text),
  claims: optional(anyObject),
  header: optional(anyObject),
} satisfies Checks<ProofRequest>;

/**
 * Makes the key of a client that proves possession, for tests of access tokens that are bound to it (RFC
 * 9449).
 *
 * @throws {TypeError} an unknown option, or one of the wrong type (the promise rejects)
 * @example
 * ```ts
 * import { createDpopKey } from 'oauth-resource-server/testing';
 * import request from 'supertest';
 *
 * const key = await createDpopKey();
 * const token = await issuer.token({ scope: 'read:inventory', cnf: key.confirmation });
 * const url = 'https://inventory.example.com/stock/42';
 * await request(app).get('/stock/42').set(await key.headers({ url, token })).expect(200);
 * ```
 */
export async function createDpopKey(options: DpopKeyOptions = {}): Promise<DpopKey> {
  const { algorithm, clock } = checkObject(options, 'createDpopKey', CHECKS);
  const key = await generateSigningKey(algorithm, 'dpop-key');
  const proof = async (request: ProofRequest): Promise<string> => {
    checkObject(request, 'proof', REQUEST_CHECKS);
    const { header, claims } = proofParts(key, request, secondsNow({ clock }));
    return signedJws(header, claims, key);
  };
  const thumbprint = await calculateJwkThumbprint(publicJwk(key));
  return Object.freeze({
    thumbprint,
    confirmation: Object.freeze({ jkt: thumbprint }),
    proof,
    headers: async (request: BoundProofRequest) => {
      const DPoP = await proof(request);
      text(request.token, 'proof.token');
      return { DPoP, Authorization: `DPoP ${request.token}` };
    },
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
      ...(token === undefined ? {} : { ath: hash('sha256', token, 'base64url') }),
      ...(nonce === undefined ? {} : { nonce }),
      ...claims,
    },
  };
}

/** The key as it appears in the header of a proof. */
export function publicJwk({ jwk }: SigningKey): JWK {
  const { kid: _kid, alg: _alg, use: _use, ...members } = jwk;
  return members;
}
