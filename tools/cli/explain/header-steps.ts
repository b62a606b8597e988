import type { TokenType } from '../../../src/options/options.js';
import {
  isCanonicalBase64url,
  MAX_TOKEN_LENGTH,
  parseJsonObject,
  splitCompactJws,
} from '../../../src/token/compact-jws.js';
import { checkTokenType, type MediaType, readMediaType } from '../../../src/token/token-kind.js';
import { checkExtensions, readAlgorithm } from '../../../src/verification/jwt.js';
import { show } from '../printable.js';
import { type Fault, failed, passed, type Step } from './explanation.js';
import { judge, refusalOf } from './judge.js';

export type Members = Readonly<Record<string, unknown>>;

/** Header parameters that offer a key, which nobody may trust (RFC 8725 §3.10). */
const KEY_OFFERS = ['jwk', 'jku', 'x5c', 'x5u'] as const;
/** What a variable that is not set turns into. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', 'true', 'false']);

/** Steps `size` and `structure`, and the segments where these are right. */
export function examineStructure(token: string): {
  readonly steps: readonly Step[];
  readonly segments: readonly [header: string, claims: string, signature: string] | undefined;
} {
  const length = `${token.length} characters`;
  const most = `at most ${MAX_TOKEN_LENGTH} characters`;
  if (token.length > MAX_TOKEN_LENGTH) {
    const fix = 'Make the issuer leave claims out. Node itself takes 16 KiB for all header fields together.';
    const fault = { actual: length, expected: most, fix };
    return { steps: [failed('size', 'token_too_large', fault)], segments: undefined };
  }
  const size = passed('size', `${token.length} of ${most}`);
  const segments = splitCompactJws(token);
  if (segments === undefined)
    return { steps: [size, failed('structure', 'malformed_token', describeStructure(token))], segments };
  return { steps: [size, passed('structure', 'three parts of base64url')], segments };
}

/** Steps `header` or `claims`, and the object where there is one. */
export function examineJson(
  step: 'header' | 'claims',
  segment: string,
): { readonly step: Step; readonly members: Members | undefined } {
  let members: Members | undefined;
  const refusal = refusalOf(() => {
    members = parseJsonObject(Buffer.from(segment, 'base64url'));
  });
  if (refusal === undefined) return { step: passed(step, 'a JSON object'), members };
  const part = step === 'header' ? 'first' : 'second';
  const fault: Fault = {
    actual: `the ${part} part holds something else`,
    expected: 'a JSON object in UTF-8 (RFC 7519 §7.2)',
    fix: 'Send the access token as the issuer gave it. Was it altered or cut off?',
  };
  return { step: failed(step, refusal.reason, fault), members };
}

/** Steps `alg`, `crit` and `typ`, and the media type where it is one of an access token. */
export function examineHeader(
  header: Members,
  algorithms: ReadonlySet<string>,
): { readonly steps: readonly Step[]; readonly type: { readonly is: MediaType } | undefined } {
  let type: { readonly is: MediaType } | undefined;
  const alg = judge('alg', () => readAlgorithm(header, algorithms), show(header.alg), {
    expected: `one of ${[...algorithms].join(', ')}`,
    fix: 'Make the issuer sign with one of these. "none" and HMAC (HS256 …) are never accepted: whoever verifies those can also forge them.',
  });
  const crit = judge('crit', () => checkExtensions(header), describeExtensions(header), {
    expected: 'no "crit", and no "b64" other than true',
    fix: 'Make the issuer leave the extension out: it has to be understood, and none is.',
  });
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

/** Step `token_type`: what the type has to be where the options say so. */
export function examineTokenType(type: MediaType, accepted: TokenType): Step {
  return judge('token_type', () => checkTokenType(type, accepted), show(type), {
    expected: show(accepted),
    fix: "If the issuer's access tokens are of that type, use tokenType: 'any' (--token-type any).",
  });
}

/** The names of header parameters that offer a key. They are not followed. */
export function keyOffers(header: Members): readonly string[] {
  return KEY_OFFERS.filter((name) => Object.hasOwn(header, name));
}

function describeExtensions(header: Members): string {
  const named = ['crit', 'b64'].filter((name) => Object.hasOwn(header, name));
  return named.length === 0
    ? 'no extension'
    : named.map((name) => `"${name}": ${show(header[name])}`).join(', ');
}

function describeStructure(token: string): Fault {
  const expected = 'three parts of base64url without padding, with dots between (RFC 7515 §3.1)';
  const parts = token.split('.');
  if (PLACEHOLDERS.has(token))
    return {
      actual: `the word ${token}`,
      expected,
      fix: 'Look at the program that sends it: its variable has no token.',
    };
  if (parts.length === 1)
    return {
      actual: 'one part: an opaque token, or none at all',
      expected,
      fix: 'Ask the issuer for a token for this API (resource, or audience with some issuers): many give opaque tokens otherwise.',
    };
  if (parts.length === 5)
    return {
      actual: 'five parts: an encrypted token (JWE)',
      expected,
      fix: 'Make the issuer send signed tokens that are not encrypted.',
    };
  if (parts.length !== 3)
    return {
      actual: `${parts.length} parts`,
      expected,
      fix: 'Send the whole token. Was it cut off, or is something behind it?',
    };
  const odd = ['first', 'second', 'third'].filter((_, index) => !isCanonicalBase64url(parts[index] ?? ''));
  return {
    actual: `the ${odd.join(' and the ')} part is not canonical base64url`,
    expected,
    fix: 'Send the token as the issuer gave it: no padding, no "+" and "/", nothing left out.',
  };
}
