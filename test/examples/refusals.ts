import { expect } from 'vitest';
import { parseChallenges } from '../../src/testing/contract/parse-challenge.js';
import type { Forgery } from '../../src/testing/index.js';

/** What an example answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What an example's refusals have in common. */
export interface Refusals {
  /** The scope that the route requires. */
  readonly scope: string;
  /** Whether the challenge to a request without a token names the scope, too. */
  readonly namesScopeToAnonymous?: boolean;
  /** What else is wrong with the answer, in words. By default the body is looked at. */
  readonly problems?: (answer: Answered, error: string | undefined) => readonly string[];
}

/**
 * Sends each forgery, and expects its status and the challenge of its kind. Shows all that's wrong at once.
 */
export async function expectRefused(
  send: (forgery: Forgery) => Promise<Answered>,
  forgeries: readonly Forgery[],
  refusals: Refusals,
): Promise<void> {
  expect(forgeries.length).toBeGreaterThan(160);
  const sent = forgeries.map(async (forgery) => {
    const problems = findProblems(forgery, await send(forgery), refusals);
    return problems.map((problem) => `${forgery.name}: ${problem}`);
  });
  const wrong = (await Promise.all(sent)).flat();
  expect(wrong).toEqual([]);
}

/** A `Response`, read to its end. */
export async function read(response: Response): Promise<Answered> {
  const { status, headers } = response;
  return { status, headers, body: await response.text() };
}

function findProblems(forgery: Forgery, answer: Answered, refusals: Refusals): readonly string[] {
  const { status, headers } = answer;
  if (status !== forgery.status) return [`expected ${forgery.status}, got ${status}`];
  const challenges = parseChallenges([headers.get('www-authenticate') ?? '']);
  const named = challenges.flatMap(({ parameters }) => parameters.error ?? []);
  const [error] = named;
  const isRight =
    forgery.reason === 'missing_credentials' ? named.length === 0 : ERRORS[status]?.test(error ?? '');
  const scopes = challenges.map(({ parameters }) => parameters.scope);
  const namesScope = status === 403 || (error === undefined && refusals.namesScopeToAnonymous === true);
  const scope = namesScope ? refusals.scope : undefined;
  const { problems = findBodyProblems } = refusals;
  return [
    ...(isRight ? [] : [`its error is ${error}`]),
    ...(scopes.includes(scope) ? [] : [`its scope is ${scopes.join()}`]),
    ...(headers.get('cache-control') === 'no-store' ? [] : ['it may be stored']),
    ...problems(answer, error),
  ];
}

const ERRORS: Readonly<Record<number, RegExp>> = {
  400: /^invalid_request$/,
  401: /^invalid_(token|dpop_proof)$/,
  403: /^insufficient_scope$/,
};

function findBodyProblems({ body }: Answered, error: string | undefined): readonly string[] {
  if (error === undefined) return body === '' ? [] : [`its body is ${body}`];
  return JSON.parse(body).error === error ? [] : [`its body is ${body}`];
}
