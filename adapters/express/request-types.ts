import type { Auth } from '../../src/index.js';

/*
 * The SDK of the Model Context Protocol declares `auth?: AuthInfo` on Express's request too, closer to it than `Express.Request`, so that its type wins where a
 * program has both. TypeScript then wants `AuthInfo` to fit the type below, and its transports want our `req.auth` to fit `AuthInfo`. Hence three cases:
 *
 * - The SDK is not installed: `Auth`.
 * - It is installed, its declaration is not in the program: `Auth`, in a form that fits `AuthInfo`.
 * - Its declaration is in the program: a type that everything fits, and that nobody gets to see.
 */

/** @ts-ignore: any, where the SDK is not installed */
type SdkAuth = import('@modelcontextprotocol/sdk/server/auth/types.js').AuthInfo;
/** @ts-ignore: any, where the types of Express are not installed */
type ExpressRequest = import('express').Request;

/** Whether a type could not be found. It is any then, but of a kind that makes every condition on it any as well, so its keys have to tell. */
type IsMissing<T> = string extends keyof T ? true : false;

/** Whether the request has the SDK's `auth`, which lacks the claims. Looks at what `req.auth` ends up as, so it may only be asked from within an `as` clause, which is evaluated late. */
type HasSdkAuth<R> =
  IsMissing<R> extends true
    ? false
    : R extends { readonly auth?: { readonly claims: unknown } }
      ? false
      : R extends { readonly auth?: { readonly scopes: unknown } }
        ? true
        : false;

/** Members as the SDK has them: a list that could be written to, and a client that is always known. */
type AuthForSdk = {
  readonly [Member in keyof Auth as HasSdkAuth<ExpressRequest> extends true
    ? never
    : Member]: Member extends keyof SdkAuth ? Auth[Member] & NonNullable<SdkAuth[Member]> : Auth[Member];
};

/**
 * The type of `req.auth`: `Auth`. Where the SDK of the Model Context Protocol is installed its members also fit that SDK's `AuthInfo`, so that a request can be handed to its
 * transports; `clientId` then claims to be a string even for a token without one. `getAuth(req)` is `Auth` everywhere.
 */
export type RequestAuth = IsMissing<SdkAuth> extends true ? Auth : AuthForSdk;

declare global {
  namespace Express {
    interface Request {
      /** The verified access token, set by `authenticate()`; undefined before it, and for anonymous requests. `getAuth(req)` is never undefined. */
      auth?: RequestAuth;
    }
  }
}
