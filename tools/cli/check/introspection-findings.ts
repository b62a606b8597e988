import { randomUUID } from 'node:crypto';
import {
  type IntrospectionEndpointOptions,
  type ResourceServerOptions,
  UnavailableError,
  type UnavailableReason,
} from '../../../src/index.js';
import {
  checkOptions,
  createIssuer,
  describeError,
  FetchFailure,
  formEncode,
  TimeLimitExceeded,
} from '../../core.js';
import { type Finding, failure, ok } from './finding.js';
import { describeFailure, type FailedFetch } from './probe.js';

/** A question to an introspection endpoint. */
export interface Question {
  /** Of a resource server that asks only this issuer. */
  readonly server: ResourceServerOptions;
  readonly introspection: IntrospectionEndpointOptions;
  /** Where it goes, for messages. */
  readonly url: string;
  readonly timeoutSeconds: number;
}

/** Step `introspection`: a real question about a made-up token, asked as the verifier does. */
export async function askQuestion(
  question: Question,
): Promise<{ readonly reason: UnavailableReason | undefined; readonly finding: Finding }> {
  const settings = checkOptions(question.server);
  const [issuerSettings] = settings.issuers.values();
  const issuer = issuerSettings && createIssuer(issuerSettings, settings.runtime);
  if (issuer?.introspection === undefined) throw new TypeError('there is no introspection to ask by');
  const startedAt = performance.now();
  const time = () => `${Math.round(performance.now() - startedAt)} ms`;
  try {
    const { active } = await issuer.introspection.ask(randomUUID(), true);
    if (!active)
      return { reason: undefined, finding: ok('introspection', `a made-up token is not active, ${time()}`) };
    const fix = 'Do not rely on it: anyone who makes up a token gets in. Is it a mock, or another endpoint?';
    const message = `${question.url}: a made-up token is active, ${time()}`;
    return { reason: undefined, finding: failure('introspection', message, fix) };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    const { what, fix } = describeUnanswered(error, question);
    const message = `${question.url}: ${what}, ${time()}`;
    return { reason: error.reason, finding: failure('introspection', message, fix) };
  }
}

/** Statuses without an OAuth error or a challenge, by their beginnings. */
const STATUS_FIXES: readonly (readonly [RegExp, string])[] = [
  [
    /^status 403/,
    'Something before the endpoint may have refused: an authorization server names an error, or a scheme. ' +
      'Is this its address, and is this host let through?',
  ],
  [
    /^status 40[45]|^another media type|^not |^active /,
    'Is this the introspection endpoint (RFC 7662)? Its address is introspection.endpoint ' +
      '(--introspection-endpoint).',
  ],
  [/^status 4/, "Does the issuer want other parameters? Look at its documentation, and at the issuer's log."],
  [/^status 5/, "Look at the issuer's log, or ask its operator."],
  [/^status 3|^redirected/, 'Redirects are not followed. Give the address that answers itself.'],
];

/** Why a question had no answer, and what to do about it. */
export function describeUnanswered(
  { reason, cause }: Pick<UnavailableError, 'reason' | 'cause'>,
  { introspection, url, timeoutSeconds }: Omit<Question, 'server'>,
): FailedFetch {
  const detail = describeError(cause);
  if (reason === 'introspection_auth_failed')
    return { what: `refuses this API: ${detail}`, fix: adviseCredentials(introspection) };
  const known = STATUS_FIXES.find(([pattern]) => pattern.test(detail));
  if (known !== undefined) return { what: `no answer that can be used: ${detail}`, fix: known[1] };
  const isSlow = cause instanceof TimeLimitExceeded;
  const failed = isSlow ? new FetchFailure('timeout', 'time-out') : cause;
  if (failed instanceof FetchFailure)
    return describeFailure({ url, failure: failed, answer: undefined }, 'introspection', timeoutSeconds);
  return { what: `no answer that can be used: ${detail}`, fix: "Look at the issuer's log." };
}

function adviseCredentials({ clientSecret, authenticationMethod }: IntrospectionEndpointOptions): string {
  const advice =
    "Are the client's id and secret right, and may it introspect tokens? At many issuers, that " +
    'takes a role or grant of its own.';
  // RFC 6749 §2.3.1: id and secret are form-encoded, and many servers don't decode them.
  const isEncoded = typeof clientSecret === 'string' && formEncode(clientSecret) !== clientSecret;
  const mayBePosted = authenticationMethod === undefined || authenticationMethod === 'client_secret_basic';
  if (!isEncoded || !mayBePosted) return advice;
  return (
    `${advice} The secret has characters that Basic encodes, and many servers do not decode them: try ` +
    "authenticationMethod: 'client_secret_post' (--authentication-method)."
  );
}
