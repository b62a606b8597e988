import { randomUUID } from 'node:crypto';
import type { Forgery, TokenClaims, TokenIssuer } from '../../src/testing/index.js';
import { fillPath } from '../kit/route-path.js';
import type { Outcome, Probes } from './probes.js';
import { routeName, type TargetRoute } from './target.js';

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
  /** The value for a path parameter. */
  readonly fill: (parameter: string) => string;
  readonly claims: TokenClaims;
  readonly samples: Readonly<Record<string, RouteSample>>;
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Forgeries of a token with these claims, made once. */
  readonly forgeries: (issuer: TokenIssuer, claims: TokenClaims) => Promise<readonly Forgery[]>;
}

/** Sends a request to a route, by one of its methods. */
export type Send = (headers: Readonly<Record<string, string>>, method?: string) => Promise<Outcome>;

/**
 * The path to request; undefined if it isn't known.
 *
 * @param fill the value for a parameter
 */
export function routeUrl(
  found: TargetRoute,
  { url }: RouteSample,
  fill: (parameter: string) => string,
): string | undefined {
  if (found.isPattern || url !== undefined) return url;
  // A path that nothing else serves, to see what middleware for every path answers.
  const path = routeName(found) === 'USE /' ? `/${randomUUID()}` : found.path;
  return fillPath(path, fill);
}

export function sender(
  found: TargetRoute,
  url: string,
  sample: RouteSample,
  { probes, origin }: Bench,
): Send {
  const body = sample.body === undefined ? undefined : JSON.stringify(sample.body);
  const content = { ...(body !== undefined && { 'Content-Type': 'application/json' }) };
  const own = { ...content, ...found.headers, ...sample.headers };
  const usual = ['ALL', 'USE'].includes(found.method) ? 'GET' : found.method;
  return (headers, method = usual) =>
    probes.send(origin, { method, url, headers: { ...own, ...headers }, body });
}
