import {
  type Denied,
  InvalidTokenError,
  isResourceServerError,
  type Reason,
  type TokenType,
  UnavailableError,
} from '../../../src/index.js';
import {
  checkTokenType,
  createKeyIndex,
  describeError,
  findKey,
  type Issuer,
  type MediaType,
  needsExtension,
  parseSegment,
  readAlgorithm,
  readMediaType,
  type VerificationKey,
} from '../../core.js';
import { show, showList } from '../printable.js';
import { OPAQUE_FIX } from './credential-steps.js';
import { type Fault, failed, findRefusal, judge, type Members, passed, type Step } from './explanation.js';

/** Steps `header` or `claims`, and the object if there is one. */
export function examineJson(
  step: 'header' | 'claims',
  segment: string,
): { readonly step: Step; readonly members: Members | undefined } {
  let members: Members | undefined;
  const refusal = findRefusal(() => {
    members = parseSegment(segment);
  });
  if (refusal === undefined) return { step: passed(step, 'a JSON object'), members };
  const part = step === 'header' ? 'first' : 'second';
  const fault: Fault = {
    actual: `the ${part} part contains something else`,
    expected: 'a JSON object in UTF-8 (RFC 7519 §7.2)',
    fix: `Send the access token as the issuer gave it. Was it altered or cut off?${
      step === 'header' ? ` ${OPAQUE_FIX}` : ''
    }`,
  };
  return { step: failed(step, refusal.reason, fault), members };
}

/** Steps `alg`, `crit` and `typ`, and the media type if it's an access token's. */
export function examineHeader(
  header: Members,
  algorithms: ReadonlySet<string>,
): { readonly steps: readonly Step[]; readonly type: { readonly is: MediaType } | undefined } {
  let type: { readonly is: MediaType } | undefined;
  const alg = judge('alg', () => readAlgorithm(header, algorithms), show(header.alg), {
    expected: `one of ${[...algorithms].join(', ')}`,
    fix:
      'Make the issuer sign with one of these. "none" and HMAC (HS256 …) are never accepted: ' +
      'anyone who verifies those can also forge them.',
  });
  const critActual = describeExtensions(header);
  const crit = needsExtension(header)
    ? failed('crit', 'crit_unsupported', {
        actual: critActual,
        expected: 'no "crit", and no "b64" other than true',
        fix: 'Make the issuer leave the extension out: it must be understood, and none is supported.',
      })
    : passed('crit', critActual);
  const typ = judge(
    'typ',
    () => {
      type = { is: readMediaType(header) };
    },
    show(header.typ),
    {
      expected: '"at+jwt", "JWT" or none',
      fix: 'Send the access token: this is another kind of JWT.',
    },
  );
  return { steps: [alg, crit, typ], type };
}

/** Step `token_type`: what the type must be, if the options say so. */
export function examineTokenType(type: MediaType, accepted: TokenType): Step {
  return judge('token_type', () => checkTokenType(type, accepted), show(type), {
    expected: show(accepted),
    fix: 'Send the access token. If it is one, make the issuer send it with this type (RFC 9068 §2.1).',
  });
}

function describeExtensions(header: Members): string {
  const named = ['crit', 'b64'].filter((name) => Object.hasOwn(header, name));
  return named.length === 0
    ? 'no extension'
    : named.map((name) => `"${name}": ${show(header[name])}`).join(', ');
}

const MAX_KEYS_SHOWN = 8;
/** Header parameters that offer a key, which the verifier ignores (RFC 8725 §3.10). */
const KEY_OFFERS = ['jwk', 'jku', 'x5c', 'x5u'] as const;

const FIXES: Partial<Readonly<Record<Reason, string>>> = {
  no_matching_key:
    'Is the token of another issuer or environment, or was its key withdrawn? ' +
    'Get a new token, and look at the keys with the command check.',
  ambiguous_key: 'Make the issuer send a "kid" that only one of its keys has.',
  key_mismatch:
    'The key is for another algorithm. Correct "alg" in the issuer\'s key set, or what it signs with.',
  key_rejected: 'Make the issuer use a longer key: RSA keys need 2048 bits.',
};

/**
 * Step `key`: the verifier's look-up, in the keys that it has loaded already, so nothing is fetched for it.
 */
export async function examineKey(header: Members, { keySet }: Issuer, checkCommand: string): Promise<Step> {
  try {
    await keySet.ready();
    const key = findKey(createKeyIndex(keySet.known()), header, String(header.alg));
    if (key === undefined) throw new InvalidTokenError('no_matching_key');
    return passed('key', `${describeKey(key)}${describeOffers(header)}`);
  } catch (error) {
    if (!isResourceServerError(error)) throw error;
    return failed('key', error.reason, describeKeyFault(error, header, checkCommand, keySet.known()));
  }
}

/** Step `signature`, from the verifier's decision: it checks the signature right after the key. */
export function examineSignature(refusal: Denied | undefined): Step {
  if (refusal?.error.reason !== 'signature_invalid') return passed('signature', "by the issuer's key");
  return failed('signature', 'signature_invalid', {
    actual: 'not made by that key for this token',
    expected: "a signature by the issuer's key",
    fix:
      'The token was altered or forged. ' +
      'If many are refused: does the issuer use a new key under an old "kid"?',
  });
}

function describeKeyFault(
  error: { readonly reason: Reason; readonly cause?: unknown },
  header: Members,
  checkCommand: string,
  keys: readonly VerificationKey[],
): Fault {
  if (error instanceof UnavailableError)
    return {
      actual: `no keys of the issuer: ${describeError(error.cause)}`,
      expected: 'keys of the issuer that can be reached',
      fix: `Look at the issuer: ${checkCommand}`,
    };
  const listed = keys.slice(0, MAX_KEYS_SHOWN).map(describeKey);
  const more = keys.length > MAX_KEYS_SHOWN ? `, and ${keys.length - MAX_KEYS_SHOWN} more` : '';
  if (keys.length === 0)
    return {
      actual: 'the issuer has no keys',
      expected: 'a key that verifies the token',
      fix:
        'If the issuer does not sign its tokens, or with a secret (HS256), the API must ask about JWTs ' +
        "too: introspection with tokens: ['opaque', 'jwt'].",
    };
  return {
    actual: `kid ${show(header.kid)}, ${show(header.alg)}${describeOffers(header)}`,
    expected: `a key of the issuer: ${listed.join('; ')}${more}`,
    fix: FIXES[error.reason] ?? '',
  };
}

function describeKey({ kid, algorithms }: VerificationKey): string {
  return `kid ${show(kid)}, ${[...algorithms].join(' ')}`;
}

function describeOffers(header: Members): string {
  const offers = KEY_OFFERS.filter((name) => Object.hasOwn(header, name));
  return offers.length === 0 ? '' : `; what the token offers in ${showList(offers)} is ignored`;
}
