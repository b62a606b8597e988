import { forgedClaims, forgedScopes } from './claims.js';
import { forgedCredentials } from './credentials.js';
import { forgedEncodings } from './encodings.js';
import type { AcceptedToken, Forgery } from './forgery.js';
import { forgedKeys } from './keys.js';
import { forgedAlgorithms, forgedSignatures } from './signatures.js';
import { forgedTokenKinds } from './token-kinds.js';

/** The whole table of forgeries of one accepted token, family by family. */
export function forgeAll(accepted: AcceptedToken): readonly Forgery[] {
  return [
    ...forgedCredentials(accepted),
    ...forgedClaims(accepted),
    ...forgedTokenKinds(accepted),
    ...forgedAlgorithms(accepted),
    ...forgedKeys(accepted),
    ...forgedSignatures(accepted),
    ...forgedEncodings(accepted),
    ...forgedScopes(accepted),
  ];
}
