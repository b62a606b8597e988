import type { ResolvedOptions } from '../../../src/options/resolve.js';
import type { Reason } from '../../../src/reasons.js';
import { checkToken, readCredentials } from '../../../src/request/credentials.js';
import type { RequestView } from '../../../src/request/view.js';
import { type Fault, failed, passed, type Step } from './explanation.js';
import { refusalOf } from './judge.js';

/** RFC 6750 §2.1 `b64token`, without the padding at its end. */
const OUTSIDE_OF_TOKEN = /[^A-Za-z0-9\-._~+/]/;
/** What is said of characters that get into tokens on the way. */
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

/** Step `credentials`, and the token where there is one. */
export function examineCredentials(
  request: RequestView,
  { bearerMethods, schemes }: Pick<ResolvedOptions, 'bearerMethods' | 'schemes'>,
): { readonly step: Step; readonly token: string | undefined } {
  let token: string | undefined;
  const refusal = refusalOf(() => {
    token = readCredentials(request, bearerMethods, schemes)?.token;
    if (token !== undefined) checkToken(token);
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
      fix: 'Send a token. Is the variable set that should hold it?',
    };
  const scheme = /^[A-Za-z]{1,12}(?= )/.exec(line)?.[0]; // a longer word is likely the token itself
  return {
    actual: scheme === undefined ? 'no scheme in front of the token' : `the scheme ${scheme}`,
    expected: EXPECTED,
    fix: 'Send the token with the scheme Bearer.',
  };
}

function describeMalformed(token: string | undefined): Fault {
  if (token === undefined || token === '')
    return { actual: 'Bearer and no token', expected: EXPECTED, fix: 'Send a token behind Bearer.' };
  const position = token.replace(/=+$/, '').search(OUTSIDE_OF_TOKEN);
  const character = String.fromCodePoint(token.codePointAt(position) ?? 0);
  const name = CHARACTERS[character] ?? `a character that no token has (${codePoint(character)})`;
  const wrapped = character === '\n' || character === '\r' || character === ' ';
  return {
    actual: position === -1 ? 'padding and no token' : `${name} as character ${position + 1} of the token`,
    expected: `${EXPECTED}: one token of letters, digits and - . _ ~ + /`,
    fix: wrapped
      ? 'Send the token in one piece. Was it wrapped where it was copied from, or is something behind it?'
      : 'Send the token as the issuer gave it, without quotes, lists and parameters.',
  };
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
