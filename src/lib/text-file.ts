import { readErrorCode, SafeError } from './errors.js';

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
    throw new SafeError(readErrorCode(error) ?? 'it cannot be read');
  }
  if (text.trim() === '') throw new SafeError('it is empty');
  if (text.length > maxLength) throw new SafeError('it is too long');
  return text;
}
