import { randomUUID } from 'node:crypto';
import type { Requirement, ResourceServer } from '../../src/index.js';
import type { Forgery, TokenClaims, TokenIssuer } from '../../src/testing/index.js';
import { fillPath } from '../kit/route-path.js';
import type { ProvenRoute } from './lock-file.js';
import { type Outcome, type Probes, servers } from './probes.js';
import type { TargetRoute } from './target.js';

/** How to make the requests to one route, if the defaults don't fit. */
export interface RouteSample {
  /** The path to request: `/stock/42`. Default: the route's, with `params` filled in. */
  readonly url?: string;
  /** More header fields. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, for routes that check the body before the scopes. */
  readonly body?: unknown;
  /** Claims that the route needs besides its scopes: `{ tenant: 'acme' }`. */
  readonly claims?: TokenClaims;
  /** The same for tokens that must be refused although they have its scopes: `[{ tenant: 'other' }]`. */
  readonly refusedClaims?: readonly TokenClaims[];
  /** The issuer whose tokens open it. Default: the `issuer` of the whole proof. */
  readonly issuer?: TokenIssuer;
}

/** What's needed to prove a route. */
export interface Bench {
  readonly probes: Probes;
  readonly origin: string;
  readonly issuer: TokenIssuer;
  readonly params: Readonly<Record<string, string>>;
  readonly claims: TokenClaims;
  readonly samples: Readonly<Record<string, RouteSample>>;
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Forgeries of a token with these claims, made once. */
  readonly forgeries: (issuer: TokenIssuer, claims: TokenClaims) => Promise<readonly Forgery[]>;
}

/** The findings about a route, and everything that's wrong with it. */
export interface Proof {
  readonly route: ProvenRoute;
  readonly findings: readonly string[];
}

/** How many requests run at the same time. */
const AT_ONCE = 8;

/**
 * Finds out who may call a route by calling it: without a token, with genuine tokens of growing scopes, with
 * one scope less, and with forgeries.
 *
 * @param isListed whether the application is meant to let in requests without a token
 * @returns undefined if it turns out not to be a route
 */
export async function proveRoute(
  found: TargetRoute,
  isListed: boolean,
  bench: Bench,
): Promise<Proof | undefined> {
  const { method, path } = found;
  const findings: string[] = [];
  const conclude = (access: ProvenRoute['access'], requirements: readonly Requirement[] = []): Proof => ({
    route: { method, path, access, requirements },
    findings,
  });
  const sample = bench.samples[name(found)] ?? {};
  const issuer = sample.issuer ?? bench.issuer;
  const send = sender(found, sample, bench);
  if (send === undefined) {
    findings.push(`is a pattern: say where it leads to, ${example(found, 'url: "/…"')}`);
    return conclude('other');
  }

  const anonymous = await send({});
  // Middleware that only passes requests on doesn't decide who may call what.
  if (method === 'USE' && (anonymous.isRefused || anonymous.status >= 400)) return undefined;
  const isOpen = anonymous.isReached || !(anonymous.isRefused || [401, 403].includes(anonymous.status));
  if (isOpen && anonymous.status >= 500)
    findings.push(`answers a request without a token with ${anonymous.status} instead of refusing it`);
  else if (isOpen && !isListed) {
    const isUnknown = anonymous.status === 404;
    const advice = isUnknown ? `, or say where it is, ${example(found, 'url')}` : '';
    findings.push(
      `lets requests without a token in (${reached(anonymous)}). Protect it, or list it as public${advice}`,
    );
  } else if (!isOpen && isListed)
    findings.push(`is listed as public, and refuses requests without a token (${anonymous.status})`);
  const isOptional = servers(anonymous).some(({ admitsAnonymous }) => admitsAnonymous);
  if (isOpen && !isOptional) return conclude('public');
  if (!isOpen && !anonymous.isRefused) return conclude('other');

  const key = await findKey(found, send, { ...bench.claims, ...sample.claims }, issuer, bench.now);
  const access = isOpen ? 'optional' : 'token';
  if (key.refusal !== undefined) findings.push(key.refusal);
  else {
    findings.push(...(await tryOtherScopes(send, key, issuer)));
    if (!isOpen) findings.push(...(await tryOtherMethods(send, found, key, issuer)));
    const given = Object.keys({ ...bench.claims, ...sample.claims });
    findings.push(...(await tryOtherClaims(send, key, without(key, given, sample), issuer)));
    const forgeries = await bench.forgeries(issuer, {
      ...key.claims,
      ...scopeClaim(broadest(named(key.requirements), key.implied)),
    });
    const expected = forgeries.filter(({ reason }) => !isOpen || reason !== 'missing_credentials');
    findings.push(...(await tryForgeries(send, expected)));
  }
  return conclude(access, key.requirements);
}

