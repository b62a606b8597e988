import { AssertionError } from 'node:assert';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { RawResponse } from './http-client.js';
import { type Challenge, parseChallenges } from './parse-challenge.js';
import type { Expected } from './row.js';

const BOTH = ['Bearer', 'DPoP'];
/** The parameter `algs` of every challenge of DPoP, with default options. */
export const PROOF_ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519';

/**
 * Compares an answer with what a row expects, and with what's the same for every answer.
 *
 * @throws {AssertionError} what differs, what was expected and what came
 */
export function expectAnswer(response: RawResponse, expected: Expected): void {
  expectEqual('the status', response.status, expected.status);
  expectMembers('the header fields', response.headers, expected.headers ?? {});
  if (expected.body !== undefined) expectMembers('the body', readJson(response), expected.body);
  if (response.status < 400) return;
  expectEqual('Cache-Control', response.headers['cache-control'], 'no-store'); // BRR-32
  if (response.status === 503) expectUnavailable(response);
  else expectChallenges(response, expected);
}

/** BRR-30: HEAD differs from GET by the missing content only. */
export function expectSameAsGet(head: RawResponse, get: RawResponse): void {
  const withoutDate = ({ date: _date, ...headers }: RawResponse['headers']) => headers;
  expectEqual('the status of HEAD', head.status, get.status);
  expectEqual('the header fields of HEAD', withoutDate(head.headers), withoutDate(get.headers));
  expectEqual('the body of HEAD', head.body, '');
}

/** @throws {AssertionError} `got` differs */
export function expectEqual(what: string, got: unknown, expected: unknown): void {
  expect(isDeepStrictEqual(got, expected), what, got, expected);
}

function expect(condition: boolean, what: string, actual: unknown, expected: unknown): void {
  if (condition) return;
  const message = `${what}: expected ${inspect(expected)}, got ${inspect(actual)}`;
  throw new AssertionError({ message, actual, expected, operator: 'adapterContract' });
}

/** Members other than the expected ones don't matter. */
function expectMembers(what: string, got: object, expected: Readonly<Record<string, unknown>>): void {
  const members = Object.keys(expected).map((name) => [name, Reflect.get(got, name)]);
  expectEqual(what, Object.fromEntries(members), { ...expected });
}

function readJson({ body }: RawResponse): object {
  try {
    return Object(JSON.parse(body));
  } catch {
    return expect(false, 'the body', body, 'JSON') ?? {};
  }
}

/**
 * BRR-14, BRR-18, BRR-26, DPP-27: one line per scheme. The error stands where it belongs, the other lines are
 * plain.
 */
function expectChallenges(response: RawResponse, expected: Expected): void {
  const { scheme = 'Bearer', error, status } = expected;
  const { offered = status === 403 && scheme !== 'every' ? [scheme] : BOTH } = expected;
  const challenges = parseChallenges(response.lines('www-authenticate'));
  const schemes = challenges.map((challenge) => challenge.scheme);
  expectEqual('the schemes of the challenges', schemes, offered);
  for (const challenge of challenges) {
    const isConcerned = scheme === 'every' || scheme === challenge.scheme;
    if (error === null || isConcerned) expectChallenge(challenge, expected);
    else expectPlain(challenge, expected);
  }
  if (error === null) expectEqual('the body', response.body, '');
  else expectBody(response, challenges);
}

/** BRR-19, BRR-20, BRR-21, BRR-22 (no `error_uri` is sent), BRR-24. */
function expectChallenge(challenge: Challenge, expected: Expected): void {
  const { scope, error, error_description, acr_values, max_age, ...others } = challenge.parameters;
  expectPlain({ ...challenge, parameters: others }, expected);
  expectEqual('the scope of the challenge', scope, expected.scope);
  const { acr_values: acrValues, max_age: maxAge } = expected.stepUp ?? {};
  expectEqual('acr_values of the challenge', acr_values, acrValues);
  expectEqual('max_age of the challenge', max_age, maxAge);
  expectEqual('the error of the challenge', error, expected.error ?? undefined);
  const isDescribed = error_description !== undefined && /^[ !#-[\]-~]+$/.test(error_description);
  const isRight = error === undefined ? error_description === undefined : isDescribed;
  const wanted = error === undefined ? undefined : 'a text in the characters of RFC 6750 §3';
  expect(isRight, 'error_description of the challenge', error_description, wanted);
}

/** BRR-13, BRR-14, DPP-26, PRM-08. */
function expectPlain({ scheme, parameters }: Challenge, { realm = 'api', metadata }: Expected): void {
  expectEqual(`the parameters of the challenge of ${scheme}`, parameters, {
    realm,
    ...(metadata !== undefined && { resource_metadata: metadata }),
    ...(scheme === 'DPoP' && { algs: PROOF_ALGORITHMS }),
  });
}

/** BRR-27. */
function expectBody(response: RawResponse, challenges: readonly Challenge[]): void {
  const { error, error_description } =
    challenges.find(({ parameters }) => parameters.error !== undefined)?.parameters ?? {};
  if (response.body !== '') expectEqual('the body', readJson(response), { error, error_description });
  expectEqual('Content-Type', response.headers['content-type'], 'application/json; charset=utf-8');
}

/** KEY-24: no challenge, since the client did nothing wrong. */
function expectUnavailable(response: RawResponse): void {
  expectEqual('WWW-Authenticate', response.lines('www-authenticate'), []);
  const retryAfter = response.headers['retry-after'];
  expect(Number(retryAfter) >= 1, 'Retry-After', retryAfter, 'a number of seconds');
  expectMembers('the body', readJson(response), { error: 'temporarily_unavailable' });
}
