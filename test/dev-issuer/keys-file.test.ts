import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { isOpenToOthers, readKeysFile, startDevIssuer } from '../../tools/dev-issuer/index.js';
import { FileError } from '../../tools/json-file.js';
import { getJson, getToken, inventory, postJson, start, temporaryFolder } from './support.js';

/** A private key as a file has it. */
async function privateJwk(algorithm = 'ES256', kid = 'one'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: algorithm, use: 'sig' };
}

/** Writes the text to a new file, and reads keys from it. */
async function readText(text: string) {
  const file = join(await temporaryFolder(), 'keys.json');
  await writeFile(file, text, { mode: 0o600 });
  return readKeysFile(file);
}

describe('a file for the keys', () => {
  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const)(
    'keeps tokens valid over a restart: %s',
    async (algorithm) => {
      const keys = join(await temporaryFolder(), 'keys.json');
      const first = await start({ keys, algorithm });
      const port = Number(new URL(first.issuer).port);
      const token = await getToken(first);
      await first.close();

      const second = await start({ keys, port, algorithm });
      const server = createResourceServer({ issuer: second.issuer, audience: inventory });
      await server.verify(token);
      await server.verify(await getToken(second));
      server.close();
    },
  );

  it('is made for its owner only, and holds a JWK Set with private keys', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    const { jwksUri } = await start({ keys });
    expect((await stat(keys)).mode & 0o777).toBe(0o600);
    const [stored] = JSON.parse(await readFile(keys, 'utf8')).keys;
    const [published] = (await getJson(jwksUri)).keys;
    expect(stored).toEqual({ ...published, d: expect.any(String) });
    expect(published).not.toHaveProperty('d');
  });

  it('says by itself which algorithm it is for', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    await (await start({ keys, algorithm: 'ES384' })).close();
    const issuer = await startDevIssuer({ port: 0, keys });
    const { keys: published } = await getJson(issuer.jwksUri);
    await issuer.close();
    expect(published).toMatchObject([{ alg: 'ES384' }]);
  });

  it('is refused for another algorithm', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    await (await start({ keys, algorithm: 'ES384' })).close();
    const refused = startDevIssuer({ port: 0, keys, algorithm: 'ES256' });
    await expect(refused).rejects.toThrow(FileError);
    await expect(refused).rejects.toThrow('has keys for ES384, and the algorithm is to be ES256');
  });

  it('follows the rotation of keys, with nothing left beside it', async () => {
    const folder = await temporaryFolder();
    const keys = join(folder, 'keys.json');
    const issuer = await start({ keys });
    await issuer.rotateKeys(true);
    const stored = await readKeysFile(keys);
    expect(stored?.map(({ kid }) => kid)).toEqual(
      (await getJson(issuer.jwksUri)).keys.map(({ kid }: JWK) => kid),
    );
    expect(stored).toHaveLength(2);
    await issuer.rotateKeys(false);
    expect(await readKeysFile(keys)).toHaveLength(1);
    expect((await stat(keys)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  it('contains what the last of several rotations left', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    const issuer = await start({ keys });
    await Promise.all([true, true, false, true, true].map((keepPrevious) => issuer.rotateKeys(keepPrevious)));
    const { keys: published } = await getJson(issuer.jwksUri);
    expect(published).toHaveLength(3);
    expect((await readKeysFile(keys))?.map(({ kid }) => kid)).toEqual(published.map(({ kid }: JWK) => kid));
  });

  it("stays as it is, and so do the keys, if a rotation can't be written", async () => {
    const folder = join(await temporaryFolder(), 'of-keys');
    await mkdir(folder);
    const faults: unknown[] = [];
    const issuer = await start(
      { keys: join(folder, 'keys.json') },
      { onFault: (fault) => faults.push(fault) },
    );
    const before = await getJson(issuer.jwksUri);
    await rename(folder, `${folder}-moved`);
    await expect(issuer.rotateKeys(true)).rejects.toThrow(/keys\.json cannot be written: ENOENT$/);
    expect((await postJson(issuer, '/dev/keys', {})).status).toBe(500);
    expect(faults).toEqual([expect.any(FileError)]);
    expect(await getJson(issuer.jwksUri)).toEqual(before);
    await rename(`${folder}-moved`, folder);
    await issuer.rotateKeys(true);
    expect((await getJson(issuer.jwksUri)).keys).toHaveLength(2);
  });

  it("isn't overwritten if another process made it first", async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    const issuers = await Promise.all([start({ keys }), start({ keys }), start({ keys })]);
    const sets = await Promise.all(issuers.map(({ jwksUri }) => getJson(jwksUri)));
    expect(sets[1]).toEqual(sets[0]);
    expect(sets[2]).toEqual(sets[0]);
  });

  it('may be open to others, which can be told', async () => {
    const file = join(await temporaryFolder(), 'keys.json');
    await writeFile(file, '{}', { mode: 0o600 });
    expect(await isOpenToOthers(file)).toBe(false);
    await chmod(file, 0o644);
    expect(await isOpenToOthers(file)).toBe(true);
  });
});