type Send = (headers: Readonly<Record<string, string>>, method?: string) => Promise<Outcome>;

/** Undefined if the route's path isn't known. */
function sender(found: TargetRoute, sample: RouteSample, bench: Bench): Send | undefined {
  const { params, probes, origin } = bench;
  if (found.isPattern && sample.url === undefined) return undefined;
  // A path that nothing else serves, to see what middleware for every path answers.
  const path = name(found) === 'USE /' ? `/${randomUUID()}` : found.path;
  const url = sample.url ?? fillPath(path, (parameter) => params[parameter] ?? '1');
  const body = sample.body === undefined ? undefined : JSON.stringify(sample.body);
  const content = { ...(body !== undefined && { 'Content-Type': 'application/json' }) };
  const own = { ...content, ...found.headers, ...sample.headers };
  const usual = ['ALL', 'USE'].includes(found.method) ? 'GET' : found.method;
  return (headers, method = usual) =>
    probes.send(origin, { method, url, headers: { ...own, ...headers }, body });
}

/** A genuine token that opens a route, and what the route turned out to require. */
interface Key {
  readonly claims: TokenClaims;
  readonly requirements: readonly Requirement[];
  /** Which broader scopes imply a scope. */
  readonly implied: ResourceServer['impliedScopes'];
  /** What's wrong if no token opens it. */
  readonly refusal?: string;
}

/** Adds to a genuine token what the route asks for, until it opens. */
async function findKey(
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
    if (!outcome.isRefused) return { claims, requirements, implied, ...disappointment(route, outcome) };
    if (JSON.stringify(wanted) === JSON.stringify(claims)) {
      const { reason = 'unknown' } = outcome.examinations.at(-1)?.refused?.error ?? {};
      const isOnClaims = ['claims_not_met', 'authorization_details_not_met'].includes(reason);
      const advice = isOnClaims ? `. Say which claims open it, ${example(route, 'claims: {…}')}` : '';
      const refusal = `refuses a genuine token with exactly what it requires: ${outcome.status} ${reason}`;
      return { claims, requirements, implied, refusal: refusal + advice };
    }
    claims = wanted;
  }
}

/** What's wrong with an answer that isn't one of our refusals. */
function disappointment(route: TargetRoute, { isReached, status }: Outcome): { readonly refusal?: string } {
  if (isReached || status < 400) return {};
  const refusal = `answers a genuine token with exactly what it requires with ${status}, before its handler`;
  const isSample = ![401, 403].includes(status) && status < 500;
  return {
    refusal: refusal + (isSample ? `. Say what it takes, ${example(route, 'url, headers, body')}` : ''),
  };
}

/** Claims that meet the requirements, as far as they're known. */
function openingClaims(
  requirements: readonly Requirement[],
  now: number,
  implied: Key['implied'],
): TokenClaims {
  const all = new Set(requirements.flatMap(({ allScopes = [] }) => allScopes));
  const scopes = [...broadest([...all], implied)];
  for (const { anyScope = [] } of requirements)
    if (!anyScope.some((one) => grants(scopes, one, implied))) scopes.push(...anyScope.slice(0, 1));
  const acr = requirements.flatMap(({ authentication }) => authentication?.acrValues?.[0] ?? [])[0];
  const isTimed = requirements.some(({ authentication }) => authentication?.maxAgeSeconds !== undefined);
  return {
    ...scopeClaim(scopes),
    ...(acr !== undefined && { acr }),
    ...(isTimed && { auth_time: Math.floor(now) }),
  };
}

