import { type CryptoKey, compactVerify, errors } from 'jose';

/**
 * Whether `key` signed this JWS. The one place where signatures are verified: access tokens, DPoP proofs and
 * signed introspection responses.
 *
 * @param jws in compact serialisation; its header was checked before
 * @param key imported for one algorithm, which has to be the header's
 */
export async function isSignedBy(jws: string, key: CryptoKey): Promise<boolean> {
  try {
    await compactVerify(jws, key);
    return true;
  } catch (error) {
    // The library's error is dropped, because it may carry the claims. Anything else is a bug of ours.
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
