import { AssertionError } from 'node:assert';
import { callable, optionError } from '../lib/check.js';
import { typeName } from '../lib/public-text.js';
import type { Forgery } from './forgeries/forgery.js';

/**
 * What a request was answered with: the status itself, or a response that has it as `status` (`fetch`,
 * supertest, axios) or as `statusCode` (Fastify's `inject`, Node, got).
 */
export type ForgeryAnswer = number | { readonly status: number } | { readonly statusCode: number };

/**
 * Sends each forgery and fails unless every one is refused with its own status. The error names those that
 * weren't, a line each: what's wrong with the request, the status that it must get, and what came.
 *
 * It fails too if there's nothing to send, if a request is answered with 5xx or with another refusal, if
 * `send` throws, and if it returns something that has no status. It works with every test runner, because the
 * error is Node's `AssertionError`.
 *
 * A route that refuses everyone passes. Show with `authorization()` that a genuine token opens it.
 *
 * @param send sends one request with `forgery.headers`, and returns the answer or a promise of it. It's
 *   called for one forgery after the other. If your client throws for 4xx, turn that off: in axios with
 *   `validateStatus: () => true`
 * @param forgeries those of `issuer.forgeries(claims)` or `issuer.dpopForgeries(request, claims)`, or some of
 *   them
 * @throws {AssertionError} a forgery wasn't refused as it must be, or there are none (the promise rejects)
 * @throws {TypeError} `send` isn't a function, or `forgeries` aren't forgeries (the promise rejects)
 * @example
 * ```ts
 * import { assertRefusesForgeries } from 'oauth-resource-server/testing';
 * import request from 'supertest';
 *
 * await assertRefusesForgeries(
 *   (forgery) => request(app).get('/stock/42').set(forgery.headers),
 *   await issuer.forgeries({ scope: 'read:inventory' }),
 * );
 * ```
 */
export async function assertRefusesForgeries(
  send: (forgery: Forgery) => ForgeryAnswer | Promise<ForgeryAnswer>,
  forgeries: readonly Forgery[] | Promise<readonly Forgery[]>,
): Promise<void> {
  callable(send, 'assertRefusesForgeries.send');
  const all = checkForgeries(await forgeries);
  if (all.length === 0) throw failure('assertRefusesForgeries: no forgeries to send, which proves nothing');
  const wrong: Outcome[] = [];
  for (const forgery of all) {
    const outcome = { forgery, ...(await outcomeOn(forgery, send)) };
    if (outcome.came !== forgery.status) wrong.push(outcome);
    if (outcome.came === NOTHING) break; // the others wouldn't say more
  }
  if (wrong.length === 0) return;
  // What opens the route comes first.
  const [opened, others] = [wrong.filter(isOpened), wrong.filter((outcome) => !isOpened(outcome))];
  const sorted = [...opened, ...others];
  const lines = sorted.map(
    ({ forgery, came }) => `  ${forgery.name}: expected ${forgery.status}, got ${came}`,
  );
  const counts = [
    ...(opened.length === 0 ? [] : [`${opened.length} got through`]),
    ...(others.length === 0 ? [] : [`${others.length} got a wrong answer`]),
  ];
  throw failure([`Of ${all.length} forgeries, ${counts.join(' and ')}:`, ...lines].join('\n'), sorted);
}

/** What came of one forgery. */
interface Outcome {
  readonly forgery: Forgery;
  /** A status, or in words what came in its place. */
  readonly came: number | string;
  /** What `send` threw. */
  readonly cause?: unknown;
}

const NOTHING = 'nothing from send, which has to return the answer';

const isOpened = ({ came }: Outcome): boolean => typeof came === 'number' && came < 400;

function checkForgeries(given: unknown): readonly Forgery[] {
  const path = 'assertRefusesForgeries.forgeries';
  if (!Array.isArray(given)) throw optionError(path, 'a list of forgeries', given);
  for (const [index, one] of given.entries())
    if (!isForgery(one)) throw optionError(`${path}[${index}]`, 'a forgery', one);
  return given;
}

function isForgery(given: unknown): given is Forgery {
  const { name, headers, status }: { [Member in keyof Forgery]?: unknown } = Object(given);
  return (
    typeof name === 'string' && typeof headers === 'object' && [400, 401, 403].some((one) => one === status)
  );
}

/** Doesn't throw, so that the other forgeries are sent too. */
async function outcomeOn(
  forgery: Forgery,
  send: (forgery: Forgery) => unknown,
): Promise<Pick<Outcome, 'came' | 'cause'>> {
  try {
    return { came: readStatus(await send(forgery)) };
  } catch (cause) {
    const [text = ''] = String(cause).split('\n', 1);
    return { came: `an exception from send: ${text.replaceAll(/eyJ[\w.-]+/g, 'eyJ…')}`, cause };
  }
}

/** The status of an answer. An ambiguous answer has no status. */
function readStatus(answer: unknown): number | string {
  if (answer === undefined) return NOTHING;
  const members = typeof answer === 'object' && answer !== null ? answer : { status: answer };
  const { status, statusCode = status }: { status?: unknown; statusCode?: unknown } = members;
  const isStatus =
    typeof statusCode === 'number' && Number.isInteger(statusCode) && statusCode >= 100 && statusCode < 600;
  if (isStatus && (status === undefined || status === statusCode)) return statusCode;
  return `${typeName(answer)} without a status from send`;
}

/** What test runners show: the message, and the difference between the two lists. */
function failure(message: string, wrong: readonly Outcome[] = []): AssertionError {
  const error = new AssertionError({
    message,
    expected: wrong.map(({ forgery }) => `${forgery.name}: ${forgery.status}`),
    actual: wrong.map(({ forgery, came }) => `${forgery.name}: ${came}`),
    operator: 'assertRefusesForgeries',
    stackStartFn: assertRefusesForgeries,
  });
  const thrown = wrong.find(({ cause }) => cause !== undefined);
  return thrown === undefined ? error : Object.assign(error, { cause: thrown.cause });
}
