import { anyObject } from '../lib/check.js';

/**
 * Header fields as Node has them on a request, with names in lower case: `{ Authorization: 'Bearer eyJ…' }`
 * becomes `{ authorization: 'Bearer eyJ…' }`.
 *
 * Clients such as supertest, `fetch` and `inject` do this themselves. You need it for code that hands header
 * fields to the application unchanged: `injectWS` of `@fastify/websocket`, or a request of your own.
 *
 * @param headers what `authorization()` returned, or a forgery's `headers`
 * @throws {TypeError} something other than an object
 * @example
 * ```ts
 * import { nodeHeaders } from 'oauth-resource-server/testing';
 *
 * const headers = nodeHeaders(await issuer.authorization({ scope: 'read:inventory' }));
 * console.log(Object.keys(headers)); // [ 'authorization' ]
 * ```
 */
export function nodeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  anyObject(headers, 'nodeHeaders.headers');
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
