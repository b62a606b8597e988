import { isResourceServerError, type ResourceServerError } from '../../src/errors.js';
import type { Reason } from '../../src/reasons.js';
import type { RequestView } from '../../src/request/view.js';
import type { ResourceServer } from '../../src/resource-server.js';

/** A request with the given `Authorization` field lines and nothing else. */
export function requestWith(...lines: readonly string[]): RequestView {
  return {
    method: 'GET',
    url: 'https://api.example.com/stock/42',
    header: (name) => (name === 'authorization' ? lines : []),
  };
}

/** What a bearer token gets: `allowed`, or the reason of the refusal. */
export async function outcomeOf(server: ResourceServer, token: string): Promise<Reason | 'allowed'> {
  const decision = await server.authenticate(requestWith(`Bearer ${token}`));
  return decision.kind === 'allowed' ? 'allowed' : decision.error.reason;
}

/** Why `check` refuses, or undefined when it does not. What is no refusal of ours passes through. */
export const reasonOf = (check: () => unknown): Reason | undefined => refusalOf(check)?.reason;

/** What the refusal by `check` says in the log, as {@link reasonOf}. */
export const hintOf = (check: () => unknown): string | undefined => refusalOf(check)?.hint;

function refusalOf(check: () => unknown): ResourceServerError | undefined {
  try {
    check();
  } catch (error) {
    if (isResourceServerError(error)) return error;
    throw error;
  }
  return undefined;
}

/** Why a check that takes time refuses, as {@link reasonOf}. */
export async function rejectionReason(check: Promise<unknown>): Promise<Reason | undefined> {
  try {
    await check;
  } catch (error) {
    if (isResourceServerError(error)) return error.reason;
    throw error;
  }
  return undefined;
}
