import { readText } from '../lib/fetch.js';

/** The same limit as in the SDK of the Model Context Protocol. */
const MAX_KIB = 4096;

/**
 * The JSON in the body of a `Request` of the Fetch standard. Reads the body itself, not a copy.
 *
 * @returns undefined if the body isn't JSON in UTF-8, is longer than 4 MiB, breaks off or was read already
 */
export async function readJson(request: Request): Promise<unknown> {
  try {
    return JSON.parse(await readText(request, request.signal, { maxKib: MAX_KIB, strict: true }));
  } catch {
    return undefined; // whatever is wrong with it, the client sent it
  }
}
