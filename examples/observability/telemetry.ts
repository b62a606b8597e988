import type { RequestListener } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { recordTelemetry } from 'oauth-resource-server/opentelemetry';

export interface Telemetry {
  /** Answers Prometheus. Let it listen on a port that the internet doesn't reach. */
  readonly metrics: RequestListener;
  stop(): Promise<void>;
}

/** Starts OpenTelemetry. Call it before anything else, so that no load of keys is missed. */
export function startTelemetry(spanExporter: SpanExporter = new ConsoleSpanExporter()): Telemetry {
  const prometheus = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const meterProvider = new MeterProvider({ readers: [prometheus] });
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(spanExporter)] });
  tracerProvider.register();
  const stopRecording = recordTelemetry({ meterProvider, tracerProvider });
  return {
    metrics: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    async stop() {
      stopRecording();
      await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
    },
  };
}
