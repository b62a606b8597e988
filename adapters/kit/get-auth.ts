import { type Auth, isAuth, type RegisteredClaims } from '../../src/index.js';
import { currentPassage, hasPassages, OF_ANOTHER_COPY } from './passage.js';

/**
 * The caller, from the first of these requests that a gate has seen, or that counts as one it has seen.
 * Undefined if it's anonymous, or no gate has seen any of them.
 */
export function findAuth(...requests: readonly object[]): Auth | undefined {
  const seen = requests.find(hasPassages);
  return seen && currentPassage(seen)?.auth;
}

/**
 * The verified access token of a request that a gate let in, never undefined.
 *
 * Also takes an object whose member `auth` is a genuine `Auth`, so that a unit test can pass `{ auth:
 * fakeAuth(…) }`.
 *
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the request, it's anonymous (`optional: true`), or its `auth` isn't
 *   genuine
 */
export function getAuth<C extends object = RegisteredClaims>(request: object): Auth<C> {
  checkRequest(request);
  const passage = currentPassage(request);
  const auth: unknown = passage === undefined ? Reflect.get(request, 'auth') : passage.auth;
  if (isAuth(auth)) return auth as unknown as Auth<C>; // the claims' type is the application's promise
  if (typeof auth === 'object' && auth !== null && Symbol.for('oauth-resource-server.auth') in auth)
    throw new Error(`getAuth: the auth of the request ${OF_ANOTHER_COPY}`);
  throw new Error(
    'getAuth: the request is not authenticated, so it carries no verified access token. ' +
      'Put authenticate(), the plugin or the module before the code that calls it; in NestJS, middleware ' +
      'comes before guards, so call it in a guard or later. ' +
      'On a public route, or if it may be anonymous (optional: true), check its auth first',
  );
}

/** Applications without types can pass anything, and mean the `Auth` that they have already. */
function checkRequest(given: unknown): void {
  if (isAuth(given)) throw new TypeError('getAuth takes the request, got its Auth: use that as it is');
  if (Object(given) !== given)
    throw new TypeError(`getAuth takes the request, got ${given === null ? 'null' : typeof given}`);
}
