import { isResourceServerError, type ResourceServerError } from '../../../src/errors.js';
import { type Fault, failed, passed, type Step, type StepName } from './explanation.js';

/** A step that one of the verifier's checks decides. */
export function judge(
  step: StepName,
  check: () => unknown,
  actual: string,
  fault: Omit<Fault, 'actual'>,
): Step {
  const refusal = refusalOf(check);
  return refusal === undefined ? passed(step, actual) : failed(step, refusal.reason, { actual, ...fault });
}

/** The error with which one of the verifier's checks refuses, or undefined where it does not. */
export function refusalOf(check: () => unknown): ResourceServerError | undefined {
  try {
    check();
  } catch (error) {
    if (isResourceServerError(error)) return error;
    throw error; // a bug, which must not look like a refusal
  }
  return undefined;
}
