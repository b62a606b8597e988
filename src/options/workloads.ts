// Shared by the presets of workload issuers. Their tokens have neither an OAuth scope nor a client, and a
// workload may ask for any audience. So you list which ones may call.

import type { Scope, StandardClaims } from '../auth.js';
import { type Checked, type Checks, checkObject, optional, text } from '../lib/check.js';
import { isJsonObject } from '../lib/json.js';
import { checkScopes } from './implied-scopes.js';
import { andAlso, checkList, type PresetOverrides } from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** A workload as your API sees it: a client with scopes, as if an authorization server had said so. */
export interface Workload {
  /** The value of `auth.clientId`: a name you choose. Several workloads may be the same client. */
  readonly clientId: string;
  /** The value of `auth.scopes`: `['read:inventory']`. Default: none. */
  readonly scopes?: readonly Scope[];
}

/**
 * The workloads that may call; all others are refused. A list of their names, or an object that describes
 * each: `{ 'shop/orders': { clientId: 'order-service', scopes: ['read:inventory'] } }`.
 */
export type Workloads = readonly string[] | Readonly<Record<string, Workload>>;

/** How an issuer's tokens identify a workload, and how applications write it. */
export interface WorkloadNames {
  /** The preset, for messages. */
  readonly preset: string;
  /** What applications write, for messages: `accounts such as shop/orders`. */
  readonly what: string;
  readonly pattern: RegExp;
  /** Turns what applications write into what tokens contain. */
  toKey(name: string): string;
  /** The keys that a token's workload may be listed under, the most specific one first. */
  keysIn(claims: StandardClaims): readonly unknown[];
}

const WORKLOAD_CHECKS = { clientId: text, scopes: optional(checkScopes, []) } satisfies Checks<Workload>;

type KnownWorkload = Checked<typeof WORKLOAD_CHECKS>;

/**
 * An issuer whose tokens are accepted only from these workloads. If an object describes them, client and
 * scopes come from there, and nothing in a token changes them.
 *
 * @param issuer the rest of the preset, and for a list the claim that names the client
 * @throws {TypeError} no workload is named, or one has an impossible name
 */
export function admitWorkloads(
  issuer: TrustedIssuer,
  workloads: Workloads,
  names: WorkloadNames,
  overrides: PresetOverrides,
): TrustedIssuer {
  const known = checkWorkloads(workloads, names);
  const keyIn = (claims: StandardClaims): unknown => names.keysIn(claims).find((key) => known.has(key));
  const isAccessToken = andAlso((_header, claims) => keyIn(claims) !== undefined, overrides);
  const admitted = { ...issuer, ...overrides, isAccessToken };
  if (Array.isArray(workloads)) return admitted;
  if (overrides.clientIdClaim !== undefined || overrides.scopeClaim !== undefined)
    throw new TypeError(
      `${names.preset} does not take clientIdClaim or scopeClaim when workloads is an object`,
    );
  return {
    ...admitted,
    clientIdClaim: (claims) => known.get(keyIn(claims))?.clientId,
    scopeClaim: (claims) => known.get(keyIn(claims))?.scopes ?? [],
  };
}

/** The workloads by key; undefined for those of a list. */
function checkWorkloads(
  workloads: Workloads,
  { preset, what, pattern, toKey }: WorkloadNames,
): ReadonlyMap<unknown, KnownWorkload | undefined> {
  if (!isJsonObject(workloads)) {
    checkList(workloads, pattern, `${preset} takes a list of ${what}`);
    return new Map(workloads.map((name) => [toKey(name), undefined]));
  }
  const takes = `${preset} takes an object whose names are ${what}`;
  const named = Object.entries(workloads);
  if (named.length === 0) throw new TypeError(`${takes}, got an empty object`);
  checkList(Object.keys(workloads), pattern, takes);
  const known = new Map<string, KnownWorkload>();
  for (const [name, workload] of named) {
    const key = toKey(name);
    if (known.has(key)) throw new TypeError(`${takes}, got ${name} twice`);
    known.set(key, checkObject(workload, `${preset}.${name}`, WORKLOAD_CHECKS));
  }
  return known;
}
