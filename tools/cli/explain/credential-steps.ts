import type { Reason, RequestView } from '../../../src/index.js';
import {
  checkToken,
  isCanonicalBase64url,
  looksLikeJwt,
  MAX_TOKEN_LENGTH,
  readCredentials,
  type Settings,
  splitCompactJws,
} from '../../core.js';
import { type Fault, failed, findRefusal, passed, type Step } from './explanation.js';

/** RFC 6750 §2.1 `b64token`, without the padding at its end. */
const OUTSIDE_OF_TOKEN = /[^A-Za-z0-9\-._~+/]/;
/** Names of characters that get into tokens by accident. */
const CHARACTERS: Readonly<Record<string, string>> = {
  ' ': 'a space',
  '\t': 'a tab',
  '\n': 'a line break',
  '\r': 'a line break',
  '"': 'a quotation mark',
  "'": 'a quotation mark',
  ',': 'a comma',
  '=': 'a "=" in the middle',
};
const EXPECTED = 'Authorization: Bearer <token>';

/** Step `credentials`, and the token if there is one. */
export function examineCredentials(
  request: RequestView,
  { bearerMethods, headerSchemes }: Pick<Settings, 'bearerMethods' | 'headerSchemes'>,
): { readonly step: Step; readonly token: string | undefined } {
  let token: string | undefined;
  const refusal = findRefusal(() => {
    const credentials = readCredentials(request, bearerMethods, headerSchemes);
    token = credentials?.token;
    if (credentials !== undefined) checkToken(credentials);
  });
  const line = String(request.header('authorization') ?? '');
  if (refusal !== undefined) return refused(refusal.reason, describeMalformed(token));
  if (token === undefined) return refused('missing_credentials', describeMissing(line));
  return { step: passed('credentials', `Bearer and a token of ${token.length} characters`), token };
}

function refused(reason: Reason, fault: Fault): { step: Step; token: undefined } {
  return { step: failed('credentials', reason, fault), token: undefined };
}

function describeMissing(line: string): Fault {
  if (line === '')
    return {
      actual: 'nothing',
      expected: EXPECTED,
      fix: 'Send a token. Is its variable set?',
    };
  const scheme = /^[A-Za-z]{1,12}(?= )/.exec(line)?.[0]; // a longer word is likely the token itself
  return {
    actual: scheme === undefined ? 'no scheme before the token' : `the scheme ${scheme}`,
    expected: EXPECTED,
    fix: 'Send the token with the scheme Bearer.',
  };
}

function describeMalformed(token: string | undefined): Fault {
  if (token === undefined || token === '')
    return { actual: 'Bearer and no token', expected: EXPECTED, fix: 'Send a token after Bearer.' };
  const position = token.replace(/=+$/, '').search(OUTSIDE_OF_TOKEN);
  const character = String.fromCodePoint(token.codePointAt(position) ?? 0);
  const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const name = CHARACTERS[character] ?? `a character that no token has (U+${codePoint})`;
  const wrapped = character === '\n' || character === '\r' || character === ' ';
  return {
    actual: position === -1 ? 'padding and no token' : `${name} as character ${position + 1} of the token`,
    expected: `${EXPECTED}: one token of letters, digits and - . _ ~ + /`,
    fix: wrapped
      ? 'Send the token in one piece. Was it wrapped where it was copied from, or does something follow it?'
      : 'Send the token as the issuer gave it, without quotes, lists and parameters.',
  };
}

/** What an unset variable turns into. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', 'true', 'false']);

/** Step `size`. */
export function examineSize(token: string): Step {
  const most = `at most ${MAX_TOKEN_LENGTH} characters`;
  if (token.length <= MAX_TOKEN_LENGTH) return passed('size', `${token.length} of ${most}`);
  const fix = 'Make the issuer leave claims out. Node itself takes 16 KiB for all header fields together.';
  const fault = { actual: `${token.length} characters`, expected: most, fix };
  return failed('size', 'token_too_large', fault);
}

/** Steps `size` and `structure`, and the segments if these are right. */
export function examineStructure(token: string): {
  readonly steps: readonly Step[];
  readonly segments: readonly [header: string, claims: string, signature: string] | undefined;
} {
  const size = examineSize(token);
  if (size.status === 'failed') return { steps: [size], segments: undefined };
  const segments = splitCompactJws(token);
  if (segments === undefined)
    return { steps: [size, failed('structure', 'malformed_token', describeStructure(token))], segments };
  return { steps: [size, passed('structure', 'three parts of base64url')], segments };
}

/** What to do with a token that only its issuer can read. */
export const OPAQUE_FIX: string =
  'If it is opaque, the API must ask the issuer about it: use the option introspection ' +
  '(--introspection-client and --client-secret-env). Or make the client ask for a JWT for this API ' +
  '(resource, or audience with some issuers).';

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
      actual: looksEncoded(token)
        ? 'one part: a piece of a JWT'
        : 'one part: an opaque token, or none at all',
      expected,
      fix: looksEncoded(token) ? 'Send the whole token. Was it cut off?' : OPAQUE_FIX,
    };
  if (parts.length === 5)
    return {
      actual: 'five parts: an encrypted token (JWE)',
      expected,
      fix: 'Make the issuer send signed tokens that are not encrypted.',
    };
  if (parts.length !== 3) {
    const fix = 'Send the whole token. Was it cut off, or does something follow it?';
    return {
      actual: `${parts.length} parts`,
      expected,
      fix: looksLikeJwt(token) ? fix : `${fix} ${OPAQUE_FIX}`,
    };
  }
  const odd = ['first', 'second', 'third'].filter((_, index) => !isCanonicalBase64url(parts[index] ?? ''));
  return {
    actual: `the ${odd.join(' and the ')} part is not canonical base64url`,
    expected,
    fix: 'Send the token as the issuer gave it: no padding, no "+" and "/", nothing left out.',
  };
}

/** Whether a token without dots begins like a JWT's header. */
function looksEncoded(token: string): boolean {
  return looksLikeJwt(`${token}.`);
}
