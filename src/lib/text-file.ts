import { readErrorCode, SafeError } from './errors.js';

/**
 * Reads a short text file, such as a mounted token.
 *
 * @param maxBytes nothing beyond that is read
 * @throws {SafeError} it can't be read, is empty or is too long. The message contains neither its path nor
 *   its text
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  // Imported here, because some runtimes have no files.
  const { createReadStream } = await import('node:fs');
  const parts: Buffer[] = [];
  try {
    for await (const part of createReadStream(path, { end: maxBytes })) parts.push(part); // and one byte more
  } catch (error) {
    throw new SafeError(readErrorCode(error) ?? 'it cannot be read');
  }
  const content = Buffer.concat(parts);
  if (content.length > maxBytes) throw new SafeError('it is too long');
  const text = content.toString();
  if (text.trim() === '') throw new SafeError('it is empty');
  return text;
}
