import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs work that belongs to no request, even if a request starts it: its stores of `AsyncLocalStorage` are
 * those from when this module was loaded, usually none. So it isn't logged under that request's id, and
 * doesn't keep the request's stores alive.
 *
 * The module's own snapshot, because Workers refuse one that was taken during another request. Runtimes
 * without snapshots run the work as it is.
 */
export const inBackground: <T>(act: () => T) => T = AsyncLocalStorage.snapshot?.() ?? ((act) => act());
