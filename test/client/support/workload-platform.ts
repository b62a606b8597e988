import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AssertionSigner } from '../../../src/client/index.js';
import { createSigner } from '../../../src/token/signature.js';

export const PLATFORM = 'https://kubernetes.example.com';

/** Signs an assertion of a minute with an EC key, as a platform does for its workloads. */
export function makeAssertion(
  key: KeyObject,
  { issuer = PLATFORM, audience }: { readonly issuer?: string; readonly audience: string },
): string {
  const iat = Math.floor(Date.now() / 1000);
  const sub = issuer === PLATFORM ? 'system:serviceaccount:shop:order-service' : issuer;
  const claims = { iss: issuer, sub, aud: audience, jti: randomUUID(), iat, exp: iat + 60 };
  const encoded = [{ alg: 'ES256' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${encoded.join('.')}.${createSigner(key, 'ES256')(encoded.join('.'))}`;
}

/**
 * A volume with a token in it, as Kubernetes mounts it: a new token comes with a new folder, by a symbolic
 * link.
 */
export interface ProjectedVolume {
  readonly file: string;
  write(token: string): void;
  remove(): void;
}

export function mountVolume(): ProjectedVolume {
  const folder = mkdtempSync(join(tmpdir(), 'projected-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  let version = 0;
  symlinkSync('..data/token', join(folder, 'token'));
  return {
    file: join(folder, 'token'),
    write(token) {
      version += 1;
      mkdirSync(join(folder, `..${version}`));
      writeFileSync(join(folder, `..${version}`, 'token'), `${token}\n`);
      symlinkSync(`..${version}`, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
      rmSync(join(folder, `..${version - 1}`), { recursive: true, force: true });
    },
    remove: () => rmSync(join(folder, '..data'), { force: true }),
  };
}

/**
 * A key management service with an EC key: it hashes, and answers with DER, as those of Amazon and Google do.
 */
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
