import { describe, expect, it } from '@jest/globals';
import { SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  heldSink,
  idsOf,
  rule,
  shutDown,
  spanWith,
  updated,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';

const disk = diskFaults();
const rig = exporterRig();

/** How a promise ended so far. */
function outcomeOf(promise: Promise<unknown>): { is: string } {
  const outcome = { is: 'pending' };
  promise.then(
    () => {
      outcome.is = 'resolved';
    },
    (error: Error) => {
      outcome.is = error.message;
    },
  );
  return outcome;
}

describe('forceFlush', () => {
  it('waits for what is in flight and for what lingers, without letting time pass', async () => {
    const { sink, sends } = heldSink();
    const { exporter, clock } = rig.open({ sinks: { held: sink } });
    await exported(exporter, spanWith(created));
    await clock.pass(1000);
    await until(() => sends.length === 1);
    await exported(exporter, spanWith(rule));
    const flush = outcomeOf(exporter.forceFlush());
    await settle();
    sends[0]!.resolve();
    await until(() => sends.length === 2);
    await settle();
    expect(flush.is).toBe('pending');
    sends[1]!.resolve();
    await settle();
    expect(flush.is).toBe('resolved');
    expect(clock.monotonic()).toBe(1000);
  });

  it('does not wait for what comes after the call', async () => {
    const { sink, sends } = heldSink();
    const { exporter } = rig.open({ sinks: { held: sink } });
    await exported(exporter, spanWith(created));
    const flush = outcomeOf(exporter.forceFlush());
    await until(() => sends.length === 1);
    await exported(exporter, spanWith(updated));
    sends[0]!.resolve();
    await settle();
    expect(flush.is).toBe('resolved');
    expect(exporter.stats().sinks.held).toMatchObject({ delivered: 1, backlog: 1 });
  });

  it('includes the backlog of earlier runs', async () => {
    const first = rig.open({ sinks: { siem: heldSink().sink } });
    await exported(first.exporter, spanWith(created, rule));
    await shutDown(first.exporter, first.clock);
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { siem: sink } });
    await exporter.forceFlush();
    expect(idsOf(sink.events)).toEqual([created.id, rule.id]);
  });

  it('rejects after 30 s and names the sinks that are behind, with what is wrong', async () => {
    const down = recordingSink();
    down.failWith(new SinkError('sink', 'HTTP 401'));
    const sinks = { quick: recordingSink(), down, hung: heldSink().sink };
    const { exporter, clock } = rig.open({ sinks });
    await exported(exporter, spanWith(created));
    const flush = outcomeOf(exporter.forceFlush());
    await clock.pass(29_999);
    expect(flush.is).toBe('pending');
    await clock.pass(1);
    expect(flush.is).toMatch(
      /^not delivered within 30000 ms: sink down is behind \(.*HTTP 401.*\); sink hung is behind/,
    );
  });

  it('rejects after 30 s when the disk is full, and says so', async () => {
    const { exporter, clock } = rig.open({ sinks: { quick: recordingSink() } });
    disk.space = 0;
    exporter.export([spanWith(created)], () => {});
    const flush = outcomeOf(exporter.forceFlush());
    await clock.pass(30_000);
    expect(flush.is).toMatch(/^not in the ledger within 30000 ms: .*ENOSPC/);
    disk.heal();
    await clock.pass(10_000);
    await exporter.forceFlush();
  });

  it('ends a backoff, unless the far side asked for it', async () => {
    const [polite, usual] = [recordingSink(), recordingSink()];
    polite.failWith(new SinkError('transient', 'HTTP 429', { retryAfterMs: 60_000 }));
    usual.failWith(new Error('down'));
    const { exporter, clock } = rig.open({ sinks: { polite, usual } });
    await exported(exporter, spanWith(created));
    await clock.pass(1000);
    polite.failWith();
    usual.failWith();
    const flush = outcomeOf(exporter.forceFlush());
    await settle();
    expect(usual.events).toHaveLength(1);
    expect(polite.events).toHaveLength(0);
    await clock.pass(30_000);
    expect(flush.is).toMatch(/sink polite is behind/);
  });

  it('rejects, once, when an event becomes a dead letter meanwhile', async () => {
    const sink = recordingSink();
    sink.failWith(new SinkError('event', 'HTTP 422'));
    const { exporter } = rig.open({ sinks: { siem: sink } });
    await exported(exporter, spanWith(created));
    await expect(exporter.forceFlush()).rejects.toMatchObject({ code: 'dead-letter' });
    await exporter.forceFlush();
  });

  it('rejects, once, when without a ledger an event is given up', async () => {
    const { sink, sends } = heldSink();
    const delivery = { maxElapsedMs: 1 };
    const { exporter, clock } = rig.openMemory({ sinks: { held: sink }, delivery });
    exporter.export([spanWith(created)], () => {});
    const flush = exporter.forceFlush();
    const outcome = outcomeOf(flush);
    await settle();
    sends[0]!.reject(new Error('gone'));
    await clock.pass(10);
    sends[1]!.reject(new Error('gone'));
    await clock.pass(10);
    expect(outcome.is).toMatch(/^sink held did not store 1 event\(s\), .*gone$/);
    await exporter.forceFlush();
  });

  it('resolves where nothing was ever recorded, and after shutdown', async () => {
    const { exporter } = rig.open({ sinks: { memory: recordingSink() } });
    await exporter.forceFlush();
    await exporter.shutdown();
    await exporter.forceFlush();
  });

  it('during shutdown waits for its end', async () => {
    const { sink, sends } = heldSink();
    const { exporter, clock } = rig.open({ sinks: { held: sink } });
    await exported(exporter, spanWith(created));
    const shutdown = shutDown(exporter, clock);
    const flush = outcomeOf(exporter.forceFlush());
    await until(() => sends.length === 1);
    expect(flush.is).toBe('pending');
    sends[0]!.resolve();
    await shutdown;
    await settle();
    expect(flush.is).toBe('resolved');
  });
});
