// The two set-ups. `stock` is what the documentation of OpenTelemetry suggests: a BatchSpanProcessor with
// its defaults, and a span exporter as one writes it for a file. `ours` is the README's.
import { appendFile } from 'node:fs';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { AuditSpanProcessor, alwaysRecord, SinkSpanExporter } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';
import { defaultSampler } from './hazards.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The far side of both: refuses, or dawdles, as the hazard says. */
function farSide({ downMs = 0, slowMs = 0 }) {
  const upAt = performance.now() + downMs;
  return async () => {
    if (performance.now() < upAt) throw new Error('the far side is down');
    if (slowMs > 0) await sleep(slowMs);
  };
}

class JsonlSpanExporter {
  constructor(file, reach) {
    this.file = file;
    this.reach = reach;
  }

  export(spans, resultCallback) {
    const lines = spans.flatMap(({ events }) => events.map(lineOf));
    this.reach().then(
      () =>
        appendFile(this.file, lines.join(''), (error) =>
          resultCallback(error ? { code: 1, error } : { code: 0 }),
        ),
      (error) => resultCallback({ code: 1, error }),
    );
  }

  async shutdown() {}
}

/** Only what can be read counts as an event: a payload that was cut throws here, or later. */
function lineOf({ attributes }) {
  try {
    const payload = JSON.parse(attributes['flipt.event.payload']);
    return `${JSON.stringify({ type: attributes['flipt.event.type'], payload })}\n`;
  } catch {
    return `${JSON.stringify({ unreadable: attributes })}\n`;
  }
}

export const contenders = {
  stock: ({ file, hazard, isRestart }) => ({
    sampler: hazard.tracing?.sampler ?? defaultSampler(),
    processor: new BatchSpanProcessor(
      new JsonlSpanExporter(file, farSide(isRestart ? {} : hazard)),
    ),
  }),
  ours: ({ file, ledger, hazard, isRestart }) => {
    const sink = logSink({ file });
    const reach = farSide(isRestart ? {} : hazard);
    const exporter = new SinkSpanExporter({
      ledger,
      sinks: {
        file: {
          ...sink,
          async sendAudits(events, context) {
            await reach();
            context.signal.throwIfAborted();
            await sink.sendAudits(events, context);
          },
        },
      },
    });
    return {
      sampler: alwaysRecord(hazard.tracing?.sampler ?? defaultSampler()),
      processor: new AuditSpanProcessor(exporter),
    };
  },
};
