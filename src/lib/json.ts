import { isUtf8 } from 'node:buffer';

/** A JSON object of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value from `JSON.parse` is an object: not an array, not null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON object in `bytes` (RFC 7519 §7.2). If a member is repeated the last one counts, as for
 * `JSON.parse`.
 *
 * @returns undefined unless it's a JSON object in UTF-8 without a byte order mark
 */
export function readJsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined;
  let value: unknown;
  try {
    // Keeps a byte order mark in the text, which JSON.parse then refuses.
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  return isJsonObject(value) ? value : undefined;
}

/**
 * Freezes a value from `JSON.parse` in all its depth, without recursion: hostile input may nest deeper than
 * the stack.
 */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    Object.freeze(next);
    for (const member of Object.values(next))
      if (typeof member === 'object' && member !== null) pending.push(member);
  }
  return value;
}
