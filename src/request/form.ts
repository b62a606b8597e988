import { readText } from '../lib/fetch.js';
import { isForm } from './credentials.js';
import { FetchRequestView } from './fetch-view.js';

/** A form with a token is never longer. Longer ones aren't read. */
const MAX_KIB = 64;

/**
 * The form in the body of a `Request` of the Fetch standard, for {@link FetchRequestView}. Reads a copy, and
 * leaves the body to the handler.
 *
 * @returns a repeated name has a list; undefined if the body isn't a form, is longer than 64 KiB, breaks off
 *   or was read already, or something is reading it
 */
export async function readForm(
  request: Request,
): Promise<Readonly<Record<string, string | readonly string[]>> | undefined> {
  if (!isForm(new FetchRequestView(request))) return undefined;
  let text: string;
  try {
    const { body } = request.clone();
    text = await readText({ body }, request.signal, { maxKib: MAX_KIB });
  } catch {
    return undefined; // also if there's nothing to copy any more
  }
  // In one pass: with a search for each name, a form of nothing but names would take seconds, and all memory.
  const fields = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = fields.get(name);
    if (Array.isArray(before)) before.push(value);
    else fields.set(name, before === undefined ? value : [before, value]);
  }
  return Object.fromEntries(fields);
}
