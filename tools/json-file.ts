import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

const MAX_BYTES = 1_048_576;
const MAX_DEPTH = 100;
/** A key, JSON or a token in place of a file's name: it may be a secret, and messages quote names. */
const CONTENT = /[\r\n]|^\s*(?:\{|eyJ)/;

/** A file of the user's can't be used. The message names the file and the member, never its content. */
export class FileError extends Error {
  override readonly name: string = 'FileError';
  /** The system's code, such as `ENOENT`. Undefined if the system would let us read it. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads a text file. Pipes are refused: opening one may take forever, and can't be interrupted.
 *
 * @throws {FileError} it can't be read, isn't a regular file, or is larger than 1 MiB
 */
export async function readTextFile(file: string): Promise<string> {
  if (CONTENT.test(file)) throw new FileError('give the name of a file, not what is in it');
  let bytes: Buffer | undefined;
  try {
    if ((await stat(file)).isFile()) bytes = await buffer(createReadStream(file, { end: MAX_BYTES }));
  } catch (error) {
    const code = errorCode(error);
    const reason = code === 'ENOENT' ? 'there is no such file' : (code ?? 'unknown error');
    throw new FileError(`${file} cannot be read: ${reason}`, code);
  }
  if (bytes === undefined) throw new FileError(`${file} cannot be read: it is not a regular file`);
  if (bytes.length > MAX_BYTES) throw new FileError(`${file} is larger than 1 MiB`);
  return bytes.toString();
}

/**
 * Reads a JSON file, with or without a byte order mark.
 *
 * @throws {FileError} it can't be read, is larger than 1 MiB, isn't JSON, or nests too deep
 */
export async function readJsonFile(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new FileError(`${file} is not JSON`); // without the cause: it quotes the file, which has secrets
  }
  if (nestsTooDeep(value)) throw new FileError(`${file} nests deeper than ${MAX_DEPTH} levels`);
  return value;
}

/**
 * Whether a value from `JSON.parse` nests deeper than 100 levels. JSON.parse doesn't mind, but JSON.stringify
 * and all that recurses ends with the stack.
 */
export function nestsTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth += 1) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** The code of a system error, such as `EACCES`. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
