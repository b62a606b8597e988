import { decodeJwt } from 'jose';
import type { Requirement } from '../../src/index.js';
import type { Forgery, TokenClaims, TokenIssuer } from '../../src/testing/index.js';
import { type Key, mentionedScopes, missingScopes } from './opening-token.js';
import { describeReach } from './probes.js';
import type { RouteSample, Send } from './requests.js';
import type { TargetRoute } from './target.js';

/** How many requests run at the same time. */
const AT_ONCE = 8;

/**
 * Genuine tokens with one scope less, one of the alternatives, and none. Those that lack one must get 403.
 */
export async function tryOtherScopes(send: Send, key: Key, issuer: TokenIssuer): Promise<readonly string[]> {
  const known = mentionedScopes(key.requirements);
  const own = String(key.claims.scope ?? '').split(' ');
  const lists = key.requirements.flatMap(({ anyScope }) => anyScope ?? []);
  const others = lists.map((one) => [...own.filter((scope) => !lists.includes(scope)), one]);
  const variants = [...known.map((one) => known.filter((scope) => scope !== one)), ...others, []];
  if (known.length === 0) return [];
  return inParallel(variants, async (scopes) => {
    const missing = missingScopes(key, scopes);
    const claims = { ...key.claims, scope: scopes.join(' ') };
    const { status, isReached, isRefused, challenge } = await send(await issuer.authorization(claims));
    const token = `a token with ${scopes.length === 0 ? 'no scope' : `the scopes ${scopes.join(' ')}`}`;
    if (missing.length === 0) return isRefused ? `refuses ${token}: ${status}` : [];
    if (isReached || status !== 403) return `lets ${token} in (${isReached ? 'reached' : status})`;
    // With `errors: 'next'` there's none.
    const words = /scope="([^"]*)"/.exec(challenge)?.[1]?.split(' ') ?? missing;
    // A router's middleware names what it requires before the route's is called.
    return missing.some((one) => words.includes(one)) ? [] : `does not name ${missing.join(' ')} in its 403`;
  });
}

/** The route's other methods must refuse the same, if they're there. */
export async function tryOtherMethods(
  send: Send,
  { method }: TargetRoute,
  key: Key,
  issuer: TokenIssuer,
): Promise<readonly string[]> {
  const others: Readonly<Record<string, readonly string[]>> = {
    GET: ['HEAD'],
    ALL: ['POST', 'PUT', 'PATCH', 'DELETE'],
  };
  const wanting =
    mentionedScopes(key.requirements).length > 0
      ? [await issuer.authorization({ ...key.claims, scope: '' })]
      : [];
  return inParallel(others[method] ?? [], async (other) => {
    for (const headers of [{}, ...wanting]) {
      const outcome = await send(headers, other);
      const isThere = outcome.isReached || ![404, 405].includes(outcome.status);
      if (isThere && !outcome.isRefused)
        return `lets ${other} requests in with less than it requires (${describeReach(outcome)})`;
    }
    return [];
  });
}

/** Genuine tokens that lack what the route requires besides scopes must be refused too. */
export async function tryOtherClaims(
  send: Send,
  key: Key,
  variants: readonly TokenClaims[],
  issuer: TokenIssuer,
): Promise<readonly string[]> {
  return inParallel(variants, async (claims) => {
    const outcome = await send(await issuer.authorization({ ...key.claims, ...claims }));
    const changed = Object.keys(claims).join(', ');
    return outcome.isRefused
      ? []
      : `lets a token without the right ${changed} in (${describeReach(outcome)})`;
  });
}

/** Removes from a token what the route's requirements are about. */
export function claimVariants(
  { requirements }: Key,
  given: readonly string[],
  { refusedClaims = [] }: RouteSample,
): readonly TokenClaims[] {
  const wants = (...names: readonly (keyof Requirement)[]): boolean =>
    requirements.some((one) => names.some((name) => one[name] !== undefined));
  const isOnGiven = wants('claims', 'authorizationDetails') && given.length > 0;
  return [
    ...(wants('authentication') ? [{ acr: undefined, auth_time: undefined }] : []),
    ...(isOnGiven ? [Object.fromEntries(given.map((name) => [name, undefined]))] : []),
    ...refusedClaims,
  ];
}

/** Every forgery must be refused, with its status. */
export async function tryForgeries(
  send: Send,
  key: Key,
  forgeries: readonly Forgery[],
): Promise<readonly string[]> {
  const expected = forgeries.filter((forgery) => !isGenuine(forgery, key));
  return inParallel(expected, async ({ name, headers, status }) => {
    const outcome = await send(headers);
    if (outcome.isReached) return `lets a forgery in: ${name}`;
    return outcome.status === status
      ? []
      : `answers a forgery with ${outcome.status}, not ${status}: ${name}`;
  });
}

/** Whether the forged scope implies what the route requires: then it's no forgery here. */
function isGenuine({ reason, headers }: Forgery, key: Key): boolean {
  if (reason !== 'insufficient_scope') return false;
  const { scope } = decodeJwt(headers.Authorization?.replace('Bearer ', '') ?? '');
  return typeof scope === 'string' && missingScopes(key, scope.split(' ')).length === 0;
}

/** Calls `probe` with each, a few at a time. Returns the results in order. */
async function inParallel<T>(
  all: readonly T[],
  probe: (one: T) => Promise<string | readonly string[]>,
): Promise<readonly string[]> {
  const found: (string | readonly string[])[] = [];
  const queue = all.entries();
  const work = async (): Promise<void> => {
    for (const [index, one] of queue) found[index] = await probe(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found.flat();
}
