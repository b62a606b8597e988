/**
 * Refuses what is not an object, and members that the kit does not know: a misspelt option must not go
 * unnoticed.
 *
 * @param name what the message calls the object: `createTestIssuer`
 * @throws {TypeError}
 */
export function checkMembers(value: unknown, known: readonly string[], name: string): void {
  checkObject(value, name);
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) {
      throw new TypeError(`${name} has no option "${member}"; it takes ${known.join(', ')}`);
    }
  }
}

/** @throws {TypeError} `value` is not an object, or is an array */
export function checkObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} takes an object, got ${describe(value)}`);
  }
}

/** The type of a value in a word, never the value. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