describe('a file is refused', () => {
  it("if its folder doesn't exist", async () => {
    const keys = join(await temporaryFolder(), 'nowhere/keys.json');
    await expect(startDevIssuer({ port: 0, keys, algorithm: 'ES256' })).rejects.toThrow(
      /cannot be written: ENOENT$/,
    );
  });

  it("if it's a folder", async () => {
    await expect(startDevIssuer({ port: 0, keys: await temporaryFolder() })).rejects.toThrow(
      /cannot be read: it is not a regular file$/,
    );
  });

  it.each<[name: string, text: string, message: string]>([
    ['without anything', '', 'is not JSON'],
    ['with something else', 'secret', 'is not JSON'],
    ['with null', 'null', 'is not a JWK Set'],
    ['with a key outside of a set', '{"kty":"EC"}', 'is not a JWK Set'],
    ['without keys', '{"keys":[]}', '"keys" is empty'],
    ['with a key that is null', '{"keys":[null]}', 'keys[0] is not an object'],
    ['of more than 1 MiB', `"${' '.repeat(1_048_576)}"`, 'is larger than 1 MiB'],
  ])('%s', async (_, text, message) => {
    await expect(readText(text)).rejects.toThrow(FileError);
    await expect(readText(text)).rejects.toThrow(message);
  });

  it.each<[name: string, changes: object, message: string]>([
    ['without a kid', { kid: undefined }, 'keys[0] has no "kid"'],
    ['with an empty kid', { kid: '' }, 'keys[0] has no "kid"'],
    ['without an algorithm', { alg: undefined }, 'keys[0] has no "alg" out of RS256'],
    ['with a symmetric algorithm', { alg: 'HS256' }, 'keys[0] has no "alg" out of RS256'],
    ['with another algorithm', { alg: 'ES384' }, 'keys[0] is not a key for ES384'],
    ['for encryption', { use: 'enc' }, 'keys[0] is not a key for ES256'],
    ['of another type', { kty: 'oct', k: 'c2VjcmV0' }, 'keys[0] is not a key for ES256'],
    ['without its private half', { d: undefined }, 'keys[0] is not a private key'],
    ['with a private half that is no string', { d: 7 }, 'keys[0] is not a private key'],
    ['with a broken private half', { d: 'AAAA' }, 'keys[0] has members that are missing, wrong or too short'],
    ['without a coordinate', { y: undefined }, 'keys[0] has members that are missing, wrong or too short'],
  ])('with a key %s', async (_, changes, message) => {
    const key = await privateJwk();
    const refused = readText(JSON.stringify({ keys: [{ ...key, ...changes }] }));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.not.toThrow(key.d);
  });

  it('with halves of two keys', async () => {
    for (const algorithm of ['ES256', 'EdDSA']) {
      const [one, other] = [await privateJwk(algorithm), await privateJwk(algorithm)];
      const mixed = readText(JSON.stringify({ keys: [{ ...one, d: other.d }] }));
      await expect(mixed).rejects.toThrow('has members that are missing, wrong or too short');
    }
  });

  it('with a short RSA key', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const key = { ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' };
    await expect(readText(JSON.stringify({ keys: [key] }))).rejects.toThrow('too short');
  });

  it('with two keys of the same kid', async () => {
    const keys = [await privateJwk(), await privateJwk()];
    await expect(readText(JSON.stringify({ keys }))).rejects.toThrow('two keys have the same "kid"');
  });
});
