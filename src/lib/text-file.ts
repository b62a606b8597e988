import { SafeError } from './errors.js';

/** Node's codes: `ENOENT`, `EACCES`. */
const ERROR_CODE = /^E[A-Z0-9]{1,30}$/;

/**
 * Reads a short text file, such as a mounted token.
 *
 * @param maxLength in UTF-16 code units; nothing beyond that is read
 * @throws {SafeError} it can't be read, is empty or is too long. The message contains neither its path nor
 *   its text
 */
export async function readTextFile(path: string, maxLength: number): Promise<string> {
  // Imported here, because some runtimes have no files.
  const { createReadStream } = await import('node:fs');
  let text = '';
  try {
    for await (const part of createReadStream(path, { encoding: 'utf8', end: maxLength })) text += part;
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new SafeError(typeof code === 'string' && ERROR_CODE.test(code) ? code : 'it cannot be read');
  }
  if (text.trim() === '') throw new SafeError('it is empty');
  if (text.length > maxLength) throw new SafeError('it is too long');
  return text;
}
