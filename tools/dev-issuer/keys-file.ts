import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { compactVerify } from 'jose';
import { readMember } from '../../src/issuer/verification-key.js';
import type { Algorithm } from '../../src/options/options.js';
import { signedJws } from '../../src/testing/forged-jws.js';
import { algorithms, type SigningKey, signingKeyOf } from '../../src/testing/signing-key.js';
import { isJsonObject } from '../../src/token/compact-jws.js';

/** Private keys are for the owner's eyes only. */
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const MAX_BYTES = 1_048_576;

export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

/** The file cannot be used. The message names the file and the member, never its content. */
export class KeysFileError extends Error {
  override readonly name: string = 'KeysFileError';
}

/**
 * The private keys of a JWK Set (RFC 7517 §5), the one that signs first. Undefined when there is no such file.
 *
 * @throws {KeysFileError} it cannot be read, is no JWK Set, or has a member that is no signing key
 */
export async function readKeysFile(file: string): Promise<SigningKeys | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const members = membersOf(text, file);
  const [first, ...others] = await Promise.all(
    members.map((member, index) => importKey(member, index, file)),
  );
  if (first === undefined) throw new KeysFileError(`${file}: "keys" is empty`);
  const twice = members.length !== new Set([first, ...others].map(({ kid }) => kid)).size;
  if (twice) throw new KeysFileError(`${file}: two keys have the same "kid"`);
  return [first, ...others];
}

/**
 * Makes the file, for its owner only.
 *
 * @returns whether it was made: false when it was there already, and then it is as it was
 * @throws {KeysFileError} it cannot be written
 */
export async function createKeysFile(file: string, keys: readonly SigningKey[]): Promise<boolean> {
  try {
    await writeFile(file, toText(keys), { flag: 'wx', mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new KeysFileError(`${file} cannot be written: ${codeOf(error)}`);
  }
}

/**
 * Puts other keys into the file, at once and as a whole.
 *
 * @throws {KeysFileError} it cannot be written
 */
export async function replaceKeysFile(file: string, keys: readonly SigningKey[]): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, toText(keys), { flag: 'wx', mode: OWNER_ONLY });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new KeysFileError(`${file} cannot be written: ${codeOf(error)}`);
  }
}

/** Whether others than the owner may read or write the file. On Windows, where modes say nothing, false. */
export async function isOpenToOthers(file: string): Promise<boolean> {
  const { mode } = await stat(file);
  return process.platform !== 'win32' && (mode & OTHERS) !== 0;
}

function toText(keys: readonly SigningKey[]): string {
  return `${JSON.stringify({ keys: keys.map(privateJwk) }, null, 2)}\n`;
}

function privateJwk({ privateKey, kid, algorithm }: SigningKey): object {
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new KeysFileError(`${file} is larger than 1 MiB`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof KeysFileError) throw error;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new KeysFileError(`${file} cannot be read: ${codeOf(error)}`);
  }
}

function membersOf(text: string, file: string): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new KeysFileError(`${file} is not JSON`); // without the cause: it quotes the file
  }
  const members = isJsonObject(json) ? json.keys : undefined;
  if (!Array.isArray(members)) throw new KeysFileError(`${file} is not a JWK Set, { "keys": [...] }`);
  return members;
}

async function importKey(member: unknown, index: number, file: string): Promise<SigningKey> {
  const name = `${file}: keys[${index}]`;
  if (!isJsonObject(member)) throw new KeysFileError(`${name} is not an object`);
  const { kty, crv, n, e, x, y, use, kid, alg } = member;
  if (typeof kid !== 'string' || kid === '') throw new KeysFileError(`${name} has no "kid"`);
  const algorithm = algorithms.find((known) => known === alg);
  if (algorithm === undefined)
    throw new KeysFileError(`${name} has no "alg" out of ${algorithms.join(', ')}`);
  const verifying = readMember(JSON.parse(JSON.stringify({ kty, crv, n, e, x, y, use, kid, alg }))); // without what is undefined
  if (typeof verifying === 'string' || !verifying.algorithms.includes(algorithm))
    throw new KeysFileError(`${name} is not a key for ${algorithm}`);
  if (typeof member.d !== 'string') throw new KeysFileError(`${name} is not a private key`);
  const key = await importPrivateKey(member, algorithm, kid);
  if (key === undefined) throw new KeysFileError(`${name} has members that are missing, wrong or too short`);
  return key;
}

/** Undefined where the members do not make a key, or not one pair, or an RSA key of less than 2048 bits, as a trial shows. */
async function importPrivateKey(
  jwk: Readonly<Record<string, unknown>>,
  algorithm: Algorithm,
  kid: string,
): Promise<SigningKey | undefined> {
  try {
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const key = await signingKeyOf(privateKey, algorithm, kid);
    const isPublished = key.jwk.x === jwk.x && key.jwk.y === jwk.y && key.jwk.n === jwk.n;
    await compactVerify(signedJws({ alg: algorithm }, {}, key), key.publicKey);
    return isPublished ? key : undefined;
  } catch {
    return undefined; // without the cause: it may quote key material
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
}
