import {
  checkAudience,
  checkTokenKind,
  describeDifference,
  findDateFault,
  findIssuer,
  foreignKind,
  foreignMark,
  type MediaType,
  missingClaims,
  readAudience,
  readClaim,
  type TokenRules,
  wronglyTypedClaims,
} from '../../core.js';
import { describeDate, formatDate } from '../describe.js';
import { show, showList } from '../printable.js';
import { type Fault, failed, judge, type Members, notReached, passed, type Step } from './explanation.js';

/** The verifier's clock. */
export interface Time {
  /** Seconds since the epoch. */
  readonly now: number;
  readonly toleranceSeconds: number;
}

/** An `"exp"` that never passes, so that {@link findDateFault} judges the other dates. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Step `iss`. */
export function examineIssuer(claims: Members, issuer: TokenRules): Step {
  const { iss } = claims;
  const difference = typeof iss === 'string' ? describeDifference(iss, issuer.issuer) : undefined;
  return judge('iss', () => findIssuer(iss, new Map([[issuer.issuer, issuer]])), show(iss), {
    expected: show(issuer.issuer),
    fix:
      difference === undefined
        ? 'Is this the token of another issuer, or of another environment? ' +
          'Configure the issuer that tokens name.'
        : `Configure the issuer exactly as the token writes it: ${difference}.`,
  });
}

/** Steps `claim_types`, `exp`, `nbf` and `iat`. */
export function examineDates(claims: Members, time: Time): readonly Step[] {
  const wrong = wronglyTypedClaims(claims);
  const types =
    wrong.length === 0
      ? passed('claim_types', 'registered claims have the right types')
      : failed('claim_types', 'invalid_claim', {
          actual: wrong.map((name) => `"${name}": ${show(claims[name])}`).join(', '),
          expected:
            'dates as numbers of seconds, identifiers and "scope" as strings (RFC 7519 §4.1), ' +
            '"act" as an object that says who acts (RFC 8693 §4.1)',
          fix: "Correct the issuer's claim mapping.",
        });
  const dates = [
    examineExpiry(claims, time),
    examineDate('nbf', claims, time),
    examineDate('iat', claims, time),
  ];
  // A date of the wrong type is reported already, and can't be compared.
  return [types, ...dates.map((step) => (wrong.includes(step.step) ? notReached(step.step) : step))];
}

/** Step `aud`. */
export function examineAudience(claims: Members, issuer: TokenRules): Step {
  const expected = [...issuer.audience];
  return judge('aud', () => checkAudience(claims, issuer), show(claims.aud), {
    expected: `${expected.length > 1 ? 'one of ' : ''}${showList(expected)}`,
    fix: suggestAudience(claims, expected),
  });
}

/** Step `required_claims`. */
export function examineRequiredClaims(claims: Members, issuer: TokenRules): Step {
  const missing = missingClaims(claims, issuer);
  if (missing.length === 0) return passed('required_claims', 'all that RFC 9068 requires');
  return failed('required_claims', 'missing_claim', {
    actual: `without ${showList(missing)}`,
    expected: 'every claim that RFC 9068 §2.2 requires',
    fix: 'Make the issuer send access tokens as RFC 9068 §2.2 describes them.',
  });
}

/** Step `token_kind`. */
export function examineTokenKind(type: MediaType, claims: Members, issuer: TokenRules): Step {
  const kind = foreignKind(claims);
  const mark = kind ?? (type === 'at+jwt' ? undefined : foreignMark(claims, issuer));
  const actual =
    mark !== undefined
      ? `"${mark}": ${show(claims[mark])}`
      : type === 'at+jwt'
        ? 'an access token by its type'
        : describeOwnMarks(claims, issuer);
  return judge('token_kind', () => checkTokenKind(type, claims, issuer), actual, {
    expected: 'an access token: with a scope or a client, and without the marks of ID tokens and the like',
    fix: suggestKind(claims, mark, kind),
  });
}

function suggestKind(claims: Members, mark: string | undefined, kind: string | undefined): string {
  if (kind !== undefined)
    return (
      `Send the access token: by its "${kind}" this is another token of the same token response, ` +
      'and that one is for the issuer or the client.'
    );
  if (mark === 'aud')
    return (
      'Its only audience is its own client, as in an ID token. Send the access token, and make the client ' +
      `ask the issuer for this API (resource or audience). ${SEE_PRESETS}`
    );
  if (mark !== undefined)
    return 'Send the access token, not the ID token or the refresh token. All are in the token response.';
  const azp = claims.azp === undefined ? '' : ' "azp" does not count: ID tokens have it too.';
  return (
    'Send the access token. If this is one, make the issuer send "scope" or "client_id", or say which ' +
    `claim names the client: clientIdClaim (--client-id-claim).${azp} ${SEE_PRESETS}`
  );
}

/** Some issuers identify an API by its client, or name the client in their own claim. */
const SEE_PRESETS = 'The presets know what access tokens of some issuers look like.';

function examineExpiry({ exp }: Members, { now, toleranceSeconds }: Time): Step {
  const reason = findDateFault({ exp }, now, toleranceSeconds);
  if (reason === undefined) return passed('exp', showDate(exp, now));
  const fix =
    reason === 'expired'
      ? `Get a new token. If it is a new one, compare the clocks: here it is ${formatDate(now)}.`
      : 'Make the issuer send "exp": a token without would be valid for ever.';
  const expected = `later than ${describeDate(now - toleranceSeconds, now)}`;
  return failed('exp', reason, { actual: showDate(exp, now), expected, fix });
}

function examineDate(name: 'nbf' | 'iat', claims: Members, { now, toleranceSeconds }: Time): Step {
  const reason = findDateFault({ exp: NEVER, [name]: claims[name] }, now, toleranceSeconds);
  const actual = showDate(claims[name], now);
  if (reason === undefined) return passed(name, actual);
  const fault: Fault = {
    actual,
    expected: `not later than ${describeDate(now + toleranceSeconds, now)}`,
    fix: 'Compare the clocks of the issuer and of this host, and set both by NTP.',
  };
  return failed(name, reason, fault);
}

function showDate(value: unknown, now: number): string {
  return typeof value === 'number' ? describeDate(value, now) : show(value);
}

function suggestAudience(claims: Members, expected: readonly string[]): string {
  const named = readAudience(claims);
  const difference = named.flatMap((one) => expected.map((other) => describeDifference(one, other)));
  const [typical] = difference.filter((text) => text !== undefined);
  if (typical !== undefined) return `Configure the audience exactly as the token writes it: ${typical}.`;
  if (!Object.hasOwn(claims, 'aud'))
    return (
      'Make the client ask for this API (resource or audience). For an issuer that sends no "aud", ' +
      'such as Amazon Cognito, list its clients: clientIds (--client-id).'
    );
  return (
    'Make the client ask the issuer for this API (resource or audience). Is the audience configured as the ' +
    'issuer calls this API, and is the token one for it?'
  );
}

function describeOwnMarks(claims: Members, { clientIdClaim }: TokenRules): string {
  const own = typeof clientIdClaim === 'string' ? [clientIdClaim] : [];
  const names = new Set(['scope', 'scp', 'client_id', ...own]);
  const marks = [...names].filter((name) => readClaim(claims, name) !== undefined);
  return marks.length === 0 ? 'neither scope nor client' : `with ${showList(marks)}`;
}
