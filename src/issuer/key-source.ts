import type { JSONWebKeySet } from 'jose';
import { TimeLimitExceeded, withTimeLimit } from '../lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable, type FetchJsonOptions, fetchJson } from '../lib/fetch.js';
import { isWithin, type Span, spanFrom } from '../lib/span.js';
import type { UnavailableReason } from '../reasons.js';
import { type DiscoveryOptions, discoverMetadata, type IssuerMetadata, IssuerMismatch } from './metadata.js';

/** More members than this in one key set are not looked at. */
const MAX_KEYS = 500;

/** A key set as published, members unchecked. */
export interface PublishedKeys {
  readonly members: readonly unknown[];
  readonly maxAgeSeconds: number | undefined;
}

/**
 * Gets an issuer's keys anew, for as long as `signal` is not aborted. Rejects with a {@link KeySourceError}.
 *
 * @param timeoutSeconds when that will be, for a source that has several things to do in that time
 */
export type KeySource = (signal: AbortSignal, timeoutSeconds: number) => Promise<PublishedKeys>;

/** Why keys could not be had. */
export class KeySourceError extends Error {
  readonly reason: UnavailableReason;

  /** @param detail a fixed text, an error code or the name of an error; never the text of an error that is not ours */
  constructor(reason: UnavailableReason, detail: string, cause: unknown) {
    super(detail, { cause });
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

export interface DiscoverySourceOptions extends Omit<DiscoveryOptions, 'signal' | 'timeoutSeconds'> {
  readonly clock: () => number;
  /** How long metadata is used before it is fetched anew. */
  readonly maxAgeSeconds: number;
  /** How much longer it is used where that fails. */
  readonly staleIfErrorSeconds: number;
}

/**
 * Keys at the `jwks_uri` of an issuer's metadata. The metadata is kept for a while, and looked up anew when its `jwks_uri` stops working. Where there is none to be
 * had, the old one serves for as long as old keys would.
 */
export function discoverySource(issuer: string, options: DiscoverySourceOptions): KeySource {
  let metadata: IssuerMetadata | undefined;
  let renewAt = 0;
  let usable: Span | undefined;

  const discover = async (signal: AbortSignal, timeoutSeconds: number): Promise<IssuerMetadata> => {
    metadata = await discoverMetadata(issuer, { ...options, signal, timeoutSeconds });
    const { clock, maxAgeSeconds, staleIfErrorSeconds } = options;
    usable = spanFrom(clock(), maxAgeSeconds + staleIfErrorSeconds);
    renewAt = usable.from + maxAgeSeconds * 1000;
    return metadata;
  };
  const renewMetadata = async (signal: AbortSignal, timeoutSeconds: number): Promise<IssuerMetadata> => {
    const kept = metadata;
    try {
      if (kept === undefined) return await discover(signal, timeoutSeconds);
      // Half of the time: a metadata endpoint that hangs must not keep the keys from being fetched where they were.
      const seconds = timeoutSeconds / 2;
      return await withTimeLimit(seconds, (limited) => discover(limited, seconds), signal);
    } catch (error) {
      // What was valid an hour ago is likelier right than nothing at all.
      if (kept !== undefined && isWithin(usable, options.clock())) return kept;
      throw toKeySourceError(error, 'metadata');
    }
  };

  return async (signal, timeoutSeconds) => {
    const keysOf = ({ jwksUri }: IssuerMetadata) => fetchKeys(jwksUri, { fetch: options.fetch, signal });
    const kept = metadata;
    if (kept === undefined || options.clock() >= renewAt)
      return keysOf(await renewMetadata(signal, timeoutSeconds));
    try {
      return await keysOf(kept);
    } catch (error) {
      renewAt = 0; // also where no time is left for it now
      const renewed = await renewMetadata(signal, timeoutSeconds);
      if (renewed.jwksUri === kept.jwksUri) throw error;
      return keysOf(renewed);
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

/**
 * The members of a JWK Set, whatever they are (RFC 7517 §5).
 *
 * @throws {DocumentInvalid} no `keys` array, or more than 500 members
 */
export function membersOf(jwks: unknown): readonly unknown[] {
  const keys: unknown = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  if (!Array.isArray(keys)) throw new DocumentInvalid('no "keys" array');
  if (keys.length > MAX_KEYS) throw new DocumentInvalid(`more than ${MAX_KEYS} keys`);
  return keys;
}

/** Sorts what went wrong on the way to a document. */
export function toKeySourceError(error: unknown, document: 'metadata' | 'jwks'): KeySourceError {
  if (error instanceof IssuerMismatch) return new KeySourceError('issuer_mismatch', error.message, error);
  if (error instanceof DocumentInvalid)
    return new KeySourceError(`${document}_invalid`, error.message, error);
  const isOurs = error instanceof DocumentUnavailable || error instanceof TimeLimitExceeded;
  const detail = isOurs ? error.message : nameOf(error);
  return new KeySourceError(`${document}_unavailable`, detail, error);
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown;
}
