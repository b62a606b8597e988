import type { JSONWebKeySet } from 'jose';
import type { UnavailableReason } from '../errors.js';
import { DocumentInvalid, DocumentUnavailable, type FetchJsonOptions, fetchJson } from './fetch-json.js';
import {
  type DiscoveryOptions,
  discoverMetadata,
  type IssuerMetadata,
  IssuerMismatch,
} from './issuer-metadata.js';

/** More members than this in one key set are not looked at. */
const MAX_KEYS = 500;

/** A key set as published, members unchecked. */
export interface PublishedKeys {
  readonly members: readonly unknown[];
  readonly maxAgeSeconds: number | undefined;
}

/** Gets an issuer's keys anew. Rejects with a {@link KeySourceError}. */
export type KeySource = (signal: AbortSignal) => Promise<PublishedKeys>;

/** Why keys could not be had. */
export class KeySourceError extends Error {
  readonly reason: UnavailableReason;

  constructor(reason: UnavailableReason, cause: unknown) {
    super(cause instanceof Error ? cause.message : 'failed', { cause });
    this.reason = reason;
  }
}

/** Keys at a fixed URL. */
export function jwksUriSource(jwksUri: string, fetch: typeof globalThis.fetch): KeySource {
  return (signal) => fetchKeys(jwksUri, { fetch, signal });
}

/** Keys from a function of the application. Its failures are outages. */
export function functionSource(load: () => JSONWebKeySet | Promise<JSONWebKeySet>): KeySource {
  return async () => {
    try {
      return { members: membersOf(await load()), maxAgeSeconds: undefined };
    } catch (error) {
      throw toKeySourceError(error, 'jwks');
    }
  };
}

export interface DiscoverySourceOptions extends Omit<DiscoveryOptions, 'signal'> {
  readonly clock: () => number;
  /** How long metadata is used before it is fetched anew. */
  readonly maxAgeSeconds: number;
}

/** Keys at the `jwks_uri` of an issuer's metadata. The metadata is kept for a while, and looked up anew when its `jwks_uri` stops working. */
export function discoverySource(issuer: string, options: DiscoverySourceOptions): KeySource {
  let metadata: IssuerMetadata | undefined;
  let renewAt = 0;

  const renewMetadata = async (signal: AbortSignal): Promise<IssuerMetadata> => {
    try {
      metadata = await discoverMetadata(issuer, { ...options, signal });
      renewAt = options.clock() + options.maxAgeSeconds * 1000;
      return metadata;
    } catch (error) {
      // What was valid an hour ago is likelier right than nothing at all; its keys have an age limit of their own.
      if (metadata !== undefined) return metadata;
      throw toKeySourceError(error, 'metadata');
    }
  };

  return async (signal) => {
    const current =
      metadata !== undefined && options.clock() < renewAt ? metadata : await renewMetadata(signal);
    try {
      return await fetchKeys(current.jwksUri, { fetch: options.fetch, signal });
    } catch (error) {
      renewAt = 0;
      throw error;
    }
  };
}

async function fetchKeys(jwksUri: string, options: FetchJsonOptions): Promise<PublishedKeys> {
  try {
    const { json, maxAgeSeconds } = await fetchJson(jwksUri, options);
    return { members: membersOf(json), maxAgeSeconds };
  } catch (error) {
    throw toKeySourceError(error, 'jwks');
  }
}

function membersOf(jwks: unknown): readonly unknown[] {
  const keys: unknown = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  if (!Array.isArray(keys)) throw new DocumentInvalid('no "keys" array');
  if (keys.length > MAX_KEYS) throw new DocumentInvalid(`more than ${MAX_KEYS} keys`);
  return keys;
}

function toKeySourceError(error: unknown, document: 'metadata' | 'jwks'): KeySourceError {
  if (error instanceof IssuerMismatch) return new KeySourceError('issuer_mismatch', error);
  if (error instanceof DocumentInvalid) return new KeySourceError(`${document}_invalid`, error);
  if (error instanceof DocumentUnavailable) return new KeySourceError(`${document}_unavailable`, error);
  return new KeySourceError(`${document}_unavailable`, error);
}
