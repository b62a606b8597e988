import { readFile, stat } from 'node:fs/promises';

const MAX_BYTES = 1_048_576;
const MAX_DEPTH = 100;

/** A file of the user's can't be used. The message names the file and the member, never its content. */
export class FileError extends Error {
  override readonly name: string = 'FileError';
  /** A code as the system has it, such as `ENOENT`. Undefined if the content is at fault. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Reads a text file. @throws {FileError} it can't be read, or is larger than 1 MiB */
export async function readTextFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new FileError(`${file} is larger than 1 MiB`, 'EFBIG');
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof FileError) throw error;
    const code = errorCode(error);
    const reason = code === 'ENOENT' ? 'there is no such file' : (code ?? 'unknown error');
    throw new FileError(`${file} cannot be read: ${reason}`, code);
  }
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
