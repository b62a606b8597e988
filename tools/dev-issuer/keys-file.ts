import { createPrivateKey, randomBytes, randomUUID } from 'node:crypto';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { compactVerify } from 'jose';
import type { Algorithm } from '../../src/index.js';
import { signedJws } from '../../src/testing/forged-jws.js';
import { createKeyRing, type KeyRing, type SigningKey, toSigningKey } from '../../src/testing/signing-key.js';
import { ALGORITHMS, isJsonObject, readKey } from '../core.js';
import { errorCode, FileError, readJsonFile } from '../json-file.js';
import { DEFAULT_ALGORITHM, type DevIssuerSettings } from './options.js';

/** Private keys are for the owner's eyes only. */
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

/**
 * The private keys of a JWK Set (RFC 7517 §5), the one that signs first. Undefined if there's no such file.
 *
 * @throws {FileError} it can't be read, isn't a JWK Set, or has a member that isn't a signing key
 */
export async function readKeysFile(file: string): Promise<SigningKeys | undefined> {
  let json: unknown;
  try {
    json = await readJsonFile(file);
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const members: unknown = isJsonObject(json) ? json.keys : undefined;
  if (!Array.isArray(members)) throw new FileError(`${file} is not a JWK Set, { "keys": [...] }`);
  const keys = await Promise.all(
    members.map((member, index) => importKey(member, `${file}: keys[${index}]`)),
  );
  const [first, ...others] = keys;
  if (first === undefined) throw new FileError(`${file}: "keys" is empty`);
  if (keys.length !== new Set(keys.map(({ kid }) => kid)).size)
    throw new FileError(`${file}: two keys have the same "kid"`);
  return [first, ...others];
}

/**
 * Opens the ring of the stored keys, or of a new one. Key ids are never used twice: a resource server that
 * keeps running while the issuer starts again must see by the id that the key is another.
 *
 * @throws {FileError} the file can't be used, or has keys for another algorithm
 */
export async function openKeyRing({ keys: file, algorithm }: DevIssuerSettings): Promise<KeyRing> {
  const nextKeyId = (): string => `dev-${randomBytes(6).toString('hex')}`;
  if (file === undefined) return createKeyRing(algorithm ?? DEFAULT_ALGORITHM, { nextKeyId });
  const options = { nextKeyId, store: (keys: readonly SigningKey[]) => replaceKeysFile(file, keys) };
  let stored = await readKeysFile(file);
  if (stored === undefined) {
    const ring = await createKeyRing(algorithm ?? DEFAULT_ALGORITHM, options);
    if (await createKeysFile(file, ring.keys)) return ring;
    stored = await readKeysFile(file); // another process was first
  }
  if (stored === undefined) throw new FileError(`${file} comes and goes`);
  const kept = stored[0].algorithm;
  if (algorithm !== undefined && algorithm !== kept)
    throw new FileError(`${file} has keys for ${kept}, and the algorithm is to be ${algorithm}`);
  return createKeyRing(kept, { ...options, keys: stored });
}

/** Makes the file, for its owner only. False if it's there already, and then it stays as it is. */
async function createKeysFile(file: string, keys: readonly SigningKey[]): Promise<boolean> {
  try {
    await writeFile(file, toText(keys), { flag: 'wx', mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw notWritten(file, error);
  }
}

/**
 * Puts other keys into the file, at once and as a whole.
 *
 * @throws {FileError} it can't be written
 */
async function replaceKeysFile(file: string, keys: readonly SigningKey[]): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, toText(keys), { flag: 'wx', mode: OWNER_ONLY });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw notWritten(file, error);
  }
}

function notWritten(file: string, error: unknown): FileError {
  return new FileError(`${file} cannot be written: ${errorCode(error) ?? 'unknown error'}`);
}

/** Whether others than the owner may read or write the file. On Windows, where modes say nothing, false. */
export async function isOpenToOthers(file: string): Promise<boolean> {
  const { mode } = await stat(file);
  return process.platform !== 'win32' && (mode & OTHERS) !== 0;
}

function toText(signingKeys: readonly SigningKey[]): string {
  const keys = signingKeys.map(({ privateKey, kid, algorithm }) => {
    return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
  });
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

async function importKey(member: unknown, name: string): Promise<SigningKey> {
  if (!isJsonObject(member)) throw new FileError(`${name} is not an object`);
  const { kty, crv, n, e, x, y, use, kid, alg } = member;
  if (typeof kid !== 'string' || kid === '') throw new FileError(`${name} has no "kid"`);
  const algorithm = ALGORITHMS.find((known) => known === alg);
  if (algorithm === undefined) throw new FileError(`${name} has no "alg" out of ${ALGORITHMS.join(', ')}`);
  // As JSON and back, which drops what's undefined.
  const verifying = readKey(JSON.parse(JSON.stringify({ kty, crv, n, e, x, y, use, kid, alg })));
  if (typeof verifying === 'string' || !verifying.algorithms.includes(algorithm))
    throw new FileError(`${name} is not a key for ${algorithm}`);
  if (typeof member.d !== 'string') throw new FileError(`${name} is not a private key`);
  const key = await importPrivateKey(member, algorithm, kid);
  if (key === undefined) throw new FileError(`${name} has members that are missing, wrong or too short`);
  return key;
}

/**
 * Undefined unless the members make a key pair, of at least 2048 bits for RSA. A trial signature shows that.
 */
async function importPrivateKey(
  jwk: Readonly<Record<string, unknown>>,
  algorithm: Algorithm,
  kid: string,
): Promise<SigningKey | undefined> {
  try {
    const key = await toSigningKey(createPrivateKey({ key: jwk, format: 'jwk' }), algorithm, kid);
    const isPublished = key.jwk.x === jwk.x && key.jwk.y === jwk.y && key.jwk.n === jwk.n;
    await compactVerify(signedJws({ alg: algorithm }, {}, key), key.publicKey);
    return isPublished ? key : undefined;
  } catch {
    return undefined; // without the cause: it may quote key material
  }
}
