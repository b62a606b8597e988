import {
  type Auth,
  createResourceServer,
  InvalidTokenError,
  isAuth,
  type ResourceServer,
} from '../../src/index.js';

/** The caller in a test: the same for every request, or the result of a function called for each. */
export type FakeCaller = Auth | (() => Auth | undefined);

/**
 * A resource server for tests that verifies nothing: every request counts as this caller's, whatever it
 * contains, and you need no options. Requirements are still checked, so a missing scope gives 403. Give it to
 * any adapter instead of options. With `NODE_ENV=production` it can't be created, and a Nest application with
 * it logs a warning at start.
 *
 * @param caller from the testing kit's `fakeAuth`, or a function called for each request. Without one,
 *   requests are anonymous as with `optional: true`, and a handler with requirements answers 401
 * @throws {Error} `NODE_ENV` is `production`
 * @throws {TypeError} `caller` isn't a genuine `Auth`; for a function, when a request comes in
 * @example
 * ```ts
 * import { authenticate } from 'oauth-resource-server/express';
 * import { fakeAuth, fakeResourceServer } from 'oauth-resource-server/testing';
 *
 * app.use(authenticate(fakeResourceServer(fakeAuth({ scopes: ['read:inventory'] }))));
 * ```
 */
export function fakeResourceServer(caller?: FakeCaller): ResourceServer {
  if (process.env.NODE_ENV === 'production')
    throw new Error('fakeResourceServer() and forTesting() verify nothing; NODE_ENV=production refuses them');
  const findCaller = typeof caller === 'function' ? () => genuine(caller()) : () => genuine(caller);
  if (typeof caller !== 'function') findCaller();
  const server = createResourceServer({ issuer: 'https://issuer.test', audience: 'test', optional: true });
  return Object.assign(server, {
    [FAKE]: true,
    authenticate: () => ({ kind: 'allowed' as const, auth: findCaller(), headers: undefined }),
    verify: async () => {
      const auth = findCaller();
      if (auth === undefined) throw new InvalidTokenError('missing_credentials');
      return auth;
    },
    recheck: async (auth: Auth) => auth,
    ready: async () => undefined,
  });
}

const FAKE = Symbol('oauth-resource-server.fake');

/** Whether it's for tests. */
export function isFake(server: ResourceServer): boolean {
  return Reflect.get(server, FAKE) === true;
}

function genuine(caller: Auth | undefined): Auth | undefined {
  if (caller === undefined || isAuth(caller)) return caller;
  throw new TypeError(
    'The caller of a fake resource server is an Auth, as fakeAuth() makes it. ' +
      "Is it from another copy of oauth-resource-server? Don't reset modules in a test",
  );
}
