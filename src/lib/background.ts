import { AsyncResource } from 'node:async_hooks';

class Background extends AsyncResource {
  /** Whether it keeps the process alive, for test runners that look for what does. */
  hasRef(): boolean {
    return false;
  }
}

const background = new Background('oauth-resource-server');

/**
 * Runs work that belongs to no request, even if a request starts it: its stores of `AsyncLocalStorage` are
 * those from when this module was loaded, usually none. So it isn't logged under that request's id, and
 * doesn't keep the request's stores alive.
 *
 * The resource is the module's own, because Workers refuse one from another request.
 */
export function inBackground<T>(act: () => T): T {
  return background.runInAsyncScope(act);
}
