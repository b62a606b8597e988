import type { BatchObservableCallback, Counter, Histogram, Meter } from '@opentelemetry/api';
import type { IntrospectionMessage, KeysMessage } from '../diagnostics.js';

/** The counters and histograms, see docs/observability.md. */
export interface Instruments {
  readonly decisions: Counter;
  readonly lookups: Counter;
  readonly keyLoads: Histogram;
  readonly introspectionCalls: Histogram;
  readonly warnings: Counter;
}

/** The attribute that names an issuer, in metrics and spans. */
export const ISSUER = 'oauth_resource_server.issuer';

/** From the semantic conventions for `http.client.request.duration`. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export function createInstruments(meter: Meter): Instruments {
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(`oauth_resource_server.${name}`, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: SECONDS },
    });
  const counter = (name: string, description: string, unit: string): Counter =>
    meter.createCounter(`oauth_resource_server.${name}`, { description, unit });
  return {
    decisions: counter('decisions', 'Requests and tokens decided on, by outcome and reason.', '{decision}'),
    lookups: counter(
      'token_cache.lookups',
      'Accepted tokens, by whether they were remembered or had to be verified.',
      '{lookup}',
    ),
    keyLoads: duration('keys.load.duration', 'How long key loads take, and which fail.'),
    introspectionCalls: duration(
      'introspection.call.duration',
      'How long introspection calls take, and which fail.',
    ),
    warnings: counter(
      'warnings',
      'Functions of the application that failed, and options without effect.',
      '{warning}',
    ),
  };
}

/** What's currently known about an issuer. */
interface IssuerState {
  /** The last keys. */
  loaded?: { readonly at: number; readonly freshUntil: number };
  /** Whether the last load failed. */
  isFailing: boolean;
  keys?: number;
  /** Undefined if it was never asked about tokens. */
  isSuspended?: boolean;
}

/** This many issuers get attributes of their own. An application may name thousands at run time. */
const MAX_ISSUERS = 100;

/** The state of every issuer, as the channels report it, for gauges to show. */
export class IssuerStates {
  readonly #clock: () => number;
  readonly #states = new Map<string, IssuerState>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** An issuer's name in attributes. */
  nameOf(issuer: string): string {
    return this.#findState(issuer) === undefined ? '_OTHER' : issuer;
  }

  noteKeys({ event, issuer, keys, freshSeconds = 0 }: KeysMessage): void {
    const state = this.#findState(issuer);
    if (state === undefined || event === 'key_skipped') return;
    const now = this.#clock();
    if (event === 'loaded') state.loaded = { at: now, freshUntil: now + freshSeconds * 1000 };
    state.isFailing = event === 'failed';
    state.keys = keys;
  }

  noteIntrospection({ event, issuer }: IntrospectionMessage): void {
    const state = this.#findState(issuer);
    if (state === undefined) return;
    if (event === 'suspended') state.isSuspended = true;
    else if (event === 'resumed') state.isSuspended = false;
    else state.isSuspended ??= false;
  }

  /** Shows the states on gauges. @returns a function that stops it */
  observe(meter: Meter): () => void {
    const gauge = (name: string, description: string, unit = '') =>
      meter.createObservableGauge(`oauth_resource_server.${name}`, { description, unit });
    const age = gauge('keys.age', 'How long ago the keys in use were loaded.', 's');
    const stale = gauge('keys.stale_time', 'How long old keys have been in use during an outage.', 's');
    const count = gauge('keys.count', 'How many keys are in use.', '{key}');
    const suspended = gauge(
      'introspection.suspended',
      '1 while the circuit breaker is open and the issuer is not asked about tokens, otherwise 0.',
    );
    const gauges = [age, stale, count, suspended];
    const show: BatchObservableCallback = (result) => {
      const now = this.#clock();
      const secondsSince = (time: number): number => Math.max(0, now - time) / 1000;
      for (const [issuer, { loaded, isFailing, keys, isSuspended }] of this.#states) {
        const attributes = { [ISSUER]: issuer };
        if (loaded !== undefined) {
          result.observe(age, secondsSince(loaded.at), attributes);
          result.observe(stale, isFailing ? secondsSince(loaded.freshUntil) : 0, attributes);
        }
        if (keys !== undefined) result.observe(count, keys, attributes);
        if (isSuspended !== undefined) result.observe(suspended, Number(isSuspended), attributes);
      }
    };
    meter.addBatchObservableCallback(show, gauges);
    return () => meter.removeBatchObservableCallback(show, gauges);
  }

  /** Undefined if there are too many. */
  #findState(issuer: string): IssuerState | undefined {
    const known = this.#states.get(issuer);
    if (known !== undefined || this.#states.size >= MAX_ISSUERS) return known;
    const state: IssuerState = { isFailing: false };
    this.#states.set(issuer, state);
    return state;
  }
}
