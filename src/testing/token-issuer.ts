import { calculateJwkThumbprint, type JWK } from 'jose';
import type { JoseHeader } from '../auth.js';
import { anyObject } from '../lib/check.js';
import { signedJws } from './forged-jws.js';
import { forgeAll } from './forgeries/forge-all.js';
import type { AcceptedToken, Forgery } from './forgeries/forgery.js';
import { forgeProofs } from './forgeries/proofs.js';
import { generateSigningKey, type KeyRing } from './signing-key.js';
import { completeClaims, secondsNow, type TokenClaims, type TokenSettings } from './token-claims.js';

/** Parameters of the JOSE header to lay over the usual ones; the value `undefined` removes a parameter. */
export type TokenHeader = { readonly [Parameter in keyof JoseHeader]?: unknown };

/** What a test issuer does with its keys, under the name that its tokens carry. */
export interface TokenIssuer {
  /** The issuer identifier: `"iss"` of the tokens, `Auth.issuer`. */
  readonly identifier: string;
  /**
   * Makes a signed access token (RFC 9068 §2): `typ` is `at+jwt`, and it has `iss`, `aud`, `sub`,
   * `client_id`, `iat`, `exp` and `jti`.
   *
   * @param claims more claims, or other values: `{ scope: 'read:inventory' }`, `{ exp: 0 }`. `undefined`
   *   removes a claim: `{ aud: undefined }`
   * @param header the same for the header: `{ typ: 'JWT' }`, `{ kid: undefined }`. The issuer's key signs,
   *   whatever `alg` says
   * @throws {TypeError} something other than an object (the promise rejects)
   */
  token(claims?: TokenClaims, header?: TokenHeader): Promise<string>;
  /**
   * The header field of a request with such a token: `{ Authorization: 'Bearer eyJ…' }`, for supertest's
   * `.set()` or `fetch`.
   *
   * @param claims see {@link TokenIssuer.token}
   * @param header see {@link TokenIssuer.token}
   * @throws {TypeError} something other than an object (the promise rejects)
   */
  authorization(claims?: TokenClaims, header?: TokenHeader): Promise<{ Authorization: string }>;
  /**
   * More than a hundred requests that a resource server must refuse, each with the expected status and
   * reason: expired, for another audience, `alg` none, signed by a foreign key, malformed credentials and so
   * on. Each differs in one thing from the request that `authorization(claims)` makes.
   *
   * `reason` is right for a resource server that has `issuer.options`, defaults otherwise, and can reach the
   * keys. `status` is also right if you restrict algorithms or the token type. With `optional: true`, those
   * with the reason `missing_credentials` are let through.
   *
   * @param claims the claims that open the route, with no scope that it doesn't need. Without `scope` the
   *   table has no forgeries of scopes
   * @throws {TypeError} something other than an object (the promise rejects)
   * @example
   * ```ts
   * import request from 'supertest';
   *
   * for (const forgery of await issuer.forgeries({ scope: 'read:inventory' })) {
   *   await request(app).get('/stock/42').set(forgery.headers).expect(forgery.status);
   * }
   * ```
   */
  forgeries(claims?: TokenClaims): Promise<readonly Forgery[]>;
  /**
   * About a hundred requests with DPoP (RFC 9449) that a resource server must refuse, each with the expected
   * status and reason: the proof is for another method, URL or token, too old, signed by another key, missing
   * and so on, or the access token is bound to another key or to none. Each differs in one thing from a
   * request with `createDpopKey().headers(…)`.
   *
   * `status` and `reason` are right for a resource server without nonces whose `dpop` mode is `'allowed'` or,
   * except for bearer tokens, `'required'`.
   *
   * @param request what the proofs are for: the method, and the absolute URL under which the API gets the
   *   request
   * @param claims the claims that open the route
   * @throws {TypeError} not a URL, or claims that aren't an object (the promise rejects)
   */
  dpopForgeries(
    request: { readonly method: string; readonly url: string },
    claims?: TokenClaims,
  ): Promise<readonly Forgery[]>;
}

/** An issuer of tokens under any identifier, over the keys of `keys`. */
export function createTokenIssuer(identifier: string, settings: TokenSettings, keys: KeyRing): TokenIssuer {
  const accepted = (claims: TokenClaims, header: TokenHeader): Omit<AcceptedToken, 'foreignKey'> => {
    anyObject(claims, 'token.claims');
    anyObject(header, 'token.header');
    const complete = completeClaims(identifier, settings, claims);
    const [audience] = [complete.aud].flat();
    return {
      header: { alg: keys.current.algorithm, typ: 'at+jwt', kid: keys.current.kid, ...header },
      claims: complete,
      key: keys.current,
      issuer: identifier,
      audience: typeof audience === 'string' ? audience : settings.audience,
      clientId: settings.clientId,
      now: secondsNow(settings),
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
      const { origin, pathname } = new URL(url);
      const newKey = () => generateSigningKey('ES256', 'dpop-key');
      const [key, foreignKey] = await Promise.all([newKey(), newKey()]);
      const tokenBoundTo = async (jwk: JWK) =>
        token({ ...claims, cnf: { jkt: await calculateJwkThumbprint(jwk) } });
      return forgeProofs({
        // `fetch` and supertest send `get` as `GET`.
        method: method.toUpperCase(),
        url: `${origin}${pathname}`,
        token: await tokenBoundTo(key.jwk),
        tokenOfAnother: await tokenBoundTo(foreignKey.jwk),
        unboundToken: await token({ ...claims, cnf: undefined }),
        tokenBoundTo,
        key,
        foreignKey,
        now: secondsNow(settings),
      });
    },
  };
}
