import type { Auth } from '../../src/index.js';

declare global {
  namespace Express {
    interface Request {
      /**
       * The verified access token, set by `authenticate()`. Undefined before that, and for anonymous
       * requests. `getAuth(req)` is never undefined.
       */
      auth?: Auth | undefined;
    }
  }
}
