// What the presets of workload issuers share. Their tokens name neither scope nor client of OAuth, and a
// workload may ask for any audience: so those that are let in are listed.

import type { Scope, StandardClaims } from '../auth.js';
import { type Checked, type Checks, checkObject, optional, optionError, text } from '../lib/check.js';
import { isJsonObject } from '../lib/json.js';
import { checkScope } from './implied-scopes.js';
import { andAlso, checkList, type PresetOverrides } from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** What a workload is to your API: a client with scopes, as if an authorization server had said so. */
export interface Workload {
  /** What `auth.clientId` is: a name of your own. Several workloads may be the same client. */
  readonly clientId: string;
  /** What `auth.scopes` is: `['read:inventory']`. Default none. */
  readonly scopes?: readonly Scope[];
}

/**
 * The workloads that may call; all others are refused. A list of their names, or an object that says what
 * each of them is: `{ 'shop/orders': { clientId: 'order-service', scopes: ['read:inventory'] } }`.
 */
export type Workloads = readonly string[] | Readonly<Record<string, Workload>>;

/** How an issuer's tokens say which workload is calling, and how applications write it. */
export interface WorkloadNames {
  /** The preset, for messages. */
  readonly preset: string;
  /** What applications write, for messages: `accounts such as shop/orders`. */
  readonly what: string;
  readonly pattern: RegExp;
  /** What is found in tokens, of what applications write. */
  toKey(name: string): string;
  /** What the workload of a token may be known under, the most specific key first. */
  keysIn(claims: StandardClaims): readonly unknown[];
}

const WORKLOAD_CHECKS = { clientId: text, scopes: optional(checkScopes, []) } satisfies Checks<Workload>;

type KnownWorkload = Checked<typeof WORKLOAD_CHECKS>;

/**
 * An issuer whose tokens are accepted from these workloads only. Where an object says what they are, client
 * and scopes are those, and nothing in a token changes them.
 *
 * @param issuer what else the preset says, and for a list where the client is
 * @throws {TypeError} no workload is named, or one in a way that can't be
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
    throw new TypeError(`${names.preset} takes no clientIdClaim and no scopeClaim beside such an object`);
  return {
    ...admitted,
    clientIdClaim: (claims) => known.get(keyIn(claims))?.clientId,
    scopeClaim: (claims) => known.get(keyIn(claims))?.scopes ?? [],
  };
}

/** The workloads by their keys; undefined for those of a list. */
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

function checkScopes(given: unknown, path: string): readonly string[] {
  if (!Array.isArray(given)) throw optionError(path, 'a list of scopes', given);
  return Array.from(given, (scope) => checkScope(scope, path));
}
