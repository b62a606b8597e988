import type { Requirement, ResourceServer } from '../../src/index.js';
import { grantsScope, withoutImplied } from '../../src/requirement/implied-scopes.js';
import type { TokenClaims, TokenIssuer } from '../../src/testing/index.js';
import type { Outcome } from './probes.js';
import type { Send } from './requests.js';
import { sampleAdvice, type TargetRoute } from './target.js';

/** A genuine token that opens a route, and what the route turned out to require. */
export interface Key {
  readonly claims: TokenClaims;
  readonly requirements: readonly Requirement[];
  /** Which broader scopes imply a scope. */
  readonly implied: ResourceServer['impliedScopes'];
  /** What's wrong if no token opens it. */
  readonly refusal?: string;
}

/** Adds to a genuine token what the route asks for, until it opens. */
export async function findKey(
  route: TargetRoute,
  send: Send,
  given: TokenClaims,
  issuer: TokenIssuer,
  now: () => number,
): Promise<Key> {
  let claims: TokenClaims = { ...given };
  for (;;) {
    const outcome = await send(await issuer.authorization(claims));
    const requirements = [...new Set(outcome.examinations.flatMap((one) => one.requirements))];
    const { impliedScopes: implied = {} } = outcome.examinations.at(-1)?.server ?? {};
    const wanted = { ...openingClaims(requirements, now(), implied), ...given };
    if (!outcome.isRefused) return { claims, requirements, implied, ...describeFailure(route, outcome) };
    if (JSON.stringify(wanted) === JSON.stringify(claims)) {
      const { reason = 'unknown' } = outcome.examinations.at(-1)?.refused?.error ?? {};
      const isOnClaims = ['claims_not_met', 'authorization_details_not_met'].includes(reason);
      const advice = isOnClaims ? `. Say which claims open it, ${sampleAdvice(route, 'claims: {…}')}` : '';
      const refusal = `refuses a genuine token with exactly what it requires: ${outcome.status} ${reason}`;
      return { claims, requirements, implied, refusal: refusal + advice };
    }
    claims = wanted;
  }
}

/** What's wrong with an answer that isn't one of our refusals. */
function describeFailure(route: TargetRoute, { isReached, status }: Outcome): { readonly refusal?: string } {
  if (isReached || status < 400) return {};
  const refusal = `answers a genuine token with exactly what it requires with ${status}, before its handler`;
  const isSample = ![401, 403].includes(status) && status < 500;
  return {
    refusal: refusal + (isSample ? `. Say what it takes, ${sampleAdvice(route, 'url, headers, body')}` : ''),
  };
}

/** Claims that meet the requirements, as far as they're known. */
function openingClaims(
  requirements: readonly Requirement[],
  now: number,
  implied: Key['implied'],
): TokenClaims {
  const all = new Set(requirements.flatMap(({ allScopes = [] }) => allScopes));
  const scopes = [...withoutImplied([...all], implied)];
  for (const { anyScope = [] } of requirements)
    if (!anyScope.some((one) => grantsScope(scopes, one, implied))) scopes.push(...anyScope.slice(0, 1));
  const classes = requirements.flatMap(({ authentication }) =>
    authentication?.acrValues === undefined ? [] : [authentication.acrValues],
  );
  const acr = classes[0]?.find((one) => classes.every((accepted) => accepted.includes(one)));
  const isTimed = requirements.some(({ authentication }) => authentication?.maxAgeSeconds !== undefined);
  return {
    ...scopeClaim(scopes),
    ...(classes.length > 0 && { acr: acr ?? classes[0]?.[0] }),
    ...(isTimed && { auth_time: Math.floor(now) }),
  };
}

export const scopeClaim = (scopes: readonly string[]): TokenClaims =>
  scopes.length === 0 ? {} : { scope: scopes.join(' ') };

/** Every scope that requirements mention. */
export const mentionedScopes = (requirements: readonly Requirement[]): readonly string[] => [
  ...new Set(requirements.flatMap(({ allScopes = [], anyScope = [] }) => [...allScopes, ...anyScope])),
];

/** What a route requires that a token with these scopes doesn't have. */
export function missingScopes({ requirements, implied }: Key, scopes: readonly string[]): readonly string[] {
  const isMissing = (one: string): boolean => !grantsScope(scopes, one, implied);
  return requirements.flatMap(({ allScopes = [], anyScope = [] }) => [
    ...allScopes.filter(isMissing),
    ...(anyScope.every(isMissing) ? anyScope : []),
  ]);
}
