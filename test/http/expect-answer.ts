import { expect } from 'vitest';
import type { RawResponse } from '../support/http-client.js';
import { type Challenge, parseChallenges } from '../support/parse-challenge.js';
import { PROOF_ALGORITHMS } from '../support/plain-challenges.js';
import type { Expected } from './contract.js';

const BOTH = ['Bearer', 'DPoP'];

/** Compares an answer with what a row expects, and with what holds for every answer. */
export function expectAnswer(response: RawResponse, expected: Expected): void {
  expect(response.status).toBe(expected.status);
  expect(response.headers).toMatchObject(expected.headers ?? {});
  if (expected.body !== undefined) expect(JSON.parse(response.body)).toMatchObject(expected.body);
  if (response.status < 400) return;
  expect(response.headers['cache-control']).toBe('no-store'); // BRR-32
  if (response.status === 503) expectUnavailable(response);
  else expectChallenges(response, expected);
}

/** BRR-30: HEAD differs from GET by the missing content only. */
export function expectSameAsGet(head: RawResponse, get: RawResponse): void {
  const withoutDate = ({ date: _date, ...headers }: RawResponse['headers']) => headers;
  expect(head.status).toBe(get.status);
  expect(withoutDate(head.headers)).toEqual(withoutDate(get.headers));
  expect(head.body).toBe('');
}

/**
 * BRR-14, BRR-18, BRR-26, DPP-27: one line per scheme. The error stands where it belongs, the other lines are
 * plain.
 */
function expectChallenges(response: RawResponse, expected: Expected): void {
  const { scheme = 'Bearer', error, status } = expected;
  const { offered = status === 403 && scheme !== 'every' ? [scheme] : BOTH } = expected;
  const challenges = parseChallenges(response.lines('www-authenticate'));
  expect(challenges.map((challenge) => challenge.scheme)).toEqual(offered);
  for (const challenge of challenges) {
    const isConcerned = scheme === 'every' || scheme === challenge.scheme;
    if (error === null || isConcerned) expectChallenge(challenge, expected);
    else expectPlain(challenge, expected);
  }
  if (error === null) expect(response.body).toBe('');
  else expectBody(response, challenges);
}

/** BRR-19, BRR-20, BRR-21, BRR-22 (no `error_uri` is sent), BRR-24. */
function expectChallenge(challenge: Challenge, expected: Expected): void {
  const { scope, error, error_description, acr_values, max_age, ...others } = challenge.parameters;
  expectPlain({ ...challenge, parameters: others }, expected);
  expect(scope).toBe(expected.scope);
  expect({ acr_values, max_age }).toEqual({ acr_values: undefined, max_age: undefined, ...expected.stepUp });
  expect(error).toBe(expected.error ?? undefined);
  if (error === undefined) expect(error_description).toBeUndefined();
  else expect(error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
}

/** BRR-13, BRR-14, DPP-26, PRM-08. */
function expectPlain({ scheme, parameters }: Challenge, { realm = 'api', metadata }: Expected): void {
  expect(parameters).toEqual({
    realm,
    ...(metadata !== undefined && { resource_metadata: metadata }),
    ...(scheme === 'DPoP' && { algs: PROOF_ALGORITHMS }),
  });
}

/** BRR-27. */
function expectBody(response: RawResponse, challenges: readonly Challenge[]): void {
  const { error, error_description } =
    challenges.find(({ parameters }) => parameters.error !== undefined)?.parameters ?? {};
  if (response.body !== '') expect(JSON.parse(response.body)).toEqual({ error, error_description });
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
}

/** KEY-24: no challenge, since the client did nothing wrong. */
function expectUnavailable(response: RawResponse): void {
  expect(response.lines('www-authenticate')).toEqual([]);
  expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(response.body)).toMatchObject({ error: 'temporarily_unavailable' });
}
