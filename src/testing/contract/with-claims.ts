import type { TestIssuer } from '../test-issuer.js';
import type { RawRequest } from './http-client.js';

type Claims = Readonly<Record<string, unknown>>;

/**
 * A request with a token of the issuer.
 *
 * @param claims of the token; a function, if they go by the time at which the request is sent
 * @param header parameters of its JOSE header, over the usual ones
 */
export const withClaims =
  (claims: Claims | (() => Claims), path = '/stock/42', method = 'GET', header: Claims = {}) =>
  async (issuer: TestIssuer): Promise<RawRequest> => {
    const token = await issuer.token(typeof claims === 'function' ? claims() : claims, header);
    return { method, path, headers: [['Authorization', `Bearer ${token}`]] };
  };
