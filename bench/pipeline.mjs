// From ready spans through checker and log sink into a file, against pino logging the same objects.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { addEventToSpan, Checker, createEvent, SinkSpanExporter } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';
import pino from 'pino';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const SPANS_A_BATCH = 512; // BatchSpanProcessor's default

export async function pipeline({ rounds, scale }) {
  const folder = mkdtempSync(join(tmpdir(), 'otel-audit-bench-'));
  const goals = [];
  try {
    for (const [size, payload] of Object.entries(payloads)) {
      const batches = Math.max(2, Math.round(40 * scale));
      const events = batches * SPANS_A_BATCH;
      const tracer = new BasicTracerProvider().getTracer('bench');
      const spans = Array.from({ length: SPANS_A_BATCH }, () => {
        const span = tracer.startSpan('request');
        addEventToSpan(createEvent({ type: 'flag', action: 'created', actor, payload }), span);
        span.end();
        return span;
      });
      const ourFile = join(folder, `ours-${events}.jsonl`);
      const pinoFile = join(folder, `pino-${events}.jsonl`);
      const exporter = new SinkSpanExporter({
        sinks: { file: logSink({ file: ourFile }) },
        checker: new Checker(['*:*']),
      });
      const destination = pino.destination({ dest: pinoFile, sync: true, minLength: 4096 });
      const logger = pino(destination);
      const event = {
        version: '0.2',
        type: 'flag',
        action: 'created',
        metadata: { actor },
        payload,
        timestamp: new Date().toISOString(),
        status: 'success',
      };
      const exportOnce = () =>
        new Promise((resolve, reject) => {
          exporter.export(spans, ({ code, error }) => (code === 0 ? resolve() : reject(error)));
        });
      const times = await measure(
        {
          ours: async () => {
            const start = process.hrtime.bigint();
            for (let n = 0; n < batches; n += 1) await exportOnce();
            return Number(process.hrtime.bigint() - start) / events;
          },
          pino: () =>
            nanosEach(events, () => {
              for (let n = 0; n < events; n += 1) logger.info(event);
              destination.flushSync();
            }),
        },
        rounds,
      );
      await exporter.shutdown();
      if (statSync(ourFile).size === 0) throw new Error('nothing was written');
      rmSync(ourFile);
      rmSync(pinoFile);
      goals.push(
        new Goal(`pipeline ${size}, events/s against pino`, ratios(times.pino, times.ours), {
          atLeast: 2,
        }),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return goals;
}
