// Checks of the adapters' own options. The core checks those of a resource server.

/**
 * @param others an options object without the known ones
 * @throws {TypeError} anything is left
 */
export function refuseUnknown(others: object, owner = 'a gate'): void {
  for (const name of Object.keys(others)) throw new TypeError(`unknown option "${name}" of ${owner}`);
}

/** @throws {TypeError} it isn't a number in this range, ends included */
export function checkNumber(option: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && value >= least && value <= most) return;
  const got = typeof value === 'number' ? value : typeof value;
  throw new TypeError(`option "${option}" takes a number from ${least} to ${most}, got ${got}`);
}