const scopeClaim = (scopes: readonly string[]): TokenClaims =>
  scopes.length === 0 ? {} : { scope: scopes.join(' ') };

/** Whether a token with these scopes also has another one. */
const grants = (scopes: readonly string[], scope: string, implied: Key['implied']): boolean =>
  [scope, ...(implied[scope] ?? [])].some((one) => scopes.includes(one));

/** Those that no other in the list implies. */
const broadest = (scopes: readonly string[], implied: Key['implied']): readonly string[] =>
  scopes.filter(
    (one) =>
      !grants(
        scopes.filter((other) => other !== one),
        one,
        implied,
      ),
  );

const named = (requirements: readonly Requirement[]): readonly string[] => [
  ...new Set(requirements.flatMap(({ allScopes = [], anyScope = [] }) => [...allScopes, ...anyScope])),
];

/**
 * Genuine tokens with one scope less, one of the alternatives, and none. Those that lack one must get 403.
 */
async function tryOtherScopes(send: Send, key: Key, issuer: TokenIssuer): Promise<readonly string[]> {
  const known = named(key.requirements);
  const own = String(key.claims.scope ?? '').split(' ');
  const lists = key.requirements.flatMap(({ anyScope }) => anyScope ?? []);
  const others = lists.map((one) => [...own.filter((scope) => !lists.includes(scope)), one]);
  const variants = [...known.map((one) => known.filter((scope) => scope !== one)), ...others, []];
  if (known.length === 0) return [];
  return inParallel(variants, async (scopes) => {
    const missing = key.requirements.flatMap((requirement) =>
      missingScopes(requirement, scopes, key.implied),
    );
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

/** The route's other methods must refuse the same. */
async function tryOtherMethods(
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
    named(key.requirements).length > 0 ? [await issuer.authorization({ ...key.claims, scope: '' })] : [];
  return inParallel(others[method] ?? [], async (other) => {
    for (const headers of [{}, ...wanting]) {
      const outcome = await send(headers, other);
      if (!outcome.isRefused)
        return `lets ${other} requests in with less than it requires (${reached(outcome)})`;
    }
    return [];
  });
}

function missingScopes(
  { allScopes = [], anyScope = [] }: Requirement,
  scopes: readonly string[],
  implied: Key['implied'],
): readonly string[] {
  const isMissing = (one: string): boolean => !grants(scopes, one, implied);
  return [...allScopes.filter(isMissing), ...(anyScope.every(isMissing) ? anyScope : [])];
}

/** Genuine tokens that lack what the route requires besides scopes must be refused too. */
async function tryOtherClaims(
  send: Send,
  key: Key,
  variants: readonly TokenClaims[],
  issuer: TokenIssuer,
): Promise<readonly string[]> {
  return inParallel(variants, async (claims) => {
    const outcome = await send(await issuer.authorization({ ...key.claims, ...claims }));
    const changed = Object.keys(claims).join(', ');
    return outcome.isRefused ? [] : `lets a token without the right ${changed} in (${reached(outcome)})`;
  });
}

/** Removes from a token what the route's requirements are about. */
function without(
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
async function tryForgeries(send: Send, forgeries: readonly Forgery[]): Promise<readonly string[]> {
  return inParallel(forgeries, async ({ name, headers, status }) => {
    const outcome = await send(headers);
    if (outcome.isReached) return `lets a forgery in: ${name}`;
    return outcome.status === status
      ? []
      : `answers a forgery with ${outcome.status}, not ${status}: ${name}`;
  });
}

const reached = ({ isReached, status }: Outcome): string =>
  isReached ? 'reached its handler' : String(status);

const example = (route: TargetRoute, what: string): string => `samples: { '${name(route)}': { ${what} } }`;

/** A route's name in options. */
export const name = ({ method, path }: Pick<TargetRoute, 'method' | 'path'>): string => `${method} ${path}`;

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
