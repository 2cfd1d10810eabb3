import { describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { SinkSpanExporterOptions } from '../../src/exporter/options.js';
import { PARTS } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { exporterRig } from '../support/exporter-rig.js';

const diagnostics = diagLog();
const rig = exporterRig();

describe('the options of an exporter', () => {
  const sink = recordingSink();
  const a = { sinks: { a: sink } };

  it.each<[unknown, string]>([
    [undefined, 'SinkSpanExporter: options must be an object with sinks'],
    [{}, 'SinkSpanExporter: sinks must be an object'],
    [{ sinks: [sink] }, 'SinkSpanExporter: sinks must be an object of sinks by name, such as'],
    [{ sinks: {} }, 'SinkSpanExporter: sinks must name at least one sink where there is no ledger'],
    [{ sinks: { Bad: sink } }, 'SinkSpanExporter: sinks["Bad"] is not a sink\'s name'],
    [{ sinks: { '9a': sink } }, 'SinkSpanExporter: sinks["9a"] is not'],
    [{ sinks: { 'a/b': sink } }, 'SinkSpanExporter: sinks["a/b"] is not'],
    [{ sinks: { ['a'.repeat(64)]: sink } }, 'is not a sink'],
    [{ sinks: JSON.parse('{"__proto__":{}}') }, 'SinkSpanExporter: sinks["__proto__"] is not'],
    [{ sinks: { a: {} } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: null } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: { sink: 'x' } } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: { sink, checker: {} } } }, 'SinkSpanExporter: sinks["a"].checker must be'],
    [{ sinks: { a: { sink, retry: 1 } } }, 'SinkSpanExporter: sinks["a"].retry is no option'],
    [{ sinks: { a: { sink, startAt: 'now' } } }, 'SinkSpanExporter: sinks["a"].startAt must be'],
    [
      { sinks: { a: { sink, delivery: { timeoutMs: 0 } } } },
      'SinkSpanExporter: sinks["a"].delivery.timeoutMs must be',
    ],
    [
      { sinks: { a: sink, b: sink } },
      'SinkSpanExporter: sinks.b is the same object as sinks.a; make one a name',
    ],
    [
      { sinks: { a: { ...sink, [PARTS]: [['-2', recordingSink()]] }, 'a-2': sink } },
      'SinkSpanExporter: sinks.a-2 is also the name of a part of another sink; rename it',
    ],
    [{ ...a, checker: 'x' }, 'SinkSpanExporter: checker must be'],
    [{ ...a, onError: 'x' }, 'SinkSpanExporter: onError must be a function'],
    [{ ...a, random: 0.5 }, 'SinkSpanExporter: random must be a function'],
    [{ ...a, clock: {} }, 'SinkSpanExporter: clock must be a clock; now is not a function'],
    [{ ...a, clock: null }, 'SinkSpanExporter: clock must be a clock'],
    [{ ...a, delivery: 5 }, 'SinkSpanExporter: delivery must be an object'],
    [{ ...a, maxEventBytes: 0 }, 'SinkSpanExporter: maxEventBytes must be a number from 1 to'],
    [{ ...a, maxEventBytes: '1' }, 'SinkSpanExporter: maxEventBytes must be a number from 1 to'],
    [{ ...a, ledger: 7 }, 'SinkSpanExporter: ledger must be a directory'],
    [{ ...a, ledger: '' }, "SinkSpanExporter: ledger.directory must be a folder's path"],
    [{ ...a, ledger: { directory: 'x', slot: 1 } }, 'SinkSpanExporter: ledger.slot is not known'],
    [{ ...a, retries: 3 }, 'SinkSpanExporter: retries is no option; there are sinks, checker'],
    ...[-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5'].map(
      (timeoutMs): [unknown, string] => [
        { ...a, delivery: { timeoutMs } },
        'SinkSpanExporter: delivery.timeoutMs must be',
      ],
    ),
  ])('are refused by name (%#)', (options, message) => {
    let refusal: unknown;
    try {
      new SinkSpanExporter(options as SinkSpanExporterOptions);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(AuditError);
    expect((refusal as AuditError).code).toBe('invalid-option');
    expect((refusal as AuditError).message).toContain(message);
  });

  it('are all accepted together', async () => {
    const { exporter } = rig.open({
      sinks: {
        a: { sink, delivery: { maxElapsedMs: 1000 }, startAt: 'beginning' },
        b1: recordingSink(),
      },
      delivery: {
        maxBatch: 100,
        maxBatchBytes: 1e6,
        maxDelayMs: 50,
        timeoutMs: 1000,
        backoff: { initialMs: 10, maxMs: 100, factor: 3 },
        maxElapsedMs: 60_000,
      },
      ledger: {
        directory: rig.path,
        slots: true,
        maxSegmentBytes: 1e6,
        maxWaitingBytes: 1e6,
        retain: { maxAgeMs: 1e9, maxBytes: 1e9 },
      },
      maxEventBytes: 1e6,
      random: () => 0.5,
    });
    await exporter.shutdown();
    expect(diagnostics.lines).toEqual([]);
  });

  it('say what goes without a ledger', () => {
    rig.openMemory(a);
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: there is no ledger: events wait in memory, and what is not delivered ends with the process',
    ]);
  });
});

describe('an exporter whose ledger cannot be opened', () => {
  it('is not made, and says which file it is and what to do', () => {
    const { writeFileSync } = process.getBuiltinModule('node:fs');
    writeFileSync(rig.path, 'a file where the folder should be');
    expect(() => rig.open({ sinks: {} })).toThrow(
      expect.objectContaining({
        code: 'ledger-unavailable',
        message: expect.stringContaining(rig.path),
      }),
    );
  });
});
