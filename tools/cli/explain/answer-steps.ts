import { type Denied, type IntrospectionEndpointOptions, UnavailableError } from '../../../src/index.js';
import {
  checkAnswerKind,
  dropAbsentClaims,
  type Introspection,
  type IntrospectionAnswer,
  type Issuer,
  readClientId,
} from '../../core.js';
import { describeUnanswered } from '../check/introspection-findings.js';
import { show } from '../printable.js';
import { examineAudience, examineDates, examineIssuer, type Time } from './claim-steps.js';
import { failed, judge, type Members, passed, type Step } from './explanation.js';

/** The outcome of a question about an opaque token, and who was asked. */
export interface AskedToken {
  /** Undefined if there was no answer. */
  readonly answer: IntrospectionAnswer | undefined;
  readonly issuer: Issuer & { readonly introspection: Introspection };
  /** How the API asks. */
  readonly options: IntrospectionEndpointOptions;
  readonly refusal: Denied | undefined;
}

/**
 * Step `introspection`, and the members of the answer if the token is active: they're all there is to check.
 */
export function examineAnswer({ answer, issuer, options, refusal }: AskedToken): {
  readonly step: Step;
  readonly members: Members | undefined;
} {
  if (answer === undefined) return { step: describeNoAnswer(refusal, issuer, options), members: undefined };
  const { active, ...said } = answer;
  const members: Record<string, unknown> = said;
  dropAbsentClaims(members);
  if (active) return { step: passed('introspection', 'active, says the issuer'), members };
  const step = failed('introspection', 'token_inactive', {
    actual: 'not active, says the issuer',
    expected: 'active (RFC 7662 §2.2)',
    fix:
      'Get a new token: this one expired, was revoked, or is of another server. Some servers also say so ' +
      'to a client that is not among the audiences of the token.',
  });
  return { step, members: undefined };
}

/** The steps of an answer, in the order in which the verifier checks its members. */
export function examineMembers(members: Members, { issuer }: AskedToken, time: Time): readonly Step[] {
  const [types, exp, nbf, iat] = examineDates(members, time);
  const steps = [types, examineMemberIssuer(members, issuer), examineAnswerKind(members), exp, nbf, iat];
  const { mayBeAbsent, cacheSeconds } = issuer.introspection;
  const isEndless = !Object.hasOwn(members, 'exp') && mayBeAbsent.has('exp');
  return [
    ...steps
      .filter((step) => step !== undefined)
      .map((step) =>
        isEndless && step.step === 'exp'
          ? passed('exp', `none; it is asked about again after ${cacheSeconds} s`)
          : step,
      ),
    examineMemberAudience(members, issuer),
  ];
}

function describeNoAnswer(
  refusal: Denied | undefined,
  { issuer, introspection }: AskedToken['issuer'],
  options: IntrospectionEndpointOptions,
): Step {
  const { error } = refusal ?? {};
  if (!(error instanceof UnavailableError)) throw new TypeError('an answer was lost');
  const { timeoutSeconds } = introspection;
  const question = { introspection: options, url: options.endpoint ?? issuer, timeoutSeconds };
  const { what, fix } = describeUnanswered(error, question);
  return failed('introspection', error.reason, { actual: what, expected: 'an answer about the token', fix });
}

function examineMemberIssuer(members: Members, issuer: Issuer): Step {
  if (Object.hasOwn(members, 'iss')) return examineIssuer(members, issuer);
  return passed('iss', 'none, and an answer needs none');
}

function examineAnswerKind(members: Members): Step {
  const marks = ['token_type', 'token_use', 'typ', 'type'].filter((name) => Object.hasOwn(members, name));
  const actual = marks.map((name) => `"${name}": ${show(members[name])}`).join(', ');
  return judge('token_kind', () => checkAnswerKind(members), actual || 'nothing that marks it', {
    expected: 'an access token, of the type Bearer unless it is bound to a DPoP key',
    fix: 'Send the access token, not the refresh token or the ID token. All are in the token response.',
  });
}

function examineMemberAudience(members: Members, issuer: AskedToken['issuer']): Step {
  if (Object.hasOwn(members, 'aud')) return examineAudience(members, issuer);
  if (issuer.introspection.mayBeAbsent.has('aud')) return passed('aud', 'none, and it may be absent');
  const clientId = readClientId(members, issuer) ?? members.client_id;
  if (typeof clientId === 'string' && issuer.clientIds.has(clientId))
    return passed('aud', `none, but the client is ${show(clientId)}`);
  return failed('aud', 'aud_mismatch', {
    actual: 'none',
    expected: `one of ${[...issuer.audience].map(show).join(', ')}`,
    fix:
      'Make the issuer name the APIs of a token. If it never does, list the clients whose tokens are ' +
      'accepted: clientIds (--client-id). docs/introspection.md has more about servers that name none.',
  });
}
