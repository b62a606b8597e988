import { createHash } from 'node:crypto';
import { discard } from './fetch.js';

/** One digest, in base64 or base64url; other kinds are ignored. */
const DIGEST = /(?<!\S)(sha(?:256|384|512))-([\w+/-]+)/gi;

/**
 * Checks what `fetch` calls `integrity`, as it does: the content has one of the digests of the strongest kind
 * (Subresource Integrity §3.3). The answer can still be read.
 *
 * @throws {TypeError} it has none of them
 */
export async function checkIntegrity(response: Response, integrity: string): Promise<void> {
  const digests = Array.from(integrity.matchAll(DIGEST), ([, kind = '', digest = '']) => ({
    kind: kind.toLowerCase(),
    digest: Buffer.from(digest, 'base64'),
  }));
  const strongest = digests
    .map(({ kind }) => kind)
    .sort()
    .at(-1);
  if (strongest === undefined) return;
  const content = new Uint8Array(await response.clone().arrayBuffer());
  const actual = createHash(strongest).update(content).digest();
  if (digests.some(({ kind, digest }) => kind === strongest && digest.equals(actual))) return;
  discard(response);
  throw new TypeError('the answer does not match "integrity"');
}
