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
import { checkNames } from '../lib/check.js';
import { withoutUndefined } from '../lib/json.js';
import { createInstruments, type Instruments, ISSUER, IssuerStates } from './instruments.js';

/** Options of {@link recordTelemetry}. */
export interface TelemetryOptions {
  /** Default: the global one at the time of the call. */
  readonly meterProvider?: MeterProvider;
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /**
   * Adds the client of a verified token, `oauth_resource_server.client.id`, to decisions. It has as many
   * values as you have clients. Default false.
   */
  readonly clientId?: boolean;
  /**
   * Adds `http.request.method` and `http.route` to the metric of decisions, if they're known. They have as
   * many values as you have routes. Default false.
   */
  readonly route?: boolean;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
}

const OPTIONS: readonly string[] = ['meterProvider', 'tracerProvider', 'clientId', 'route', 'clock'];
const NAME = 'oauth-resource-server';
const HIT = 'oauth_resource_server.token_cache.hit';
/** As in the semantic conventions: others are `_OTHER`, so clients can't make up values. */
const METHODS = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '));

/**
 * Records with OpenTelemetry what all resource servers of this process do. There are metrics, and in traces,
 * the active span of a request gets the outcome of its authentication, while loads of keys and calls of
 * introspection endpoints are spans of their own.
 *
 * Call it once, after your SDK has started and before the first request. Before that, the API has no meter to
 * record with, and the age of keys is known only from their next load.
 *
 * Security: attributes contain nothing that a client makes up, no token, no personal claim and no path.
 * Issuers are those that you trust; from the hundredth on they're `_OTHER`.
 *
 * @returns a function that stops the recording
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
  checkNames(options, OPTIONS, 'recordTelemetry');
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

  /** Records an operation that has ended, if the message reports one. */
  function record(name: string, message: KeysMessage | IntrospectionMessage, histogram: Histogram): void {
    const { issuer, reason, durationSeconds } = message;
    if (durationSeconds === undefined) return;
    const attributes = withoutUndefined<Attributes>({
      [ISSUER]: states.nameOf(issuer),
      'error.type': reason,
    });
    histogram.record(durationSeconds, attributes);
    // Dates, because numbers may be taken for something other than milliseconds since the epoch.
    const startTime = new Date(clock() - durationSeconds * 1000);
    const span = tracer.startSpan(name, {
      startTime,
      attributes: { ...attributes, ...serverAttributes(issuer) },
    });
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
  decisions.add(
    1,
    withoutUndefined<Attributes>({ ...decided, ...requested, 'http.response.status_code': status }),
  );
  if (isKnownToken !== undefined) lookups.add(1, { [HIT]: isKnownToken });
  // For a refused request, nothing else may record the route: no later code sees it.
  const refused = outcome === 'denied' && {
    'http.route': route,
    'error.type': (status ?? 0) >= 500 ? reason : undefined,
  };
  trace
    .getActiveSpan()
    ?.setAttributes(withoutUndefined<Attributes>({ ...decided, ...refused, [HIT]: isKnownToken }));
}

/** The server that an issuer identifier names, if it's a URL. */
function serverAttributes(issuer: string): Attributes {
  if (!URL.canParse(issuer)) return {};
  const { protocol, hostname, port } = new URL(issuer);
  if (protocol !== 'https:' && protocol !== 'http:') return {};
  return {
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}
