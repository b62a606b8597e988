import { expect } from 'vitest';
import type { RawResponse } from '../support/http-client.js';
import { parseChallenge } from '../support/parse-challenge.js';
import type { Expected } from './contract.js';

const PARAMETERS: ReadonlySet<string> = new Set(['realm', 'error', 'error_description', 'scope']);

/** Compares an answer with what a row expects, and with what holds for every answer. */
export function expectAnswer(response: RawResponse, expected: Expected): void {
  expect(response.status).toBe(expected.status);
  expect(response.headers).toMatchObject(expected.headers ?? {});
  if (response.status < 400) {
    if (expected.body !== undefined) expect(JSON.parse(response.body)).toMatchObject(expected.body);
    return;
  }
  expect(response.headers['cache-control']).toBe('no-store'); // BRR-32
  if (response.status === 503) expectUnavailable(response);
  else expectChallenge(response, expected);
}

/** BRR-30: HEAD differs from GET by the missing content only. */
export function expectSameAsGet(head: RawResponse, get: RawResponse): void {
  const withoutDate = ({ date: _date, ...headers }: RawResponse['headers']) => headers;
  expect(head.status).toBe(get.status);
  expect(withoutDate(head.headers)).toEqual(withoutDate(get.headers));
  expect(head.body).toBe('');
}

/** BRR-14, BRR-18, BRR-19, BRR-20, BRR-21, BRR-22 (no `error_uri` is sent), BRR-24, BRR-27. */
function expectChallenge(response: RawResponse, expected: Expected): void {
  const [line = '', another] = response.lines('www-authenticate');
  expect(another).toBeUndefined();
  const { scheme, parameters } = parseChallenge(line);
  expect(scheme).toBe('Bearer');
  expect(parameters).toMatchObject({ realm: expected.realm ?? 'api' });
  expect(parameters.error).toBe(expected.error ?? undefined);
  expect(parameters.scope).toBe(expected.scope);
  const { error, error_description } = parameters;
  if (error === undefined) {
    expect(Object.keys(parameters).sort()).toEqual(
      expected.scope === undefined ? ['realm'] : ['realm', 'scope'],
    );
    expect(response.body).toBe('');
    return;
  }
  expect(Object.keys(parameters).filter((name) => !PARAMETERS.has(name))).toEqual([]);
  expect(error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  if (response.body !== '') expect(JSON.parse(response.body)).toEqual({ error, error_description });
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
}

/** KEY-24: no challenge, since the client did nothing wrong. */
function expectUnavailable(response: RawResponse): void {
  expect(response.lines('www-authenticate')).toEqual([]);
  expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(response.body)).toMatchObject({ error: 'temporarily_unavailable' });
}
