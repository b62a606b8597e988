import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import type { AssertionSigner } from '../../../src/client/index.js';

export const PLATFORM = 'https://kubernetes.example.com';

/** Signs an assertion of a minute, as a platform does for its workloads. */
export function makeAssertion(
  key: KeyObject,
  { issuer = PLATFORM, audience }: { readonly issuer?: string; readonly audience: string },
): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(issuer)
    .setSubject(issuer === PLATFORM ? 'system:serviceaccount:shop:order-service' : issuer)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(key);
}

/** A volume with a token in it, as Kubernetes mounts it: a new token comes with a new folder, by a symbolic link. */
export interface ProjectedVolume {
  readonly file: string;
  write(token: string): Promise<void>;
  remove(): Promise<void>;
}

export async function mountVolume(): Promise<ProjectedVolume> {
  const folder = await mkdtemp(join(tmpdir(), 'projected-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let version = 0;
  await symlink('..data/token', join(folder, 'token'));
  return {
    file: join(folder, 'token'),
    async write(token) {
      version += 1;
      await mkdir(join(folder, `..${version}`));
      await writeFile(join(folder, `..${version}`, 'token'), `${token}\n`);
      await symlink(`..${version}`, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      await rm(join(folder, `..${version - 1}`), { recursive: true, force: true });
    },
    remove: () => rm(join(folder, '..data'), { force: true }),
  };
}

/** A key management service with an EC key: it hashes, and answers with DER, as those of Amazon and Google do. */
export function startKms(keyId: string, key = generateKeyPairSync('ec', { namedCurve: 'P-256' })) {
  const { privateKey, publicKey } = key;
  const kms = { isDown: false, signatures: 0 };
  const signer: AssertionSigner = {
    algorithm: 'ES256',
    keyId,
    async sign(input) {
      if (kms.isDown) throw new Error('canary: the service is down');
      kms.signatures += 1;
      return sign('sha256', input, privateKey);
    },
  };
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: keyId, use: 'sig' };
  return Object.assign(kms, { signer, jwk });
}
