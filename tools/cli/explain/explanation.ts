import type { Auth } from '../../../src/auth.js';
import type { Denied } from '../../../src/decision.js';
import type { Reason } from '../../../src/reasons.js';

/** The checks of a token, in the order in which the verifier makes them. */
export const STEPS = [
  'credentials',
  'size',
  'structure',
  'header',
  'alg',
  'crit',
  'typ',
  'claims',
  'iss',
  'token_type',
  'claim_types',
  'exp',
  'nbf',
  'iat',
  'aud',
  'required_claims',
  'token_kind',
  'key',
  'signature',
  'cnf',
  'scope',
] as const;

export type StepName = (typeof STEPS)[number];

/** One check and what came of it. Texts from the token are printable already. */
export interface Step {
  readonly step: StepName;
  /** `not_reached`: cannot be told, or is not looked at for a token that cannot hold. */
  readonly status: 'passed' | 'failed' | 'not_reached';
  /** Of a failed step: what the verifier says where it is the first one. */
  readonly reason: Reason | undefined;
  readonly actual: string | undefined;
  readonly expected: string | undefined;
  /** Of a failed step: what to do about it. */
  readonly fix: string | undefined;
}

/** What the resource server decides about a token, and the way there. */
export interface Explanation {
  /** The refusal, or undefined where the token is accepted. */
  readonly refusal: Denied | undefined;
  /** What the API gets to know where the token is accepted. */
  readonly auth: Auth | undefined;
  readonly steps: readonly Step[];
}

export function passed(step: StepName, actual: string): Step {
  return { step, status: 'passed', reason: undefined, actual, expected: undefined, fix: undefined };
}

export function notReached(step: StepName): Step {
  return {
    step,
    status: 'not_reached',
    reason: undefined,
    actual: undefined,
    expected: undefined,
    fix: undefined,
  };
}

/** What a failed step says beside its reason. */
export interface Fault {
  readonly actual: string;
  readonly expected: string;
  readonly fix: string;
}

export function failed(step: StepName, reason: Reason, { actual, expected, fix }: Fault): Step {
  return { step, status: 'failed', reason, actual, expected, fix };
}
