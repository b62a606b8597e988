// Each check takes the value as `unknown`: applications without types can pass anything. An absent option is undefined.

/** The error for a wrong option. Says what was there by its type only, because the value could be a secret in the wrong place. */
export function optionError(name: string, takes: string, got: unknown): TypeError {
  return new TypeError(`option "${name}" takes ${takes}, got ${typeName(got)}`);
}

/** Refuses anything but an object, and names that are not in the list. */
export function checkNames(
  given: unknown,
  known: readonly string[],
  name: string,
  takes = 'an object',
): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw optionError(name, takes, given);
  for (const member of Object.keys(given)) {
    if (!known.includes(member))
      throw new TypeError(`unknown option "${member}" in ${name}; known are ${known.join(', ')}`);
  }
}

export function flag(given: unknown, name: string): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  throw optionError(name, 'true or false', given);
}

export function stringOf(given: unknown, name: string): string | undefined {
  if (given === undefined || (typeof given === 'string' && given !== '')) return given;
  throw optionError(name, 'a non-empty string', given);
}

export function functionOf<T extends (...args: never[]) => unknown>(
  given: T | undefined,
  name: string,
): T | undefined {
  if (given === undefined || typeof given === 'function') return given;
  throw optionError(name, 'a function', given);
}

export function numberBetween(given: unknown, least: number, most: number, name: string): number | undefined {
  if (given === undefined || (typeof given === 'number' && given >= least && given <= most)) return given;
  throw new TypeError(
    `option "${name}" takes a number from ${least} to ${most}, got ${typeof given === 'number' ? given : typeName(given)}`,
  );
}

export function wholeNumberBetween(
  given: unknown,
  least: number,
  most: number,
  name: string,
): number | undefined {
  const number = numberBetween(given, least, most, name);
  if (number !== undefined && !Number.isInteger(number)) throw optionError(name, 'a whole number', given);
  return number;
}

export function choice<T extends string>(given: unknown, known: readonly T[], name: string): T | undefined {
  if (given === undefined) return undefined;
  const chosen = known.find((value) => value === given);
  if (chosen === undefined) throw optionError(name, known.map((value) => `'${value}'`).join(' or '), given);
  return chosen;
}

export function choices<T extends string>(
  given: unknown,
  known: readonly T[],
  name: string,
): readonly T[] | undefined {
  if (given === undefined) return undefined;
  const takes = `a list of at least one of ${known.join(', ')}`;
  if (!Array.isArray(given) || given.length === 0) throw optionError(name, takes, given);
  return given.map((value: unknown) => {
    const chosen = known.find((one) => one === value);
    if (chosen === undefined) throw optionError(name, takes, given);
    return chosen;
  });
}

export function stringList(
  given: unknown,
  name: string,
  takes = 'a list of at least one non-empty string',
): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  if (list.length === 0 || !list.every((value) => typeof value === 'string' && value !== '')) {
    throw optionError(name, takes, given);
  }
  return list as readonly string[]; // every element was looked at in the line above
}

export function stringOrList(given: unknown, name: string): readonly string[] {
  if (typeof given === 'string' && given !== '') return [given];
  return stringList(given, name, 'a non-empty string, or a list of at least one');
}

/** The type of a value in words, never the value. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'an empty string';
  if (!Array.isArray(value)) return typeof value;
  return value.length === 0 ? 'an empty list' : `a list with ${[...new Set(value.map(typeName))].join(', ')}`;
}
