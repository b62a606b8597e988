import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { checkObject } from './check-members.js';
import { defaultSubject } from './defaults.js';
import { signedJws } from './forged-jws.js';
import type { AcceptedToken } from './forgeries/accepted-token.js';
import { forgeAll } from './forgeries/forge-all.js';
import type { Forgery } from './forgeries/forgery.js';
import { forgeProofs } from './forgeries/proofs.js';
import type { KeyRing } from './key-ring.js';
import { generateSigningKey, type SigningKey } from './signing-key.js';

/** Claims to lay over the usual ones; the value `undefined` removes a claim. */
export type TokenClaims = Readonly<Record<string, unknown>>;

/** Parameters of the JOSE header to lay over the usual ones; the value `undefined` removes a parameter. */
export type TokenHeader = Readonly<Record<string, unknown>>;

/** What tokens say unless they are asked to say something else. */
export interface TokenSettings {
  readonly audience: string;
  readonly clientId: string;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. Undefined for `Date.now`. */
  readonly clock: (() => number) | undefined;
}

/** What a test issuer does with its keys, under the name that its tokens carry. */
export interface TokenIssuer {
  /** The issuer identifier: `"iss"` of the tokens, `Auth.issuer`. */
  readonly identifier: string;
  /**
   * A signed access token (RFC 9068 §2): `typ` is `at+jwt`, and `iss`, `aud`, `sub`, `client_id`, `iat`,
   * `exp` and `jti` are there.
   *
   * @param claims more claims, or other values: `{ scope: 'read:inventory' }`, `{ exp: 0 }`. `undefined`
   *   removes a claim: `{ aud: undefined }`
   * @param header the same for the header: `{ typ: 'JWT' }`, `{ kid: undefined }`. The issuer's key signs,
   *   whatever `alg` says
   * @throws {TypeError} something else than an object (the promise rejects)
   */
  token(claims?: TokenClaims, header?: TokenHeader): Promise<string>;
  /**
   * The header field of a request with such a token: `{ Authorization: 'Bearer eyJ…' }`, for supertest's
   * `.set()` or `fetch`.
   *
   * @param claims see {@link TokenIssuer.token}
   * @param header see {@link TokenIssuer.token}
   */
  authorization(claims?: TokenClaims, header?: TokenHeader): Promise<{ Authorization: string }>;
  /**
   * More than a hundred requests that a resource server must refuse, with the status and the reason of the
   * refusal: expired, for another audience, `alg` none, signed by a foreign key, malformed credentials and so
   * on. Each differs in one thing from the request that `authorization(claims)` makes.
   *
   * `reason` is right for a resource server with `issuer.options` and default options otherwise, whose keys
   * are in reach; `status` is right also when algorithms or the token type are restricted. With `optional:
   * true` those of the reason `missing_credentials` go through.
   *
   * @param claims the claims that open the route, with no scope that it does not need. Without `scope` there
   *   are no forgeries of scopes
   * @example
   * ```ts
   * for (const forgery of await issuer.forgeries({ scope: 'read:inventory' })) {
   *   await request(app).get('/stock/42').set(forgery.headers).expect(forgery.status);
   * }
   * ```
   */
  forgeries(claims?: TokenClaims): Promise<readonly Forgery[]>;
  /**
   * About a hundred requests with DPoP (RFC 9449) that a resource server must refuse, with the status and the reason of the refusal: the proof is for another
   * method, URL or token, too old, signed by another key, missing and so on, or the access token is bound to another key or none. Each differs in one thing from a
   * request with `createDpopKey().headers(…)`.
   *
   * `status` and `reason` are right for a resource server with the `dpop` modes `'allowed'` and, but for bearer tokens, `'required'`, without nonces.
   *
   * @param request what the proofs are for: the method, and the absolute URL under which the API gets the request
   * @param claims the claims that open the route
   * @throws {TypeError} a URL that is none (the promise rejects)
   */
  dpopForgeries(
    request: { readonly method: string; readonly url: string },
    claims?: TokenClaims,
  ): Promise<readonly Forgery[]>;
}

/** An issuer of tokens under any identifier, over the keys of `keys`. */
export function createTokenIssuer(identifier: string, settings: TokenSettings, keys: KeyRing): TokenIssuer {
  const accepted = (claims: TokenClaims, header: TokenHeader): Omit<AcceptedToken, 'foreignKey'> => {
    checkObject(claims, 'the claims of a token');
    checkObject(header, 'the header of a token');
    const now = Math.floor((settings.clock ?? Date.now)() / 1000);
    return {
      header: { alg: keys.current.algorithm, typ: 'at+jwt', kid: keys.current.kid, ...header },
      claims: { ...usualClaims(identifier, settings, now, claims), ...claims },
      key: keys.current,
      issuer: identifier,
      audience: settings.audience,
      clientId: settings.clientId,
      now,
    };
  };
  const token = async (claims: TokenClaims = {}, header: TokenHeader = {}): Promise<string> => {
    const parts = accepted(claims, header);
    return signedJws(parts.header, parts.claims, parts.key);
  };
  return {
    identifier,
    token,
    authorization: async (claims, header) => ({ Authorization: `Bearer ${await token(claims, header)}` }),
    forgeries: async (claims = {}) =>
      forgeAll({ ...accepted(claims, {}), foreignKey: await keys.foreignKey() }),
    dpopForgeries: async ({ method, url }, claims = {}) => {
      const [key, foreignKey] = await Promise.all([newDpopKey(), newDpopKey()]);
      const bound = async (jkt: string) => token({ ...claims, cnf: { jkt } });
      return forgeProofs({
        method,
        url: new URL(url).href.replace(/[?#].*$/s, ''),
        token: await bound(await calculateJwkThumbprint(key.jwk)),
        tokenOfAnother: await bound(await calculateJwkThumbprint(foreignKey.jwk)),
        unboundToken: await token(claims),
        key,
        foreignKey,
        now: accepted({}, {}).now,
      });
    },
  };
}

const newDpopKey = (): Promise<SigningKey> => generateSigningKey('ES256', 'dpop-key');

/** RFC 9068 §2.2. */
export function usualClaims(
  issuer: string,
  settings: TokenSettings,
  now: number,
  others: TokenClaims,
): TokenClaims {
  return {
    iss: issuer,
    aud: settings.audience,
    sub: defaultSubject(others, settings.clientId),
    client_id: settings.clientId,
    iat: now,
    exp: now + settings.lifetimeSeconds,
    jti: randomUUID(),
  };
}
