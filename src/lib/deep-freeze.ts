/** Freezes a value from `JSON.parse` in all its depth, without recursion: hostile input may be nested deeper than the stack. */
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
