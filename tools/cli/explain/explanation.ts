import {
  type Auth,
  type Denied,
  isResourceServerError,
  type Reason,
  type ResourceServerError,
} from '../../../src/index.js';

/** A token's header or claims, with unchecked values. */
export type Members = Readonly<Record<string, unknown>>;

/** The checks of a JWT, in the verifier's order. */
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
  'token_kind',
  'aud',
  'required_claims',
  'key',
  'signature',
  'cnf',
  'scope',
] as const;

export type StepName = (typeof STEPS)[number] | 'introspection';

/** The checks of an opaque token: only its issuer's answer can be checked. */
export const OPAQUE_STEPS: readonly StepName[] = [
  'credentials',
  'size',
  'structure',
  'introspection',
  'claim_types',
  'iss',
  'token_kind',
  'exp',
  'nbf',
  'iat',
  'aud',
  'cnf',
  'scope',
];

/** One check and its result. Texts from the token are already printable. */
export interface Step {
  readonly step: StepName;
  /** `not_reached`: can't be decided, or isn't checked because the token can't be valid. */
  readonly status: 'passed' | 'failed' | 'not_reached';
  /** For a failed step: the verifier's reason if this is the first failure. */
  readonly reason: Reason | undefined;
  readonly actual: string | undefined;
  readonly expected: string | undefined;
  /** For a failed step: what to do about it. */
  readonly fix: string | undefined;
}

/** The resource server's decision about a token, and how it got there. */
export interface Explanation {
  /** The refusal; undefined if the token is accepted. */
  readonly refusal: Denied | undefined;
  /** What the API gets if the token is accepted. */
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

/** What a failed step says besides its reason. */
export interface Fault {
  readonly actual: string;
  readonly expected: string;
  readonly fix: string;
}

export function failed(step: StepName, reason: Reason, { actual, expected, fix }: Fault): Step {
  return { step, status: 'failed', reason, actual, expected, fix };
}

/** A step decided by one of the verifier's checks. */
export function judge(
  step: StepName,
  check: () => unknown,
  actual: string,
  fault: Omit<Fault, 'actual'>,
): Step {
  const refusal = findRefusal(check);
  return refusal === undefined ? passed(step, actual) : failed(step, refusal.reason, { actual, ...fault });
}

/** The error that one of the verifier's checks refuses with; undefined if it doesn't. */
export function findRefusal(check: () => unknown): ResourceServerError | undefined {
  try {
    check();
  } catch (error) {
    if (isResourceServerError(error)) return error;
    throw error; // a bug, which must not look like a refusal
  }
  return undefined;
}
