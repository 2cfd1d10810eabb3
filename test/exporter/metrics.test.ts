import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { addEventToSpan } from '../../src/event/span.js';
import { CAPTURE } from '../../src/exporter/span-capture.js';
import { SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  heldSink,
  rule,
  spanWith,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';

const diagnostics = diagLog();
diskFaults();
const rig = exporterRig();

const running: MeterProvider[] = [];
afterEach(async () => {
  metrics.disable();
  for (const provider of running.splice(0)) await provider.shutdown();
});

/** Registers a provider; `collect` gives each metric's points by their sink, '' for none. */
function meterProvider() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
  const provider = new MeterProvider({ readers: [reader] });
  running.push(provider);
  metrics.disable();
  metrics.setGlobalMeterProvider(provider);
  return async () => {
    exporter.reset();
    await reader.forceFlush();
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const all = found.flatMap(({ metrics: each }) => each);
    return Object.fromEntries(
      all.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        Object.fromEntries(
          dataPoints.map(({ attributes, value }) => [
            String(attributes['audit.sink'] ?? ''),
            value,
          ]),
        ),
      ]),
    );
  };
}

describe('metrics', () => {
  it('tell what is taken, what each sink has, and how long it took', async () => {
    const collect = meterProvider();
    const { sink, sends } = heldSink();
    const { exporter, clock } = rig.open({ sinks: { held: sink, quick: recordingSink() } });
    await exported(exporter, spanWith(created, rule));
    await clock.pass(1000);
    await until(() => sends.length === 1 && exporter.stats().sinks.quick!.delivered === 2);
    await clock.pass(1500);
    expect(await collect()).toMatchObject({
      'audit.records.emitted': { '': 2 },
      'audit.records.exported': { quick: 2 },
      'audit.queue.depth': { held: 2, quick: 0 },
    });
    sends[0]!.resolve();
    await exporter.forceFlush();
    const after = await collect();
    expect(after).toMatchObject({
      'audit.records.exported': { quick: 2, held: 2 },
      'audit.queue.depth': { held: 0, quick: 0 },
      'audit.export.duration': { held: { count: 1, sum: 1.5 }, quick: { count: 1, sum: 0 } },
    });
    expect(after).not.toHaveProperty(['audit.records.dropped']);
  });

  it('tell what waits for a sink that never worked, and of dead letters', async () => {
    const collect = meterProvider();
    const sink = recordingSink();
    sink.failWith(new Error('down'));
    const { exporter } = rig.open({ sinks: { siem: sink } });
    await exporter.sendAudits(flags(3));
    expect(await collect()).toMatchObject({
      'audit.records.emitted': { '': 3 },
      'audit.queue.depth': { siem: 3 },
    });
    sink.failWith(new SinkError('event', 'HTTP 422'));
    await exporter.forceFlush().catch(() => {});
    expect(await collect()).toMatchObject({
      'otel_audit.dead_letters': { siem: 3 },
      'audit.queue.depth': { siem: 0 },
    });
  });

  it('tell what is lost, also after shutdown', async () => {
    const collect = meterProvider();
    const { exporter } = rig.open({ sinks: {} });
    const span = new BasicTracerProvider().getTracer('test').startSpan('request');
    exporter[CAPTURE].watch(span as never);
    addEventToSpan(created, span);
    await exporter.shutdown();
    addEventToSpan(rule, span);
    await settle();
    expect(await collect()).toMatchObject({
      'audit.records.emitted': { '': 1 },
      'audit.records.dropped': { '': 1 },
    });
  });

  it('tell what is lost, by sink, without a ledger', async () => {
    const collect = meterProvider();
    const sink = recordingSink();
    sink.failWith(new Error('down'));
    const delivery = { maxElapsedMs: 1000 };
    const { exporter, clock } = rig.openMemory({ sinks: { siem: sink }, delivery });
    exporter.export([spanWith(created, rule)], () => {});
    await clock.pass(5000);
    expect(await collect()).toMatchObject({ 'audit.records.dropped': { siem: 2 } });
  });

  it('go to a provider that is registered later, all from the beginning', async () => {
    const { exporter, clock } = rig.open({ sinks: { quick: recordingSink() } });
    await exporter.sendAudits(flags(5));
    await exporter.forceFlush();
    const collect = meterProvider();
    await clock.pass(10_000); // it looks for one now and then
    expect(await collect()).toMatchObject({
      'audit.records.emitted': { '': 5 },
      'audit.records.exported': { quick: 5 },
    });
    await exporter.sendAudits(flags(1));
    expect(await collect()).toMatchObject({ 'audit.records.emitted': { '': 6 } });
  });

  it('no longer tell the depth of a queue that is gone', async () => {
    const collect = meterProvider();
    const { exporter } = rig.open({ sinks: { quick: recordingSink() } });
    await exporter.sendAudits([created]);
    await exporter.shutdown();
    const after = await collect();
    expect(after).toMatchObject({ 'audit.records.exported': { quick: 1 } });
    expect(after['audit.queue.depth'] ?? {}).toEqual({});
  });

  it('that fail break nothing, and are told once a burst', async () => {
    metrics.disable();
    const broken = {
      getMeter: () => {
        throw new Error('no meters');
      },
    };
    metrics.setGlobalMeterProvider(broken);
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { quick: sink } });
    await exporter.sendAudits([created], { until: 'delivered' });
    await exporter.sendAudits([rule], { until: 'delivered' });
    expect(sink.events).toHaveLength(2);
    expect(diagnostics.lines).toEqual(['warn otel-audit: metrics could not be written: no meters']);
  });
});
