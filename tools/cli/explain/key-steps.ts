import type { Denied } from '../../../src/decision.js';
import { InvalidTokenError, isResourceServerError, UnavailableError } from '../../../src/errors.js';
import { createKeyIndex, findKey } from '../../../src/issuer/key-index.js';
import { IssuerMismatch } from '../../../src/issuer/metadata.js';
import type { ResolvedIssuer } from '../../../src/issuer/trusted-issuer.js';
import type { VerificationKey } from '../../../src/issuer/verification-key.js';
import { TimeLimitExceeded } from '../../../src/lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable } from '../../../src/lib/fetch.js';
import type { Reason } from '../../../src/reasons.js';
import { show, showList } from '../printable.js';
import { type Fault, failed, passed, type Step } from './explanation.js';
import { keyOffers, type Members } from './header-steps.js';

const MAX_KEYS_SHOWN = 8;

const FIXES: Partial<Readonly<Record<Reason, string>>> = {
  no_matching_key:
    'Is the token of another issuer or environment, or was its key withdrawn? Get a new token, and look at the keys with the command check.',
  ambiguous_key: 'Make the issuer send a "kid" that only one of its keys has.',
  key_mismatch:
    'The key is for another algorithm. Correct "alg" in the issuer\'s key set, or what it signs with.',
  key_rejected: 'Make the issuer use a longer key: RSA keys need 2048 bits.',
};

/** Step `key`: the same look-up as the verifier's, in the keys that it has loaded by now, so that nothing is fetched for it. */
export async function examineKey(header: Members, { issuer, keySet }: ResolvedIssuer): Promise<Step> {
  try {
    await keySet.ready();
    const key = findKey(createKeyIndex(keySet.known()), header.kid, String(header.alg));
    if (key === undefined) throw new InvalidTokenError('no_matching_key');
    return passed('key', `${describeKey(key)}${describeOffers(header)}`);
  } catch (error) {
    if (!isResourceServerError(error)) throw error;
    return failed('key', error.reason, describeFault(error, header, issuer, keySet.known()));
  }
}

/** Step `signature`, by the verifier's own word: it checks the signature after the key and before all that is left. */
export function examineSignature(refusal: Denied | undefined): Step {
  if (refusal?.error.reason !== 'signature_invalid') return passed('signature', "by the issuer's key");
  return failed('signature', 'signature_invalid', {
    actual: 'not that of the key over this token',
    expected: "a signature by the issuer's key",
    fix: 'The token was altered or forged. If many are refused: does the issuer use a new key under an old "kid"?',
  });
}

function describeFault(
  error: { readonly reason: Reason; readonly cause?: unknown },
  header: Members,
  issuer: string,
  keys: readonly VerificationKey[],
): Fault {
  if (error instanceof UnavailableError)
    return {
      actual: `no keys of the issuer: ${describeCause(error.cause)}`,
      expected: "the issuer's keys within reach",
      fix: `Look at the issuer: npx oauth-resource-server check ${issuer}`,
    };
  const listed = keys.slice(0, MAX_KEYS_SHOWN).map(describeKey);
  const more = keys.length > MAX_KEYS_SHOWN ? `, and ${keys.length - MAX_KEYS_SHOWN} more` : '';
  return {
    actual: `kid ${show(header.kid)}, ${show(header.alg)}${describeOffers(header)}`,
    expected: `a key of the issuer: ${listed.join('; ')}${more}`,
    fix: FIXES[error.reason] ?? '',
  };
}

function describeKey({ kid, algorithms }: VerificationKey): string {
  return `kid ${show(kid)}, ${[...algorithms].join(' ')}`;
}

/** RFC 8725 §3.10. */
function describeOffers(header: Members): string {
  const offers = keyOffers(header);
  return offers.length === 0 ? '' : `; what the token offers in ${showList(offers)} is not looked at`;
}

/** Errors of others are named only: their texts may quote what was answered. */
function describeCause(cause: unknown): string {
  const isOurs = [DocumentUnavailable, DocumentInvalid, IssuerMismatch, TimeLimitExceeded].some(
    (kind) => cause instanceof kind,
  );
  if (cause instanceof Error) return isOurs ? cause.message : cause.name;
  return 'unknown';
}
