/**
 * Whether `value` is a promise of any kind. `instanceof Promise` can't tell: zone.js, bluebird and others
 * replace the global, and async functions still return native promises.
 */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
