import type { Requirement } from '../../src/index.js';

/** What a call needs besides a valid access token; `[]` for nothing. `'public'`: not even a token. */
export type MethodAccess = 'public' | Requirement | readonly Requirement[];

/**
 * Who may call what, by the method's full name, `/inventory.Inventory/GetStock`, or for a whole service,
 * `/inventory.Inventory/*`. A method's own entry comes first. Methods that aren't listed are refused.
 */
export type Methods = Readonly<Record<string, MethodAccess>>;

/** What a method requires. Undefined: it isn't listed, so it can't be called. */
export type Access = 'public' | readonly Requirement[] | undefined;

const NAME = /^\/[\w.]+\/(?:\w+|\*)$/;

/** @throws {TypeError} a name isn't that of a method or service, or a value isn't a valid requirement */
export function readMethods(methods: Methods): (path: string) => Access {
  const access = new Map<string, Access>();
  for (const [name, given] of Object.entries(methods)) {
    if (!NAME.test(name))
      throw new TypeError(
        `methods: "${name}" isn't the full name of a method: /package.Service/Method, or /package.Service/*`,
      );
    access.set(name, readAccess(name, given));
  }
  return (path) => access.get(path) ?? access.get(path.replace(/[^/]+$/, '*'));
}

function readAccess(name: string, given: MethodAccess): Access {
  if (given === 'public') return given;
  const wanted: readonly unknown[] = [given].flat();
  if (!wanted.every((one) => typeof one === 'object' && one !== null))
    throw new TypeError(`methods: "${name}" takes 'public', a requirement or a list of them`);
  return wanted as readonly Requirement[]; // what they require is checked with them
}
