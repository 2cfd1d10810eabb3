import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Checker } from '../../src/checker.js';
import { createEvent } from '../../src/event/event.js';
import { PARTS, SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  heldSink,
  idsOf,
  rule,
  spanWith,
  updated,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';
import { verifyChain } from '../support/verify-chain.js';

diskFaults();
const rig = exporterRig();

const segments = () => fs.readdirSync(rig.path).filter((name) => /^\d{20}\.jsonl$/.test(name));
const large = () => createEvent({ type: 'flag', action: 'created', payload: 'x'.repeat(2000) });

describe('a sink of a ledger', () => {
  it('has a checker of its own, and goes past what that turns away', async () => {
    const [all, some] = [recordingSink(), recordingSink()];
    const { exporter } = rig.open({
      sinks: { all, some: { sink: some, checker: new Checker(['*:created']) } },
    });
    await exporter.sendAudits([created, updated, rule]);
    await exporter.forceFlush();
    expect(idsOf(all.events)).toEqual([created.id, updated.id, rule.id]);
    expect(idsOf(some.events)).toEqual([created.id, rule.id]);
    expect(exporter.stats().sinks.some).toMatchObject({ delivered: 2, rejected: 1, backlog: 0 });
  });

  it('has a pace of its own, and the exporter’s where it says nothing', async () => {
    const [usual, brisk] = [recordingSink(), recordingSink()];
    const { exporter, clock } = rig.open({
      sinks: { usual, brisk: { sink: brisk, delivery: { maxDelayMs: 0 } } },
      delivery: { maxBatch: 2, maxDelayMs: 500 },
    });
    await exporter.sendAudits([created]);
    await until(() => brisk.events.length === 1);
    await clock.pass(499);
    expect(usual.events).toEqual([]);
    await clock.pass(1);
    await until(() => usual.events.length === 1);
    await exporter.sendAudits(flags(4));
    await exporter.forceFlush();
    expect(usual.batches.map(({ length }) => length)).toEqual([1, 2, 2]);
    expect(Math.max(...brisk.batches.map(({ length }) => length))).toBeLessThanOrEqual(2);
  });

  it('goes on where it was, after a restart', async () => {
    const [one, two] = [recordingSink(), recordingSink()];
    const first = rig.open({ sinks: { siem: one } });
    await first.exporter.sendAudits([created]);
    await first.exporter.shutdown();
    const second = rig.open({ sinks: { siem: two } });
    await second.exporter.sendAudits([rule]);
    await second.exporter.forceFlush();
    expect(idsOf(one.events)).toEqual([created.id]);
    expect(idsOf(two.events)).toEqual([rule.id]);
  });

  it('that is added later begins with what is recorded from then on, or at the beginning', async () => {
    const first = rig.open({ sinks: {} });
    await first.exporter.sendAudits([created, updated]);
    await first.exporter.shutdown();
    const [fromNow, fromStart] = [recordingSink(), recordingSink()];
    const second = rig.open({
      sinks: {
        'from-now': fromNow,
        'from-start': { sink: fromStart, startAt: 'beginning' },
      },
    });
    await second.exporter.sendAudits([rule]);
    await second.exporter.forceFlush();
    expect(idsOf(fromNow.events)).toEqual([rule.id]);
    expect(idsOf(fromStart.events)).toEqual([created.id, updated.id, rule.id]);
  });

  it('that was there before the first record has it, though nothing was delivered in that run', async () => {
    const first = rig.open({ sinks: { siem: heldSink().sink } });
    await exported(first.exporter, spanWith(created));
    expect(JSON.parse(fs.readFileSync(rig.file('cursors', 'siem.json'), 'utf8'))).toEqual({
      acknowledged: 0,
    });
  });

  it('keeps what it refuses for good as a dead letter, and goes on', async () => {
    const sink = recordingSink();
    const refusing = {
      sendAudits: async (...[events, context]: Parameters<typeof sink.sendAudits>) => {
        if (events.some(({ id }) => id === updated.id)) throw new SinkError('event', 'HTTP 422');
        await sink.sendAudits(events, context);
      },
    };
    const { exporter, told } = rig.open({ sinks: { siem: refusing } });
    await exporter.sendAudits([created, updated, rule]);
    await exporter.forceFlush().catch(() => {});
    expect(idsOf(sink.events)).toEqual([created.id, rule.id]);
    const [letter, ...others] = fs
      .readFileSync(rig.file('dead', 'siem.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(others).toEqual([]);
    expect(JSON.parse(letter!)).toMatchObject({
      reason: 'HTTP 422',
      record: { seq: 2, id: updated.id },
    });
    expect(exporter.stats().sinks.siem).toMatchObject({ delivered: 2, deadLetters: 1, backlog: 0 });
    await settle();
    expect(told.map(({ error }) => error.code)).toContain('dead-letter');
    expect(told.find(({ error }) => error.code === 'dead-letter')).toMatchObject({
      error: { message: expect.stringMatching(/^sink siem refused an event for good.*HTTP 422/) },
      context: { sink: 'siem', events: [{ id: updated.id }] },
    });
  });

  it('that consists of several has a lane for each, so that none gets twice what another lacks', async () => {
    const [first, second] = [recordingSink(), recordingSink()];
    const parts = [['', first] as const, ['-b', second] as const];
    const whole = { [PARTS]: parts, sendAudits: async () => {} };
    second.failWith(new SinkError('sink', 'gone'));
    const { exporter, clock } = rig.open({ sinks: { hooks: whole } });
    await exporter.sendAudits([created]);
    await clock.pass(60_000);
    await until(() => exporter.stats().sinks['hooks-b']!.failedAttempts > 1);
    expect(idsOf(first.events)).toEqual([created.id]);
    second.failWith();
    await exporter.forceFlush();
    expect(idsOf(first.events)).toEqual([created.id]);
    expect(idsOf(second.events)).toEqual([created.id]);
    expect(fs.readdirSync(rig.file('cursors'))).toEqual(
      expect.arrayContaining(['hooks-b.json', 'hooks.json']),
    );
  });

  it('that hangs keeps nothing from the others', async () => {
    const quick = recordingSink();
    const { exporter, clock } = rig.open({
      sinks: { hung: heldSink().sink, quick },
      delivery: { maxDelayMs: 0 },
    });
    const events = flags(2000);
    for (const event of events) await exporter.sendAudits([event]);
    await until(() => quick.events.length === events.length);
    expect(idsOf(quick.events)).toEqual(idsOf(events));
    expect(exporter.stats().sinks).toMatchObject({
      hung: { backlog: 2000 },
      quick: { backlog: 0 },
    });
    expect(clock.monotonic()).toBe(0);
  });
});

describe('retention', () => {
  const ledger = () => ({
    directory: rig.path,
    maxSegmentBytes: 10_000,
    retain: { maxBytes: 20_000 },
  });

  it('removes what every configured sink has, and nothing that one of them lacks', async () => {
    const [quick, slow] = [recordingSink(), recordingSink()];
    slow.failWith(new Error('down'));
    const { exporter, clock } = rig.open({ sinks: { quick, slow }, ledger: ledger() });
    for (let n = 0; n < 50; n += 1) await exporter.sendAudits([large()]);
    await clock.pass(20_000);
    expect(segments()).toHaveLength(13);
    slow.failWith();
    await exporter.forceFlush();
    // It looks every ten seconds; the cursor is saved in the disk's own time.
    while (segments().length > 3) await clock.pass(10_000);
    expect(verifyChain(rig.path).at(-1)).toMatchObject({ seq: 50 });
  });

  it('happens as soon as a segment is full, where there is no sink at all', async () => {
    const { exporter } = rig.open({ sinks: {}, ledger: ledger() });
    for (let n = 0; n < 50; n += 1) await exporter.sendAudits([large()]);
    expect(segments().length).toBeLessThanOrEqual(3);
    verifyChain(rig.path);
  });

  it('is not held back by a sink that was removed', async () => {
    const gone = recordingSink();
    gone.failWith(new Error('down'));
    const first = rig.open({ sinks: { gone }, ledger: ledger() });
    for (let n = 0; n < 30; n += 1) await first.exporter.sendAudits([large()]);
    const shutdown = first.exporter.shutdown();
    await first.clock.pass(12_000);
    await shutdown;
    expect(segments()).toHaveLength(8);
    const back = recordingSink();
    const second = rig.open({ sinks: {}, ledger: ledger() });
    for (let n = 0; n < 20; n += 1) await second.exporter.sendAudits([large()]);
    expect(segments().length).toBeLessThanOrEqual(3);
    await second.exporter.shutdown();
    // It comes back: what is there it gets, the rest is gone.
    const third = rig.open({ sinks: { gone: back }, ledger: ledger() });
    await third.exporter.forceFlush();
    expect(idsOf(back.events)).toEqual(rig.lines().map(({ id }) => id));
  });

  it('takes nothing where the user did not say so', async () => {
    const options = { directory: rig.path, maxSegmentBytes: 10_000 };
    const { exporter, clock } = rig.open({ sinks: {}, ledger: options });
    for (let n = 0; n < 50; n += 1) await exporter.sendAudits([large()]);
    await clock.pass(60_000);
    expect(segments()).toHaveLength(13);
  });
});
