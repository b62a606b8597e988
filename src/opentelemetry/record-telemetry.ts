import {
  type Attributes,
  type Histogram,
  type MeterProvider,
  metrics,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { type DecisionMessage, type IntrospectionMessage, type KeysMessage, listen } from '../diagnostics.js';
import { createInstruments, type Instruments, ISSUER, IssuerStates } from './instruments.js';

/** Options of {@link recordTelemetry}. */
export interface TelemetryOptions {
  /** Default: the global one, as it is when `recordTelemetry` is called. */
  readonly meterProvider?: MeterProvider;
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /**
   * Adds the client of a verified token, `oauth_resource_server.client.id`, to decisions: as many values as
   * you have clients. Default false.
   */
  readonly clientId?: boolean;
  /**
   * Adds `http.request.method` and `http.route` to the metric of decisions, where they're known: as many
   * values as you have routes. Default false.
   */
  readonly route?: boolean;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
}

const OPTIONS: readonly string[] = ['meterProvider', 'tracerProvider', 'clientId', 'route', 'clock'];
const NAME = 'oauth-resource-server';
const HIT = 'oauth_resource_server.token_cache.hit';
/** As the semantic conventions have it, others are `_OTHER`, so that clients can't make up values. */
const METHODS = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '));

/**
 * Records what all resource servers of this process do with OpenTelemetry: as metrics, and in traces, where
 * the active span of a request gets the outcome of its authentication, and loads of keys and calls of
 * introspection endpoints become spans of their own.
 *
 * Call it once, after your SDK has started and before the first request: the API has no meter to record with
 * before that, and the age of keys is known only from when they're loaded.
 *
 * Security: nothing that a client makes up is in an attribute, no token, no claim of a person and no path.
 * Issuers are those that you trust; from the hundredth on they're `_OTHER`.
 *
 * @returns a function that ends the recording
 * @throws {TypeError} an unknown option
 * @example
 * ```ts
 * import { recordTelemetry } from 'oauth-resource-server/opentelemetry';
 *
 * const stop = recordTelemetry();
 * process.once('SIGTERM', stop);
 * ```
 */
export function recordTelemetry(options: TelemetryOptions = {}): () => void {
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name))
      throw new TypeError(`recordTelemetry: unknown option ${name}; known are ${OPTIONS.join(', ')}`);
  const { meterProvider = metrics, tracerProvider = trace, clock = () => Date.now() } = options;
  const meter = meterProvider.getMeter(NAME);
  const tracer = tracerProvider.getTracer(NAME);
  const instruments = createInstruments(meter);
  const states = new IssuerStates(clock);
  const stopShowing = states.observe(meter);
  const stopListening = listen({
    decision: (message) => recordDecision(message, instruments, states, options),
    keys(message) {
      states.noteKeys(message);
      record('load keys', message, instruments.keyLoads);
    },
    introspection(message) {
      states.noteIntrospection(message);
      record('introspect token', message, instruments.introspectionCalls);
    },
    warning: ({ source }) => instruments.warnings.add(1, { 'oauth_resource_server.source': source }),
  });
  return () => {
    stopListening();
    stopShowing();
  };

  /** Records an operation that has ended, if the message tells of one. */
  function record(name: string, message: KeysMessage | IntrospectionMessage, histogram: Histogram): void {
    const { issuer, reason, durationSeconds } = message;
    if (durationSeconds === undefined) return;
    const attributes = withoutAbsent({ [ISSUER]: states.nameOf(issuer), 'error.type': reason });
    histogram.record(durationSeconds, attributes);
    // Dates, since numbers may be taken for something else than milliseconds since the epoch.
    const startTime = new Date(clock() - durationSeconds * 1000);
    const span = tracer.startSpan(name, { startTime, attributes: { ...attributes, ...serverOf(issuer) } });
    if (reason !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(new Date(clock()));
  }
}

function recordDecision(
  { outcome, method, route, status, reason, issuer, clientId, isKnownToken }: DecisionMessage,
  { decisions, lookups }: Instruments,
  states: IssuerStates,
  options: TelemetryOptions,
): void {
  const decided = {
    'oauth_resource_server.outcome': outcome,
    'oauth_resource_server.reason': reason,
    [ISSUER]: issuer && states.nameOf(issuer),
    'oauth_resource_server.client.id': options.clientId === true ? clientId : undefined,
  };
  const requested = options.route === true && {
    'http.request.method': method && (METHODS.has(method) ? method : '_OTHER'),
    'http.route': route,
  };
  decisions.add(1, withoutAbsent({ ...decided, ...requested, 'http.response.status_code': status }));
  if (isKnownToken !== undefined) lookups.add(1, { [HIT]: isKnownToken });
  // Of a request that is refused nothing else may know the route, since nothing behind gets to see it.
  const refused = outcome === 'denied' && {
    'http.route': route,
    'error.type': (status ?? 0) >= 500 ? reason : undefined,
  };
  trace.getActiveSpan()?.setAttributes(withoutAbsent({ ...decided, ...refused, [HIT]: isKnownToken }));
}

/** Whom an issuer identifier names, if it's a URL. */
function serverOf(issuer: string): Attributes {
  if (!URL.canParse(issuer)) return {};
  const { protocol, hostname, port } = new URL(issuer);
  if (protocol !== 'https:' && protocol !== 'http:') return {};
  return {
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

function withoutAbsent(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
