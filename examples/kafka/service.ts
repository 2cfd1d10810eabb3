import { AlwaysOffSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import {
  AuditSpanProcessor,
  addEventToSpan,
  alwaysRecord,
  createEvent,
  SinkSpanExporter,
} from 'otel-audit';
import { kafkaSink } from 'otel-audit/sinks/kafka';

/** What the service is told. */
export interface ServiceOptions {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  readonly ledger: string;
  readonly count: number;
}

/** A service in a nutshell: each change of a flag is a span with an audit event on it. */
export async function changeFlags(options: ServiceOptions): Promise<void> {
  const { topic, bootstrapServers, ledger, count } = options;
  const exporter = new SinkSpanExporter({
    sinks: { kafka: kafkaSink({ topic, bootstrapServers, createTopic: true }) },
    ledger,
  });
  const provider = new BasicTracerProvider({
    sampler: alwaysRecord(new AlwaysOffSampler()), // tracing may sample; audit may not
    spanProcessors: [new AuditSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('flags');
  for (let n = 1; n <= count; n += 1) {
    const span = tracer.startSpan('PUT /flags/:key');
    const event = createEvent({
      type: 'flag',
      action: 'updated',
      actor: { authentication: 'token', ip: '127.0.0.1' },
      payload: { key: `flag-${n}`, enabled: n % 2 === 0, namespace_key: 'default' },
    });
    addEventToSpan(event, span);
    span.end();
  }
  await provider.shutdown(); // delivers what is in the ledger
}
