import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whether a type is `any`, which lets every mistake through. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * A member for each place in `T` where an `any` can be reached: through members, parameters, results,
 * elements and instances, eight steps deep. `{}` is assignable when there is none; otherwise the compiler's
 * message lists the places.
 *
 * @typeParam Foreign types of other packages, which are not entered
 */
export type AnyIn<T, Foreign extends readonly unknown[] = []> = Record<
  Places<T, [...Builtin, ...Foreign]>,
  'any'
>;

type Builtin = [
  IncomingMessage,
  ServerResponse,
  Request,
  Uint8Array,
  typeof globalThis.fetch,
  Error,
  AnyFunction,
];

// biome-ignore lint/complexity/noBannedTypes: it stands in the types of decorators
type AnyFunction = Function;

type Places<T, Foreign, Path extends string = '', Steps extends readonly 0[] = []> =
  IsAny<T> extends true
    ? Path
    : Steps['length'] extends 8
      ? never
      : PlacesBehind<T, Foreign, Path, [...Steps, 0]>;

/** Distributes over unions, so `T` is one of their members. */
type PlacesBehind<T, Foreign, Path extends string, Steps extends readonly 0[]> = T extends unknown
  ? IsOneOf<T, Foreign> extends true
    ? never
    : T extends (...args: infer Parameters) => infer Result
      ? Places<Parameters, Foreign, `${Path}(…)`, Steps> | Places<Result, Foreign, `${Path}()`, Steps>
      : T extends abstract new (
            ...args: infer Parameters
          ) => infer Instance
        ?
            | Places<Parameters, Foreign, `new ${Path}(…)`, Steps>
            | Places<Instance, Foreign, `new ${Path}()`, Steps>
            | PlacesInMembers<Omit<T, keyof ErrorConstructor>, Foreign, Path, Steps>
        : T extends Promise<infer Value>
          ? Places<Value, Foreign, Path, Steps>
          : T extends readonly (infer Element)[]
            ? Places<Element, Foreign, `${Path}[]`, Steps>
            : T extends object
              ? PlacesInMembers<T, Foreign, Path, Steps>
              : never
  : never;

type PlacesInMembers<T extends object, Foreign, Path extends string, Steps extends readonly 0[]> = {
  [K in keyof T]-?: Places<T[K], Foreign, `${Path}.${NameOf<K>}`, Steps>;
}[keyof T];

/** Always one text, so that `{}` lacks it: an index signature would not be missed. */
type NameOf<K> = string extends K ? '*' : number extends K ? '*' : K extends string | number ? K : 'symbol';

/** Whether `T` is exactly one of a list of types. */
type IsOneOf<T, List> = List extends readonly [infer First, ...infer Rest]
  ? Equal<T, First> extends true
    ? true
    : IsOneOf<T, Rest>
  : false;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
