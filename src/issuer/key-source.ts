import type { JSONWebKeySet } from 'jose';
import { FetchFailure, fetchJson } from '../lib/fetch.js';
import type { Runtime } from '../lib/runtime.js';
import { type IssuerMetadata, unavailable } from './metadata.js';

/** More members than this in one key set aren't looked at. */
const MAX_KEYS = 500;

/** A key set as published, members unchecked. */
export interface PublishedKeys {
  readonly members: readonly unknown[];
  readonly maxAgeSeconds: number | undefined;
}

/**
 * Gets an issuer's keys anew, for as long as `signal` isn't aborted.
 *
 * @throws {UnavailableError}
 */
export type KeySource = (signal: AbortSignal) => Promise<PublishedKeys>;

/** Keys at a fixed URL. */
export function jwksUriSource(jwksUri: string, { fetch }: Runtime): KeySource {
  return async (signal) => {
    try {
      const { json, maxAgeSeconds } = await fetchJson(jwksUri, fetch, signal);
      return { members: readKeys(json), maxAgeSeconds };
    } catch (error) {
      throw unavailable('jwks', error);
    }
  };
}

/** Keys from a function of the application. Its failures are outages. */
export function functionSource(load: () => JSONWebKeySet | Promise<JSONWebKeySet>): KeySource {
  return async () => {
    try {
      return { members: readKeys(await load()), maxAgeSeconds: undefined };
    } catch (error) {
      throw unavailable('jwks', error);
    }
  };
}

/** Keys at the `jwks_uri` of an issuer's metadata, which is looked up anew once that stops working. */
export function discoveredSource(metadata: IssuerMetadata, runtime: Runtime): KeySource {
  return async (signal) => {
    const { known } = metadata;
    const current = await metadata.get(signal);
    const jwksUri = current.endpoint('jwks_uri');
    try {
      return await jwksUriSource(jwksUri, runtime)(signal);
    } catch (error) {
      if (current !== known) throw error; // it was fetched a moment ago
      metadata.doubt();
      const renewed = (await metadata.get(signal)).endpoint('jwks_uri');
      if (renewed === jwksUri) throw error;
      return jwksUriSource(renewed, runtime)(signal);
    }
  };
}

/**
 * The members of a JWK Set, whatever they are (RFC 7517 §5).
 *
 * @throws {FetchFailure} `invalid`: no `keys` array, or more than 500 members
 */
export function readKeys(jwks: unknown): readonly unknown[] {
  const keys: unknown = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  if (!Array.isArray(keys)) throw new FetchFailure('invalid', 'no "keys" array');
  if (keys.length > MAX_KEYS) throw new FetchFailure('invalid', `more than ${MAX_KEYS} keys`);
  return keys;
}
