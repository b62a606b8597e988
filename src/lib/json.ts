import { isUtf8 } from 'node:buffer';

const BYTES_PER_OBJECT = 60;
const BYTES_PER_VALUE = 20;

/** A JSON object with unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value from `JSON.parse` is an object: not an array, not null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy without null members: some serializers write null for an absent one. */
export function withoutNull(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}

/** A copy without the members that are undefined. */
export function withoutUndefined<T extends object>(members: T): T {
  // `as`: an optional member may be absent.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/**
 * The JSON object in `bytes` (RFC 7519 §7.2). If a member is repeated, the last one counts, as for
 * `JSON.parse`.
 *
 * @returns undefined unless it's a JSON object in UTF-8 without a byte order mark
 */
export function readJsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined;
  let value: unknown;
  try {
    // Keeps a byte order mark in the text, so JSON.parse refuses it.
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  return isJsonObject(value) ? value : undefined;
}

/**
 * Deeply freezes a value from `JSON.parse`, without recursion: hostile input may nest deeper than the stack.
 */
export function deepFreeze<T>(value: T): T {
  freezeAndMeasure(value);
  return value;
}

/**
 * {@link deepFreeze}.
 *
 * @param withText whether strings count too
 * @returns about how many bytes of heap it takes
 */
export function freezeAndMeasure(value: unknown, withText = false): number {
  let bytes = 0;
  const pending: unknown[] = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const members: readonly unknown[] = Object.values(Object.freeze(next));
    bytes += BYTES_PER_OBJECT + members.length * BYTES_PER_VALUE;
    for (const member of members) {
      if (typeof member === 'object') pending.push(member);
      else if (withText && typeof member === 'string') bytes += member.length;
    }
  }
  return bytes;
}
