import type { JSONWebKeySet } from 'jose';
import { UnavailableError } from '../errors.js';
import { FetchFailure, fetchJson } from '../lib/fetch.js';
import type { Runtime } from '../lib/runtime.js';
import type { IssuerMetadata } from './metadata.js';
import { unavailable } from './metadata-document.js';

/** Key sets with more members aren't read. */
const MAX_KEYS = 500;

/** A key set as published, members unchecked. */
export interface PublishedKeys {
  readonly members: readonly unknown[];
  readonly maxAgeSeconds: number | undefined;
  /** Whether the issuer publishes no key set at all. One that's asked about each token doesn't need any. */
  readonly isAbsent?: boolean;
}

const NONE: PublishedKeys = { members: [], maxAgeSeconds: undefined, isAbsent: true };

/**
 * Fetches an issuer's keys, until `signal` is aborted. Whatever it throws is an outage.
 *
 * @param mayHaveMoved whether the keys of the known address lack one that a token names
 */
export type KeySource = (signal: AbortSignal, mayHaveMoved: boolean) => Promise<PublishedKeys>;

/** Keys at a fixed URL. */
export function jwksUriSource(jwksUri: string, { fetch }: Runtime): KeySource {
  return (signal) => fetchKeys(jwksUri, fetch, signal);
}

async function fetchKeys(
  jwksUri: string,
  fetch: Runtime['fetch'],
  signal: AbortSignal,
): Promise<PublishedKeys> {
  const { json, maxAgeSeconds } = await fetchJson(jwksUri, fetch, signal);
  return { members: readKeys(json), maxAgeSeconds };
}

/** Keys from a function of the application. */
export function functionSource(load: () => JSONWebKeySet | Promise<JSONWebKeySet>): KeySource {
  return async () => ({ members: readKeys(await load()), maxAgeSeconds: undefined });
}

/**
 * Keys at the `jwks_uri` of an issuer's metadata. That's looked up again if it stops working, or lacks a key.
 *
 * @param mayBeAbsent what an issuer may do without
 */
export function discoveredSource(
  metadata: IssuerMetadata,
  mayBeAbsent: { readonly keys: boolean; readonly metadata: boolean },
  { fetch }: Runtime,
): KeySource {
  return async (signal, mayHaveMoved) => {
    const known = metadata.known();
    const current = await metadata.get(signal, mayHaveMoved).catch((error: unknown) => {
      if (mayBeAbsent.metadata && isGone(error)) return undefined;
      throw error;
    });
    if (current === undefined) return NONE;
    if (mayBeAbsent.keys && current.find('jwks_uri') === undefined) {
      if (current.gap === undefined) return NONE;
      throw unavailable('metadata', current.gap);
    }
    const jwksUri = current.endpoint('jwks_uri');
    const load = async (url: string): Promise<PublishedKeys> => {
      const published = await fetchKeys(url, fetch, signal);
      return { ...published, isAbsent: mayBeAbsent.keys && published.members.length === 0 };
    };
    try {
      return await load(jwksUri);
    } catch (error) {
      if (current !== known) throw error; // it was fetched a moment ago
      metadata.doubt();
      const renewed = (await metadata.get(signal)).endpoint('jwks_uri');
      if (renewed === jwksUri) throw error;
      return load(renewed);
    }
  };
}

/** Whether the server is there but has no such document. */
function isGone(error: unknown): boolean {
  const cause: unknown = error instanceof UnavailableError ? error.cause : error;
  return cause instanceof FetchFailure && (cause.status === 404 || cause.status === 410);
}

/**
 * The members of a JWK Set, unchecked (RFC 7517 §5).
 *
 * @throws {FetchFailure} `invalid`: no `keys` array, or more than 500 members
 */
export function readKeys(jwks: unknown): readonly unknown[] {
  const keys: unknown = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  if (!Array.isArray(keys)) throw new FetchFailure('invalid', 'no "keys" array');
  if (keys.length > MAX_KEYS) throw new FetchFailure('invalid', `more than ${MAX_KEYS} keys`);
  return keys;
}
