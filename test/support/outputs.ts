import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { context, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { pino } from 'pino';
import { onTestFinished, vi } from 'vitest';
import winston from 'winston';
import { channels } from '../../src/diagnostics.js';
import { logRefusals } from '../../src/log-refusals.js';
import { recordTelemetry } from '../../src/opentelemetry/index.js';
import { listenTo } from './listen-to.js';

/** All that this package says of requests, other than to the client. */
export interface Outputs {
  /** Process warnings, which there are only while nothing is logged. */
  readonly warnings: readonly unknown[];
  /** What loggers wrote in the meantime. Refusals are logged while `act` runs. */
  logged(act: () => unknown): Promise<readonly string[]>;
  /** Everything so far: messages of the channels, warnings, lines of logs, metrics and spans. */
  all(): Promise<readonly unknown[]>;
}

/** Watches every output of the library, from now to the end of the test. */
export function watchOutputs(): Outputs {
  const messages = Object.values(channels).map((name) => listenTo<unknown>(name));
  const warnings: unknown[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...given) => void warnings.push(given));
  const lines: string[] = [];
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 1e6 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const spans = new InMemorySpanExporter();
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  tracerProvider.register();
  const stop = recordTelemetry({ meterProvider, tracerProvider, clientId: true, route: true });
  onTestFinished(async () => {
    spy.mockRestore();
    stop();
    context.disable();
    trace.disable();
    await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
  });

  return {
    warnings,
    async logged(act) {
      const from = lines.length;
      const stream = new Writable({
        write: (chunk, _encoding, done) => {
          lines.push(String(chunk));
          done();
        },
      });
      const transports = [new winston.transports.Stream({ stream })];
      const loggers = [
        pino({ level: 'trace' }, stream),
        winston.createLogger({ level: 'silly', transports }),
        new Console({ stdout: stream, stderr: stream }),
      ];
      const stops = loggers.map((logger) => logRefusals(logger));
      const traced = (): Promise<void> =>
        tracerProvider.getTracer('test').startActiveSpan('request', async (span) => {
          await act();
          span.end();
        });
      await traced().finally(() => stops.forEach((end) => void end()));
      return lines.slice(from);
    },
    async all() {
      const { resourceMetrics } = await reader.collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap((scope) =>
        scope.metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]),
      );
      const recorded = spans.getFinishedSpans().map(({ name, attributes, events, status }) => {
        return { name, attributes, events, status };
      });
      return [messages, warnings, lines, metrics, recorded];
    },
  };
}
